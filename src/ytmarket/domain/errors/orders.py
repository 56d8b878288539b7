"""Refusals about orders: what is sold, in what quantity, at what price, and what came of it."""

from __future__ import annotations

from typing import Any

import attrs

from ytmarket.domain.errors.base import Conflict, NotFound, Refused


@attrs.frozen(kw_only=True)
class ProductNotFound(NotFound):
    """There is no product with this id."""

    code = "product_not_found"


@attrs.frozen(kw_only=True)
class OrderNotFound(NotFound):
    """You have no order with this id."""

    code = "order_not_found"


@attrs.frozen(kw_only=True)
class EventNotFound(NotFound):
    """There is no event with this id, or its order has no webhook URL."""

    code = "event_not_found"


@attrs.frozen(kw_only=True)
class InvoicesUnavailable(Refused):
    """Paying by invoice is not available; use payment_method "balance"."""

    code = "invoice_not_implemented"


@attrs.frozen(kw_only=True)
class BelowMinimum(Refused):
    """This product is sold in larger quantities; order at least min_quantity units."""

    code = "below_minimum"
    min_quantity: int


@attrs.frozen(kw_only=True)
class InsufficientStock(Conflict):
    """There are not so many units in stock."""

    code = "insufficient_stock"
    available: int


@attrs.frozen(kw_only=True)
class DuplicateUnit(Conflict):
    """This product has, or had and sold, a unit with the same content; nothing was added."""

    code = "duplicate_unit"
    position: int


@attrs.frozen(kw_only=True)
class SkuTaken(Conflict):
    """Another product has this sku; nothing was changed."""

    code = "sku_taken"
    position: int | None = None


@attrs.frozen(kw_only=True)
class PriceChanged(Conflict):
    """The price is above your max_price_usdt; nothing was charged."""

    code = "price_changed"
    price_usdt: Any


@attrs.frozen(kw_only=True)
class IllegalMove(Conflict):
    """The order cannot make this move from the state it is in."""

    code = "illegal_order_move"
    status: str
    move: str


@attrs.frozen(kw_only=True)
class OrderNotPayable(Conflict):
    """This order awaits no payment any more; credit the deposit to a key, or return it."""

    code = "order_not_payable"
    order_status: str


@attrs.frozen(kw_only=True)
class NoRefundOwed(Conflict):
    """Nothing is owed to this order's buyer: no refund has been made, or it was paid out already."""

    code = "no_refund_owed"
    order_status: str
