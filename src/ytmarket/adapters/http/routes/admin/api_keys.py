"""Customers' keys, as operators handle them."""

from __future__ import annotations

from starlette.responses import Response

from ytmarket.adapters.http.answers import answer
from ytmarket.adapters.http.operators import OperatorRequest
from ytmarket.adapters.http.wire.admin import MintBody, minted_view
from ytmarket.adapters.http.wire.bodies import read


async def mint_key(request: OperatorRequest) -> Response:
    """POST /api-keys: an account with its first key, which is shown only in this answer."""
    told = read(MintBody, await request.body())
    minted = await request.services.api_keys.mint(
        told.label,
        request.actor,
        with_secret=told.with_secret is not False,
        allowed=told.allowed,
    )
    return answer(minted_view(minted), 201)
