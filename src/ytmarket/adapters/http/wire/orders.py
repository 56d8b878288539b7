"""Orders as clients ask for them and see them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Final

import msgspec

from ytmarket.adapters.http.wire.bodies import ID_MAX, Body, read
from ytmarket.adapters.http.wire.encoding import encode
from ytmarket.adapters.http.wire.money import Amount, Money, money
from ytmarket.domain import limits
from ytmarket.domain.errors import InvalidRequest, InvoicesUnavailable, Refused
from ytmarket.domain.ids import ProductId
from ytmarket.domain.money import ZERO
from ytmarket.domain.orders import Order, OrderEvent
from ytmarket.domain.shop import PlaceOrder
from ytmarket.domain.times import epoch_seconds
from ytmarket.domain.webhook_urls import parse_webhook_url

BALANCE: Final = "balance"
INVOICE: Final = "invoice"


class OrderBody(Body, frozen=True, kw_only=True):
    """POST /orders."""

    product_id: Annotated[int, msgspec.Meta(ge=1)]
    quantity: Annotated[int, msgspec.Meta(ge=limits.QUANTITY_MIN, le=limits.QUANTITY_MAX)]
    payment_method: Annotated[str, msgspec.Meta(extra_json_schema={"enum": [BALANCE, INVOICE]})]
    webhook_url: str | None = None
    max_price_usdt: Amount | None = None


class RawData(msgspec.Struct):
    """How the price came about: each hit added 1%."""

    dp_hits: int


class OrderView(msgspec.Struct, kw_only=True):
    """An order. `items` is there once something was delivered."""

    order_id: int
    status: str
    product_id: int
    quantity: int
    price_usdt: Money
    refunded: bool
    refunded_usdt: Money
    items: list[msgspec.Raw] | msgspec.UnsetType = msgspec.UNSET
    error_message: str | None
    raw_data: RawData
    created_at: int
    updated_at: int


class EventView(msgspec.Struct, kw_only=True):
    """What a webhook tells."""

    order_id: int
    status: str
    price_usdt: Money
    quantity: int
    product_id: int
    items: list[msgspec.Raw]
    error_message: str | None
    refunded: bool
    refunded_usdt: Money
    fired_at: int


def read_order(body: bytes) -> PlaceOrder | Refused:
    """What is to be ordered, or why these words are no order."""
    try:
        return _read_order(body)
    except Refused as refusal:
        return refusal


def _read_order(body: bytes) -> PlaceOrder:
    wanted = read(OrderBody, body)
    if wanted.product_id > ID_MAX:
        raise InvalidRequest(pointer="/product_id", problem=f"must be at most {ID_MAX}")
    if wanted.payment_method not in (BALANCE, INVOICE):
        raise InvalidRequest(pointer="/payment_method", problem=f'must be "{BALANCE}"')
    if wanted.webhook_url is not None:
        parse_webhook_url(wanted.webhook_url)
    max_price = None if wanted.max_price_usdt is None else wanted.max_price_usdt.usdt
    if max_price is not None and max_price <= ZERO:
        raise InvalidRequest(pointer="/max_price_usdt", problem="must be more than 0")
    if wanted.payment_method == INVOICE:
        raise InvoicesUnavailable
    return PlaceOrder(
        product_id=ProductId(wanted.product_id),
        quantity=wanted.quantity,
        max_price=max_price,
        webhook_url=wanted.webhook_url,
    )


def order_view(order: Order, items: Sequence[bytes] = ()) -> OrderView:
    """*items* are the delivered contents, each a JSON object; a list of orders shows none."""
    return OrderView(
        order_id=order.id,
        status=order.status,
        product_id=order.product_id,
        quantity=order.quantity,
        price_usdt=money(order.price),
        refunded=order.is_refunded,
        refunded_usdt=money(order.refunded),
        items=list(map(msgspec.Raw, items)) if items else msgspec.UNSET,
        error_message=order.error_message,
        raw_data=RawData(order.hits),
        created_at=epoch_seconds(order.created_at),
        updated_at=epoch_seconds(order.updated_at),
    )


def render_order(order: Order) -> bytes:
    """The answer to a placed order."""
    return encode(order_view(order))


def render_event(event: OrderEvent, order: Order, items: Sequence[bytes]) -> bytes:
    """A webhook's body: what had become of the order when the event happened."""
    return encode(
        EventView(
            order_id=event.order_id,
            status=event.status,
            price_usdt=money(order.price),
            quantity=order.quantity,
            product_id=order.product_id,
            items=list(map(msgspec.Raw, items)),
            error_message=event.error_message,
            refunded=bool(event.refunded),
            refunded_usdt=money(event.refunded),
            fired_at=epoch_seconds(event.at),
        )
    )
