"""Customers' keys, as operators handle them."""

from __future__ import annotations

from starlette.responses import Response

from ytmarket.adapters.http.answers import answer
from ytmarket.adapters.http.operators import OperatorRequest, instruction, told
from ytmarket.adapters.http.paths import path_name
from ytmarket.adapters.http.wire.admin import CreditBody, MintBody, WhitelistBody, read_optional_reason
from ytmarket.adapters.http.wire.admin_views import (
    key_state_view,
    key_view,
    minted_view,
    render_adjusted,
    rotated_view,
)
from ytmarket.adapters.http.wire.bodies import read
from ytmarket.adapters.http.wire.lists import page
from ytmarket.adapters.http.wire.queries import read_paging
from ytmarket.domain.errors import KeyNotFound


async def mint_key(request: OperatorRequest) -> Response:
    """POST /api-keys: an account with its first key, which is shown only in this answer."""
    wanted = read(MintBody, await request.body())
    minted = await request.services.api_keys.mint(
        wanted.label,
        request.actor,
        with_secret=wanted.with_secret is not False,
        allowed=wanted.allowed,
    )
    return answer(minted_view(minted), 201)


async def list_keys(request: OperatorRequest) -> Response:
    """GET /api-keys: revoked ones too, by age."""
    paging = read_paging(request.exchange.query_string)
    return answer(page(await request.services.queries.key_summaries(paging), key_view))


async def revoke_key(request: OperatorRequest) -> Response:
    """POST /api-keys/{fp}/revoke: it opens nothing any more."""
    reason = read_optional_reason(await request.body())
    return answer(
        key_state_view(await request.services.api_keys.revoke(_fp(request), request.actor, reason=reason))
    )


async def rotate_secret(request: OperatorRequest) -> Response:
    """POST /api-keys/{fp}/rotate-secret: the old secret is dead at once."""
    read_optional_reason(await request.body())
    return answer(rotated_view(await request.services.api_keys.rotate_secret(_fp(request), request.actor)))


async def replace_key(request: OperatorRequest) -> Response:
    """POST /api-keys/{fp}/replace: another key for the same account."""
    read_optional_reason(await request.body())
    return answer(minted_view(await request.services.api_keys.replace(_fp(request), request.actor)), 201)


async def put_whitelist(request: OperatorRequest) -> Response:
    """PUT /api-keys/{fp}/ip-whitelist."""
    allowed = read(WhitelistBody, await request.body()).allowed
    return answer(
        key_state_view(await request.services.api_keys.set_allowed(_fp(request), allowed, request.actor))
    )


async def credit_key(request: OperatorRequest) -> Response:
    """POST /api-keys/{fp}/credit: negative amounts are taken."""
    fp, body = _fp(request), await request.body()
    wanted = read(CreditBody, body)
    word = instruction(request, wanted.reason, body, render_adjusted)
    return told(await request.services.api_keys.credit(fp, wanted.amount_usdt.usdt, word))


def _fp(request: OperatorRequest) -> str:
    return path_name(request.exchange, "fp", KeyNotFound)
