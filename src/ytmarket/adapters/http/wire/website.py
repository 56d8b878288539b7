"""Orders without a balance, as operators and the website ask for them and see them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated

import msgspec

from ytmarket.adapters.http.wire.admin import Reason
from ytmarket.adapters.http.wire.bodies import ID_MAX, Body, read
from ytmarket.adapters.http.wire.encoding import encode
from ytmarket.adapters.http.wire.money import Amount, Money, money
from ytmarket.adapters.http.wire.orders import RawData
from ytmarket.adapters.http.wire.topups import read_network
from ytmarket.application.marketplace import Sold
from ytmarket.application.website import Buy, WebsiteOrder
from ytmarket.domain import limits
from ytmarket.domain.ids import ProductId
from ytmarket.domain.networks import CODES, Network
from ytmarket.domain.times import epoch_seconds

Id = Annotated[int, msgspec.Meta(ge=1, le=ID_MAX)]
Quantity = Annotated[int, msgspec.Meta(ge=limits.QUANTITY_MIN, le=limits.QUANTITY_MAX)]
Word = Annotated[str, msgspec.Meta(min_length=1, max_length=limits.NAME_CHARS_MAX)]


class WebsiteOrderBody(Body, frozen=True, kw_only=True):
    """POST /website-orders."""

    product_id: Id
    quantity: Quantity
    network: Annotated[str, msgspec.Meta(extra_json_schema={"enum": CODES})]


class RefundPaidBody(Body, frozen=True, kw_only=True):
    """POST /website-orders/{id}/refund-paid."""

    tx_hash: Word
    reason: Reason


class MarketplaceOrderBody(Body, frozen=True, kw_only=True):
    """POST /marketplace-orders. `channel` is the marketplace, `external_id` its number for the order."""

    product_id: Id
    quantity: Quantity
    amount_usdt: Amount
    channel: Word
    external_id: Word


class DepositApplyBody(Body, frozen=True, kw_only=True):
    """POST /deposits/{id}/apply."""

    order_id: Id
    reason: Reason


class WebsiteOrderView(msgspec.Struct, kw_only=True):
    """A website order: `amount_usdt` is what must be sent. `items` is there once something was delivered."""

    order_id: int
    status: str
    amount_usdt: Money
    payment_address: str
    expires_at: int
    raw_data: RawData
    items: list[msgspec.Raw] | msgspec.UnsetType = msgspec.UNSET


class WebsiteOrderState(WebsiteOrderView, kw_only=True):
    """What became of a website order. `paid_usdt` is what arrived; a refund is owed until it is paid."""

    product_id: int
    quantity: int
    network: str
    paid_usdt: Money
    error_message: str | None
    refunded: bool
    refunded_usdt: Money
    refund_tx_hash: str | None


def read_website_order(body: bytes, offered: Iterable[Network]) -> Buy:
    """Raises `InvalidRequest`."""
    told = read(WebsiteOrderBody, body)
    network = read_network(told.network, offered)
    return Buy(product_id=ProductId(told.product_id), quantity=told.quantity, network=network)


def read_marketplace_order(body: bytes) -> Sold:
    """Raises `InvalidRequest`; whether it can have been sold for so much is for the desk to say."""
    told = read(MarketplaceOrderBody, body)
    return Sold(
        product_id=ProductId(told.product_id),
        quantity=told.quantity,
        amount=told.amount_usdt.usdt,
        marketplace=told.channel,
        external_id=told.external_id,
    )


def render_checkout(found: WebsiteOrder) -> bytes:
    """The answer to a new website order: what to pay, where, and until when."""
    order, checkout = found.order, found.checkout
    return encode(
        WebsiteOrderView(
            order_id=order.id,
            status=order.status,
            amount_usdt=money(order.price),
            payment_address=checkout.address,
            expires_at=epoch_seconds(checkout.expires_at),
            raw_data=RawData(order.hits),
        )
    )


def render_website_order(found: WebsiteOrder) -> bytes:
    """The order as it is now."""
    order, checkout = found.order, found.checkout
    return encode(
        WebsiteOrderState(
            order_id=order.id,
            status=order.status,
            amount_usdt=money(order.price),
            payment_address=checkout.address,
            expires_at=epoch_seconds(checkout.expires_at),
            raw_data=RawData(order.hits),
            items=list(map(msgspec.Raw, found.items)) if found.items else msgspec.UNSET,
            product_id=order.product_id,
            quantity=order.quantity,
            network=checkout.network,
            paid_usdt=money(order.charged),
            error_message=order.error_message,
            refunded=order.is_refunded,
            refunded_usdt=money(order.refunded),
            refund_tx_hash=checkout.refund_tx_hash,
        )
    )
