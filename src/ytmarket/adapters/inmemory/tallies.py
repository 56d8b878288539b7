"""The shop in memory in figures: nothing there is too much to be counted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import datetime

import attrs

from ytmarket.adapters.inmemory.state import State
from ytmarket.application.ports.watching import AGES, DUST, ShopFigures, Waiting
from ytmarket.domain.deposits import DepositRecord, DepositStatus, UnmatchedReason
from ytmarket.domain.order_states import OrderStatus, RefundStatus
from ytmarket.domain.orders import Order
from ytmarket.domain.webhooks import Delivery

WEBHOOKS = "webhooks"


@attrs.frozen
class InMemoryTallies:
    """The `TallyRepository` port."""

    _state: State

    async def add(self, name: str, counts: Mapping[str, int]) -> None:
        for outcome, count in counts.items():
            key = (name, outcome)
            self._state.tallies.put(key, (self._state.tallies.get(key) or 0) + count)

    async def fold_events(self, before: datetime, *, limit: int) -> int:  # noqa: ARG002 - nothing to fold
        return 0


def figures(state: State, now: datetime) -> ShopFigures:
    """What `Queries.figures` answers."""
    orders = [row.order for row in state.orders.values()]
    unmatched = [state.deposits[key] for key in state.deposits_in.of(DepositStatus.UNMATCHED)]
    processing = [order.created_at for order in orders if order.status is OrderStatus.PROCESSING]
    return ShopFigures(
        order_events=Counter(str(row.event.status) for row in state.events.values()),
        webhooks={outcome: n for (name, outcome), n in state.tallies.items() if name == WEBHOOKS},
        deposits=Counter(map(_outcome, state.deposits.values())),
        orders_open=_open(orders),
        processing_for={age: sum(created <= now - age for created in processing) for age in AGES},
        refunds_due=_refunds(orders),
        unmatched=_waiting(r.deposit.at for r in unmatched if r.reason is not UnmatchedReason.DUST),
        outbox=_waiting(row.event.at for row in state.events.values() if row.delivery is Delivery.PENDING),
    )


def _outcome(record: DepositRecord) -> str:
    is_dust = record.status is DepositStatus.UNMATCHED and record.reason is UnmatchedReason.DUST
    return DUST if is_dust else str(record.status)


def _open(orders: Iterable[Order]) -> dict[str, Waiting]:
    grouped: dict[str, list[datetime]] = {}
    for order in orders:
        if order.status in {OrderStatus.PROCESSING, OrderStatus.AWAITING_PAYMENT}:
            grouped.setdefault(str(order.status), []).append(order.created_at)
    return {status: _waiting(moments) for status, moments in grouped.items()}


def _refunds(orders: Iterable[Order]) -> dict[str, Waiting]:
    grouped: dict[str, list[datetime]] = {}
    for order in orders:
        if order.refund is RefundStatus.DUE:
            grouped.setdefault(str(order.channel), []).append(order.updated_at)
    return {channel: _waiting(moments) for channel, moments in grouped.items()}


def _waiting(moments: Iterable[datetime]) -> Waiting:
    found = list(moments)
    return Waiting(len(found), min(found, default=None))
