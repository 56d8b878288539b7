"""What happens to an order after it was placed: delivered, failed, expired or called off, refunded."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from datetime import datetime, timedelta
from typing import Final, TypeVar

import attrs

from ytmarket.application.audit import audited
from ytmarket.application.errors import Unavailable
from ytmarket.application.instructions import Answered, Instruction, carry_out
from ytmarket.application.ports.clock import Clock
from ytmarket.application.ports.supplier import (
    CannotDeliver,
    Delivered,
    DeliveredSome,
    Fulfilment,
    Supplier,
)
from ytmarket.application.ports.unit_of_work import NewUnitOfWork, UnitOfWork
from ytmarket.domain import orders
from ytmarket.domain.errors import AccountFrozen, IllegalMove, OrderNotFound
from ytmarket.domain.ids import OrderId
from ytmarket.domain.order_states import OrderStatus
from ytmarket.domain.orders import Change, Order

LEASE: Final = timedelta(seconds=5)  # after which an undecided order is asked about again
AT_ONCE: Final = 8


@attrs.frozen(kw_only=True)
class FulfilmentService:
    """Moves orders to their ends. Every step may be run twice, in two processes, and be killed."""

    new_unit_of_work: NewUnitOfWork
    clock: Clock
    supplier: Supplier

    async def fulfil_due(self, *, limit: int = 100) -> int:
        """Ask the supplier about orders in processing; how many came to an end."""
        now = self.clock.now()
        async with self.new_unit_of_work() as uow:
            leased = await uow.orders.lease_processing(now, now + LEASE, limit=limit)
            await uow.commit()
        return await _each(leased, self._fulfil)

    async def expire_due(self, *, limit: int = 100) -> int:
        """End orders whose deadline has come; how many were."""
        async with self.new_unit_of_work() as uow:
            overdue = await uow.orders.overdue(self.clock.now(), limit=limit)

        async def expire(order_id: OrderId) -> bool:
            return await self._move(order_id, orders.expire_overdue)

        return await _each(overdue, expire)

    async def refund_due(self, *, limit: int = 100) -> int:
        """Give back what ended orders did not deliver; how many refunds were made.

        What is owed to a frozen account waits.
        """
        async with self.new_unit_of_work() as uow:
            due = await uow.orders.refunds_due(limit=limit)

        async def refund(order_id: OrderId) -> bool:
            return await self._move(order_id, orders.refund)

        return await _each(due, refund)

    async def cancel(self, order_id: OrderId, instruction: Instruction[Order]) -> Answered[Order]:
        """Call an order off; what was charged becomes due.

        Raises `OrderNotFound`, `IllegalMove` and what `carry_out` does.
        """

        async def step(uow: UnitOfWork, now: datetime) -> Order:
            order = await uow.orders.lock(order_id)
            if order is None:
                raise OrderNotFound
            change = orders.cancel(order, instruction.reason, now)
            await uow.orders.record(change)
            await audited(
                uow,
                instruction.actor,
                now,
                "order.cancel",
                f"order:{order_id}",
                before=order.status,
                after=change.order.status,
                due_usdt=change.order.due,
                reason=instruction.reason,
            )
            return change.order

        return await carry_out(self.new_unit_of_work, self.clock, instruction, step)

    async def _fulfil(self, order: Order) -> bool:
        try:
            fulfilment = await self.supplier.fulfil(order)
        except Unavailable:
            return False
        step = _step(fulfilment)
        if step is None or order.status is not OrderStatus.PROCESSING:
            return False
        return await self._move(order.id, step)

    async def _move(self, order_id: OrderId, step: Callable[[Order, datetime], Change]) -> bool:
        """Make one move; False when another worker, or an operator, was faster, or the account is frozen."""
        now = self.clock.now()
        async with self.new_unit_of_work() as uow:
            order = await uow.orders.lock(order_id)
            if order is None:
                return False
            try:
                change = step(order, now)
                await uow.orders.record(change)
            except (IllegalMove, AccountFrozen):
                return False
            await uow.commit()
        return True


def _step(fulfilment: Fulfilment) -> Callable[[Order, datetime], Change] | None:
    match fulfilment:
        case Delivered():
            return orders.deliver
        case DeliveredSome(count, message):
            return lambda order, now: orders.deliver_some(order, count, message, now)
        case CannotDeliver(message):
            return lambda order, now: orders.fail(order, message, now)
        case _:
            return None


T = TypeVar("T")


async def _each(things: Iterable[T], do: Callable[[T], Awaitable[bool]]) -> int:
    """Do it for each, a few side by side; how many said that they did something."""
    places = asyncio.Semaphore(AT_ONCE)

    async def one(thing: T) -> bool:
        async with places:
            return await do(thing)

    outcomes = await asyncio.gather(*map(one, things), return_exceptions=True)
    # One that fails must not keep the others from being done; its trouble is told afterwards.
    for outcome in outcomes:
        if isinstance(outcome, BaseException):
            raise outcome
    return sum(outcome is True for outcome in outcomes)
