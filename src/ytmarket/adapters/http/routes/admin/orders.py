"""Orders, as operators find them and call them off."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from starlette.responses import Response

from ytmarket.adapters.http.answers import answer
from ytmarket.adapters.http.operators import OperatorRequest, instruction, told
from ytmarket.adapters.http.paths import path_id
from ytmarket.adapters.http.wire.admin import ReasonBody
from ytmarket.adapters.http.wire.admin_orders import (
    found_order_view,
    order_with_events_view,
    read_orders_query,
)
from ytmarket.adapters.http.wire.bodies import read
from ytmarket.adapters.http.wire.lists import page
from ytmarket.adapters.http.wire.orders import render_order
from ytmarket.domain.errors import OrderNotFound
from ytmarket.domain.ids import AccountId, OrderId
from ytmarket.domain.orders import Order


async def list_orders(request: OperatorRequest) -> Response:
    """GET /orders?status=&fp=&product_id=: everybody's, newest first."""
    wanted, paging = read_orders_query(request.exchange.query_string)
    found = await request.services.queries.find_orders(wanted, paging)
    keys = await _keys(request, found.rows)
    return answer(page(found, lambda order: found_order_view(order, keys)))


async def show_order(request: OperatorRequest) -> Response:
    """GET /orders/{id}: with its events and their webhooks, without what was delivered."""
    order_id = OrderId(path_id(request.exchange, OrderNotFound))
    found = await request.services.queries.order(None, order_id)
    if found is None:
        raise OrderNotFound
    events = await request.services.queries.events(order_id)
    return answer(order_with_events_view(found.order, await _keys(request, [found.order]), events))


async def cancel_order(request: OperatorRequest) -> Response:
    """POST /orders/{id}/cancel: what was charged becomes due."""
    order_id = OrderId(path_id(request.exchange, OrderNotFound))
    body = await request.body()
    reason = read(ReasonBody, body).reason
    word = instruction(request, reason, body, render_order)
    return told(await request.services.fulfilment.cancel(order_id, word))


async def _keys(request: OperatorRequest, orders: Sequence[Order]) -> Mapping[AccountId, str]:
    accounts = {order.account_id for order in orders if order.account_id is not None}
    return await request.services.queries.fingerprints(accounts)
