"""Orders: what was bought, what it cost, and how each ending divides the money.

Whatever happens, `settled + refunded + still due = charged` once an order has ended.
"""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any

import attrs

from ytmarket.domain import chart, ledger
from ytmarket.domain.errors import IllegalMove, InvalidValue
from ytmarket.domain.ids import AccountId, ApiKeyId, EventId, OrderId, ProductId
from ytmarket.domain.ledger import Transfer
from ytmarket.domain.money import ZERO, Usdt
from ytmarket.domain.order_states import (
    FINAL,
    Move,
    OrderStatus,
    RefundStatus,
    next_state,
)


class Channel(StrEnum):
    """Where an order came from. Only API orders are paid from a balance."""

    API = "api"
    WEBSITE = "website"
    MARKETPLACE = "marketplace"


@attrs.frozen(kw_only=True)
class Order:
    """An order. `price` was agreed; `charged` is what was taken for it."""

    id: OrderId
    channel: Channel = Channel.API
    account_id: AccountId | None = None
    api_key_id: ApiKeyId | None = None
    product_id: ProductId
    quantity: int
    price: Usdt
    hits: int
    charged: Usdt = ZERO
    settled: Usdt = ZERO
    refunded: Usdt = ZERO
    status: OrderStatus = OrderStatus.PROCESSING
    refund: RefundStatus = RefundStatus.NONE
    delivered: int = 0
    webhook_url: str | None = None
    error_message: str | None = None
    created_at: datetime
    updated_at: datetime
    deadline_at: datetime  # when it expires unless it has moved on by then

    @property
    def due(self) -> Usdt:
        """What is owed back and has not been given back yet."""
        return self.charged - self.settled if self.refund is RefundStatus.DUE else ZERO

    @property
    def is_refunded(self) -> bool:
        return self.refund is RefundStatus.REFUNDED

    @property
    def is_final(self) -> bool:
        return self.status in FINAL


@attrs.frozen(kw_only=True)
class OrderEvent:
    """Something that happened to an order, as its webhook tells it; frozen as it was then."""

    order_id: OrderId
    status: str  # the order's status, or "refunded"
    refunded: Usdt
    error_message: str | None
    at: datetime
    id: EventId | None = None  # given when it is kept

    @classmethod
    def of(cls, order: Order, status: str | None = None) -> OrderEvent:
        return cls(
            order_id=order.id,
            status=status or order.status,
            refunded=order.refunded,
            error_message=order.error_message,
            at=order.updated_at,
        )


@attrs.frozen(kw_only=True)
class Change:
    """One move of an order, with the money it moves and the event it makes: kept together."""

    order: Order
    transfers: tuple[Transfer, ...] = ()
    event: OrderEvent | None = None


def pay(order: Order, payment: Transfer, deadline_at: datetime) -> Change:
    """What arrived for a website order is in escrow: so much was it charged, and delivery begins.

    *deadline_at* is when it expires unless it is delivered by then.
    """
    if payment.credit != chart.ESCROW or payment.order_id != order.id:
        raise InvalidValue("an order is paid by a transfer into escrow in its name")
    moved = _moved(order, Move.PAY, payment.at, charged=payment.amount, deadline_at=deadline_at)
    return _told(moved, payment)


def deliver(order: Order, now: datetime) -> Change:
    """All of it was delivered: the whole charge is earned."""
    moved = _moved(order, Move.DELIVER, now, delivered=order.quantity, settled=order.charged)
    return _told(moved, ledger.order_settled(order.id, order.charged, now))


def deliver_some(order: Order, delivered: int, message: str, now: datetime) -> Change:
    """Some of it was delivered: the share of the rest becomes due, rounded up to the micro."""
    if not 0 < delivered < order.quantity:
        raise InvalidValue(f"a partial delivery of {order.quantity} cannot be {delivered}")
    due = order.charged.share_up(order.quantity - delivered, order.quantity)
    settled = order.charged - due
    moved = _moved(
        order,
        Move.DELIVER_SOME,
        now,
        delivered=delivered,
        settled=settled,
        error_message=message,
    )
    transfers = (ledger.order_settled(order.id, settled, now),) if settled else ()
    return _told(moved, *transfers)


def fail(order: Order, message: str, now: datetime) -> Change:
    """It cannot be delivered: the whole charge becomes due."""
    return _told(_moved(order, Move.FAIL, now, error_message=message))


def expire(order: Order, now: datetime) -> Change:
    """It was not delivered, or not paid, in time."""
    paid = order.status is OrderStatus.PROCESSING
    message = "not delivered in time" if paid else "not paid in time"
    return _told(_moved(order, Move.EXPIRE, now, error_message=message))


def expire_overdue(order: Order, now: datetime) -> Change:
    """Expire it if its deadline has come; a payment may have moved that on. Raises `IllegalMove`."""
    if order.deadline_at > now:
        raise IllegalMove(status=order.status, move=Move.EXPIRE)
    return expire(order, now)


def cancel(order: Order, message: str, now: datetime) -> Change:
    """An operator called it off."""
    return _told(_moved(order, Move.CANCEL, now, error_message=message))


def refund(order: Order, now: datetime) -> Change:
    """What is due goes back: to the balance, to what an operator pays out, or to the marketplace."""
    amount = order.due
    moved = _moved(order, Move.REFUND, now, refunded=amount)
    if order.account_id is not None:
        transfer = ledger.order_refunded(order.id, order.account_id, amount, now)
    elif order.channel is Channel.MARKETPLACE:
        transfer = ledger.marketplace_returned(order.id, amount, now)
    else:
        transfer = ledger.website_refund_owed(order.id, amount, now)
    return Change(order=moved, transfers=(transfer,), event=OrderEvent.of(moved, "refunded"))


def _moved(order: Order, move: Move, now: datetime, **changes: Any) -> Order:
    status, refund_status = next_state((order.status, order.refund), move)
    return attrs.evolve(order, status=status, refund=refund_status, updated_at=now, **changes)


def _told(order: Order, *transfers: Transfer) -> Change:
    return Change(order=order, transfers=transfers, event=OrderEvent.of(order))
