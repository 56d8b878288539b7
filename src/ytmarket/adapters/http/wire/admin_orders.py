"""Orders as operators look for them and see them: never what was delivered."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec

from ytmarket.adapters.http.wire.bodies import ID_MAX
from ytmarket.adapters.http.wire.money import Money, money
from ytmarket.adapters.http.wire.queries import Parameters, read_paging
from ytmarket.application.ports.queries import EventView, OrderFilter, Paging
from ytmarket.domain.errors import InvalidRequest
from ytmarket.domain.ids import AccountId, ProductId
from ytmarket.domain.order_states import OrderStatus
from ytmarket.domain.orders import Order
from ytmarket.domain.times import epoch_seconds


class FoundOrderView(msgspec.Struct, kw_only=True):
    """A row of the list. `fp` is the newest key of the account; orders without a balance have none."""

    order_id: int
    channel: str
    fp: str | None
    product_id: int
    quantity: int
    delivered: int
    price_usdt: Money
    status: str
    refund: str
    refunded_usdt: Money
    error_message: str | None
    created_at: int
    updated_at: int


class OrderEventView(msgspec.Struct, kw_only=True):
    """Something that happened to an order, and how its webhook fares."""

    event_id: str
    status: str
    at: int
    delivery: str
    attempts: int
    last_status: int | None


class OrderWithEventsView(FoundOrderView, kw_only=True):
    """One order with what happened to it, oldest first."""

    events: list[OrderEventView]


def read_orders_query(query_string: bytes) -> tuple[OrderFilter, Paging]:
    """Which orders are looked for. Raises `InvalidRequest`."""
    given = Parameters.of(query_string)
    status = given.choice("status", list(OrderStatus), None)
    wanted = OrderFilter(
        status=None if status is None else OrderStatus(status),
        fp=given.text("fp"),
        product=_product(given.text("product_id")),
    )
    return wanted, read_paging(query_string)


def found_order_view(order: Order, keys: Mapping[AccountId, str]) -> FoundOrderView:
    """*keys* are the fingerprints by account."""
    return FoundOrderView(
        order_id=order.id,
        channel=order.channel,
        fp=None if order.account_id is None else keys.get(order.account_id),
        product_id=order.product_id,
        quantity=order.quantity,
        delivered=order.delivered,
        price_usdt=money(order.price),
        status=order.status,
        refund=order.refund,
        refunded_usdt=money(order.refunded),
        error_message=order.error_message,
        created_at=epoch_seconds(order.created_at),
        updated_at=epoch_seconds(order.updated_at),
    )


def order_with_events_view(
    order: Order, keys: Mapping[AccountId, str], events: Sequence[EventView]
) -> OrderWithEventsView:
    """One order as operators see it."""
    return OrderWithEventsView(
        **msgspec.structs.asdict(found_order_view(order, keys)),
        events=[
            OrderEventView(
                event_id=str(view.event.id),
                status=view.event.status,
                at=epoch_seconds(view.event.at),
                delivery=view.delivery,
                attempts=view.attempts,
                last_status=view.last_status,
            )
            for view in events
        ],
    )


def _product(text: str | None) -> ProductId | None:
    if text is None:
        return None
    is_number = text.isascii() and text.isdecimal() and len(text) <= len(str(ID_MAX))
    if not is_number or not 0 < int(text) <= ID_MAX:
        raise InvalidRequest(pointer="product_id", problem=f"must be a whole number from 1 to {ID_MAX}")
    return ProductId(int(text))
