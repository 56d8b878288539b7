"""What a client has."""

from __future__ import annotations

from starlette.responses import Response

from ytmarket.adapters.http.admission import ClientRequest
from ytmarket.adapters.http.answers import answer
from ytmarket.adapters.http.wire.accounts import balance_view, statement_view, usage_view
from ytmarket.adapters.http.wire.lists import page
from ytmarket.adapters.http.wire.queries import read_paging


async def show_balance(request: ClientRequest) -> Response:
    """GET /balance."""
    return answer(balance_view(await request.services.reading.totals(request.key.account_id)))


async def list_transactions(request: ClientRequest) -> Response:
    """GET /balance/transactions."""
    paging = read_paging(request.exchange.query_string)
    account = request.key.account_id
    found = await request.services.reading.statement(account, paging)
    return answer(page(found, lambda transfer: statement_view(transfer, account)))


async def show_usage(request: ClientRequest) -> Response:
    """GET /usage."""
    services = request.services
    usage = await services.usage.usage(request.key.id)
    return answer(usage_view(usage, await services.reading.totals(request.key.account_id)))
