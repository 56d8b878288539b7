"""Buying."""

from __future__ import annotations

from typing import Final

from starlette.responses import Response

from ytmarket.adapters.http.admission import ClientRequest, read_attempt
from ytmarket.adapters.http.answers import answer, kept_answer
from ytmarket.adapters.http.paths import path_id
from ytmarket.adapters.http.wire.lists import page
from ytmarket.adapters.http.wire.orders import order_view, read_order
from ytmarket.adapters.http.wire.queries import read_paging
from ytmarket.domain.errors import OrderNotFound, Refused
from ytmarket.domain.ids import OrderId
from ytmarket.domain.shop import OrderRequest

PATH: Final = "/api/v1/orders"


async def place_order(request: ClientRequest) -> Response:
    """POST /orders."""
    attempt = await read_attempt(request, PATH)
    command = read_order(request.body)
    if isinstance(command, Refused) and attempt is None and request.signature is None:
        raise command  # nothing is to be written, so the desk need not be asked
    placed = await request.services.order_desk.place(
        OrderRequest(
            account_id=request.key.account_id,
            api_key_id=request.key.id,
            command=command,
            attempt=attempt,
            signature=request.signature,
        )
    )
    return kept_answer(placed.body, replayed=placed.replayed)


async def show_order(request: ClientRequest) -> Response:
    """GET /orders/{id}."""
    order_id = OrderId(path_id(request.exchange, OrderNotFound))
    found = await request.services.reading.order(request.key.account_id, order_id)
    return answer(order_view(found.order, found.items))


async def list_orders(request: ClientRequest) -> Response:
    """GET /orders."""
    paging = read_paging(request.exchange.query_string)
    return answer(page(await request.services.reading.orders(request.key.account_id, paging), order_view))
