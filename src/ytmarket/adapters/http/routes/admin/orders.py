"""Orders, as operators call them off."""

from __future__ import annotations

from starlette.responses import Response

from ytmarket.adapters.http.operators import OperatorRequest, instruction, told
from ytmarket.adapters.http.paths import path_id
from ytmarket.adapters.http.wire.admin import ReasonBody
from ytmarket.adapters.http.wire.bodies import read
from ytmarket.adapters.http.wire.orders import render_order
from ytmarket.domain.errors import OrderNotFound
from ytmarket.domain.ids import OrderId


async def cancel_order(request: OperatorRequest) -> Response:
    """POST /orders/{id}/cancel: what was charged becomes due."""
    order_id = OrderId(path_id(request.exchange, OrderNotFound))
    body = await request.body()
    reason = read(ReasonBody, body).reason
    word = instruction(request, reason, body, render_order)
    return told(await request.services.fulfilment.cancel(order_id, word))
