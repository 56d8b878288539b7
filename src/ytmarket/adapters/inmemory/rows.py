"""What the tables hold beside the domain's own values."""

from __future__ import annotations

from datetime import datetime

import attrs

from ytmarket.application.ports.chain_reader import Cursor
from ytmarket.domain.alarms import RungAlarm
from ytmarket.domain.ids import OrderId, ProductId, UnitId
from ytmarket.domain.ledger import CustomerTotals
from ytmarket.domain.orders import Order, OrderEvent
from ytmarket.domain.reconciliation import Holding
from ytmarket.domain.webhooks import Delivery


@attrs.frozen(kw_only=True)
class AccountRow:
    """A customer with what its transfers add up to."""

    label: str
    created_at: datetime
    totals: CustomerTotals = attrs.field(factory=CustomerTotals)
    frozen: bool = False


@attrs.frozen(kw_only=True)
class UnitRow:
    """One thing in stock: free, held for an order, or delivered to it."""

    id: UnitId
    product_id: ProductId
    sealed: bytes = attrs.field(repr=False)
    fingerprint: bytes
    order_id: OrderId | None = None
    delivered: bool = False


@attrs.frozen(kw_only=True)
class OrderRow:
    """An order, and until when a worker has it."""

    order: Order
    leased_until: datetime | None = None


@attrs.frozen(kw_only=True)
class EventRow:
    """An event on its way; whoever claimed it last holds `token` until the lease ends."""

    number: int  # an order's events go out in this order
    event: OrderEvent
    delivery: Delivery
    due_at: datetime | None
    attempts: int = 0
    token: str | None = None
    leased_until: datetime | None = None
    last_status: int | None = None


@attrs.frozen(kw_only=True)
class AlarmRow:
    """An alarm, whether an operator knows of it, and until when somebody is telling."""

    rung: RungAlarm
    is_told: bool = False
    leased_until: datetime | None = None


@attrs.frozen(kw_only=True)
class ProgressRow:
    """How far a network has been read for one wallet, and when a page was kept last."""

    cursor: Cursor
    read_until: datetime
    updated_at: datetime


@attrs.frozen(kw_only=True)
class NetworkRow:
    """A network that is read, and what keeps it from being read."""

    noted_at: datetime
    trouble: str | None = None
    stopped: bool = False


@attrs.frozen(kw_only=True)
class ReconciliationRow:
    """How far a chain and the books agree, and when to look again."""

    not_before: datetime
    due_at: datetime
    agreed: Holding | None = None
