"""Orders in memory, after they were placed."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from heapq import nsmallest
from typing import Final

import attrs

from ytmarket.adapters.inmemory.accounts import post
from ytmarket.adapters.inmemory.events import keep_event
from ytmarket.adapters.inmemory.rows import OrderRow
from ytmarket.adapters.inmemory.state import State
from ytmarket.domain.deposits import DepositStatus
from ytmarket.domain.errors import AlreadyDone, OrderNotFound
from ytmarket.domain.ids import OrderId
from ytmarket.domain.order_states import OrderStatus, RefundStatus
from ytmarket.domain.orders import Change, Order
from ytmarket.domain.reservations import within_tolerance

NEVER: Final = datetime.min.replace(tzinfo=UTC)


@attrs.frozen
class InMemoryOrders:
    """The `OrderRepository` port."""

    _state: State

    async def lease_processing(self, now: datetime, until: datetime, *, limit: int) -> Sequence[Order]:
        rows = self._state.orders
        free = (
            row
            for row in self._in(OrderStatus.PROCESSING)
            if row.leased_until is None or row.leased_until <= now
        )
        leased = nsmallest(limit, free, key=lambda row: (row.leased_until or NEVER, _age(row)))
        for row in leased:
            rows.put(row.order.id, attrs.evolve(row, leased_until=until))
        return [row.order for row in sorted(leased, key=_age)]

    async def lock(self, order: OrderId) -> Order | None:
        row = self._state.orders.get(order)
        return None if row is None else row.order

    async def overdue(self, now: datetime, *, limit: int) -> Sequence[OrderId]:
        unpaid = (row for row in self._in(OrderStatus.AWAITING_PAYMENT) if self._cannot_be_paid(row.order))
        late = [row for row in (*self._in(OrderStatus.PROCESSING), *unpaid) if row.order.deadline_at <= now]
        first = nsmallest(limit, late, key=lambda row: (row.order.deadline_at, _age(row)))
        return [row.order.id for row in first]

    async def refunds_due(self, *, limit: int) -> Sequence[OrderId]:
        due = self._state.orders_owed.of(RefundStatus.DUE)
        return nsmallest(limit, (key for key in due if not self._is_frozen(self._state.orders[key].order)))

    async def record(self, change: Change) -> None:
        state, order = self._state, change.order
        if order.id not in state.orders:
            raise OrderNotFound
        if order.settled + order.refunded > order.charged:
            raise AlreadyDone
        with state.journal.all_or_none():
            state.orders.put(order.id, OrderRow(order=order))
            post(state, change.transfers)
            if order.is_final:
                self._hand_out(order)
            if change.event is not None:
                keep_event(state, order, change.event)

    def _hand_out(self, order: Order) -> None:
        """The first `delivered` units are the buyer's for ever; the rest goes back to the shelf."""
        units = list(self._state.units_for(order.id))
        held = [unit for unit in units if not unit.delivered]
        due = order.delivered - (len(units) - len(held))
        if not 0 <= due <= len(held):
            raise AlreadyDone
        for unit in held[:due]:
            self._state.units.put(unit.id, attrs.evolve(unit, delivered=True))
        for unit in held[due:]:
            self._state.units.put(unit.id, attrs.evolve(unit, order_id=None))

    def _is_frozen(self, order: Order) -> bool:
        return order.account_id is not None and self._state.accounts[order.account_id].frozen

    def _in(self, status: OrderStatus) -> Iterable[OrderRow]:
        return [self._state.orders[key] for key in self._state.orders_in.of(status)]

    def _cannot_be_paid(self, order: Order) -> bool:
        """Whether a payment that came in time would have been seen and settled by now."""
        state = self._state
        checkout = state.checkouts.get(order.id)
        read = None if checkout is None else state.read_until.get(checkout.network)
        if checkout is None or read is None or read < checkout.expires_at:
            return False
        reservation = state.reservations[checkout.reservation_id]
        unsettled = (state.deposits[key].deposit for key in state.deposits_in.of(DepositStatus.RECEIVED))
        return not any(
            deposit.network is reservation.network
            and within_tolerance(deposit.amount, reservation.amount)
            and reservation.starts_at <= deposit.at < checkout.expires_at
            for deposit in unsettled
        )


def _age(row: OrderRow) -> tuple[datetime, OrderId]:
    return row.order.created_at, row.order.id
