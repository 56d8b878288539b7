"""What a client has."""

from __future__ import annotations

from starlette.responses import Response

from ytmarket.adapters.http.admission import ClientRequest
from ytmarket.adapters.http.answers import answer
from ytmarket.adapters.http.wire.accounts import balance_view


async def show_balance(request: ClientRequest) -> Response:
    """GET /balance."""
    return answer(balance_view(await request.services.reading.totals(request.key.account_id)))
