"""Orders, as operators call them off."""

from __future__ import annotations

from starlette.responses import Response

from ytmarket.adapters.http.answers import answer
from ytmarket.adapters.http.operators import OperatorRequest, required_attempt
from ytmarket.adapters.http.paths import path_id
from ytmarket.adapters.http.wire.admin import ReasonBody
from ytmarket.adapters.http.wire.bodies import read
from ytmarket.adapters.http.wire.orders import order_view
from ytmarket.domain.errors import OrderNotFound
from ytmarket.domain.ids import OrderId


async def cancel_order(request: OperatorRequest) -> Response:
    """POST /orders/{id}/cancel: what was charged becomes due."""
    order_id = OrderId(path_id(request.exchange, OrderNotFound))
    body = await request.body()
    required_attempt(request.exchange, f"/api/admin/orders/{order_id}/cancel", body)
    reason = read(ReasonBody, body).reason
    order = await request.services.fulfilment.cancel(order_id, reason, request.actor)
    return answer(order_view(order))
