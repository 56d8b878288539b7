"""What every store promises of orders after they were placed."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

import attrs
import pytest

from ytmarket.application.ports.unit_of_work import UnitOfWork
from ytmarket.domain import orders
from ytmarket.domain.errors import AlreadyDone, Conflict, IllegalMove
from ytmarket.domain.ids import OrderId, ProductId
from ytmarket.domain.money import ZERO, Usdt
from ytmarket.domain.order_states import OrderStatus
from ytmarket.domain.orders import Change, Order
from ytmarket.testing.contracts.concurrency import at_once, while_open
from ytmarket.testing.contracts.store_base import StorePartContract
from ytmarket.testing.contracts.world import NOW, SECOND, World

LEASE = timedelta(seconds=30)
LATER = NOW + timedelta(minutes=1)


async def _placed(world: World, count: int = 1, quantity: int = 1) -> list[Order]:
    customer = await world.customer(1_000)
    product = await world.product(1, units=count * quantity)
    return [
        await world.order(customer, product, quantity, now=NOW + number * SECOND) for number in range(count)
    ]


async def _lease(world: World, now: datetime, *, limit: int = 10) -> list[OrderId]:
    async with world.unit_of_work() as uow:
        leased = await uow.orders.lease_processing(now, now + LEASE, limit=limit)
        await uow.commit()
    return [order.id for order in leased]


async def _record(world: World, change: Change) -> None:
    async with world.unit_of_work() as uow:
        await uow.orders.record(change)
        await uow.commit()


async def _items(world: World, order: Order) -> list[bytes]:
    found = await world.queries.order(order.account_id, order.id)
    assert found is not None
    return [item.sealed for item in found.items]


async def _available(world: World, product: ProductId) -> int:
    found = await world.queries.product(product)
    assert found is not None
    return found.available


class OrderContract(StorePartContract):
    """The promises of the `OrderRepository` port."""

    async def test_an_order_is_leased_to_one_worker_until_the_lease_ends(self, world: World) -> None:
        (order,) = await _placed(world)
        assert await _lease(world, LATER) == [order.id]
        assert await _lease(world, LATER) == []
        assert await _lease(world, LATER + LEASE - SECOND) == []
        assert await _lease(world, LATER + LEASE) == [order.id]

    async def test_a_lease_that_was_not_committed_is_none(self, world: World) -> None:
        (order,) = await _placed(world)
        async with world.unit_of_work() as uow:
            await uow.orders.lease_processing(LATER, LATER + LEASE, limit=1)
        assert await _lease(world, LATER) == [order.id]

    async def test_the_oldest_are_leased_first_and_no_more_than_asked_for(self, world: World) -> None:
        placed = [order.id for order in await _placed(world, 3)]
        assert await _lease(world, LATER, limit=2) == placed[:2]
        assert await _lease(world, LATER, limit=2) == placed[2:]

    async def test_those_that_nobody_decides_about_keep_no_other_waiting(self, world: World) -> None:
        placed = [order.id for order in await _placed(world, 5)]
        leased = [await _lease(world, LATER + number * LEASE, limit=2) for number in range(5)]
        assert leased[:2] == [placed[:2], placed[2:4]]
        assert leased[2] == [placed[0], placed[4]]
        assert leased[3] == placed[1:3]

    async def test_only_orders_in_processing_are_leased(self, world: World) -> None:
        delivered, failed, waiting = await _placed(world, 3)
        await world.move(delivered.id, lambda order: orders.deliver(order, NOW))
        await world.move(failed.id, lambda order: orders.fail(order, "no", NOW))
        assert await _lease(world, LATER) == [waiting.id]

    async def test_many_workers_at_once_lease_each_order_once(self, world: World) -> None:
        placed = {order.id for order in await _placed(world, 6)}
        shares = await at_once(range(4), lambda _: _lease(world, LATER, limit=3))
        leased = [order for share in shares if isinstance(share, list) for order in share]
        leased += await _lease(world, LATER)
        assert len(leased) == len(set(leased))
        assert set(leased) == placed

    async def test_what_is_being_leased_is_leased_by_nobody_else(self, world: World) -> None:
        await _placed(world, 3)
        leased: list[Order] = []

        async def lease_two(uow: UnitOfWork) -> None:
            leased.extend(await uow.orders.lease_processing(LATER, LATER + LEASE, limit=2))

        await while_open(world.unit_of_work, lease_two, lease_two)
        assert len({order.id for order in leased}) == len(leased)

    async def test_a_leased_order_reads_as_it_was_placed(self, world: World) -> None:
        (order,) = await _placed(world, quantity=2)
        async with world.unit_of_work() as uow:
            assert list(await uow.orders.lease_processing(LATER, LATER + LEASE, limit=1)) == [order]

    async def test_a_delivery_is_kept_whole(self, world: World) -> None:
        (order,) = await _placed(world, quantity=2)
        moved = await world.move(order.id, lambda locked: orders.deliver(locked, LATER))
        found = await world.queries.order(order.account_id, order.id)
        assert found is not None
        assert found.order == moved
        assert moved.status is OrderStatus.COMPLETED
        assert len(found.items) == 2
        assert await _available(world, order.product_id) == 0
        with pytest.raises(AlreadyDone):  # the transfer was posted with it
            await _record(world, orders.deliver(order, LATER))

    async def test_a_change_that_is_not_committed_changes_nothing(self, world: World) -> None:
        (order,) = await _placed(world, quantity=2)
        async with world.unit_of_work() as uow:
            await uow.orders.record(orders.deliver(order, LATER))
        assert await _items(world, order) == []
        async with world.unit_of_work() as uow:
            assert await uow.orders.lock(order.id) == order

    async def test_a_refused_change_changes_nothing(self, world: World) -> None:
        (order,) = await _placed(world, quantity=2)
        settled = orders.deliver(order, LATER)
        twice = attrs.evolve(settled, transfers=settled.transfers * 2)
        with pytest.raises(AlreadyDone):
            await _record(world, twice)
        async with world.unit_of_work() as uow:
            assert await uow.orders.lock(order.id) == order
        assert await _items(world, order) == []

    async def test_the_first_units_of_a_partial_delivery_are_handed_out_and_the_rest_goes_back(
        self, world: World
    ) -> None:
        customer, product = await world.customer(10), await world.product(1)
        await world.stock(product, ["a", "b", "c"])
        order = await world.order(customer, product, 3)
        await world.move(order.id, lambda locked: orders.deliver_some(locked, 2, "short", LATER))
        assert await _items(world, order) == [b"sealed a", b"sealed b"]
        assert await _available(world, product) == 1
        another = await world.order(customer, product)
        await world.move(another.id, lambda locked: orders.deliver(locked, LATER))
        assert await _items(world, another) == [b"sealed c"]

    async def test_an_order_that_ends_undelivered_gives_its_units_back(self, world: World) -> None:
        for step in (
            lambda locked: orders.fail(locked, "no", LATER),
            lambda locked: orders.expire(locked, LATER),
            lambda locked: orders.cancel(locked, "no", LATER),
        ):
            (order,) = await _placed(world, quantity=2)
            assert await _available(world, order.product_id) == 0
            moved = await world.move(order.id, step)
            assert await _available(world, order.product_id) == 2
            assert await _items(world, moved) == []

    async def test_units_are_handed_out_once_ever(self, world: World) -> None:
        (order,) = await _placed(world, quantity=3)
        partial = await world.move(order.id, lambda locked: orders.deliver_some(locked, 2, "short", LATER))
        before = await _items(world, order)
        await world.move(order.id, lambda locked: orders.refund(locked, LATER))
        assert await _items(world, partial) == before
        assert await _available(world, order.product_id) == 1

    async def test_a_refund_goes_to_the_balance_once(self, world: World) -> None:
        customer, product = await world.customer(10), await world.product(1, units=3)
        order = await world.order(customer, product, 3)
        failed = await world.move(order.id, lambda locked: orders.fail(locked, "no", LATER))
        assert await world.balance(customer) == Usdt.of(7)
        refund = orders.refund(failed, LATER)
        await _record(world, refund)
        with pytest.raises(AlreadyDone):
            await _record(world, refund)
        assert await world.balance(customer) == Usdt.of(10)
        assert (await world.totals(customer)).refunded == Usdt.of(3)

    async def test_of_many_ends_at_once_one_holds(self, world: World) -> None:
        (order,) = await _placed(world, quantity=2)
        steps: list[Callable[[Order], Change]] = [
            lambda locked: orders.deliver(locked, LATER),
            lambda locked: orders.fail(locked, "no", LATER),
            lambda locked: orders.expire(locked, LATER),
            lambda locked: orders.cancel(locked, "no", LATER),
        ]
        outcomes = await at_once(steps, lambda step: world.move(order.id, step))
        assert sum(isinstance(outcome, IllegalMove) for outcome in outcomes) == 3
        (winner,) = (outcome for outcome in outcomes if isinstance(outcome, Order))
        assert len(await _items(world, order)) == winner.delivered
        assert await _available(world, order.product_id) == 2 - winner.delivered

    async def test_settled_and_refunded_never_exceed_the_charge(self, world: World) -> None:
        (order,) = await _placed(world)
        too_much = [
            attrs.evolve(order, settled=order.charged, refunded=Usdt(1)),
            attrs.evolve(order, settled=order.charged + Usdt(1)),
            attrs.evolve(order, refunded=order.charged + Usdt(1)),
        ]
        for changed in too_much:
            with pytest.raises(Conflict):
                await _record(world, Change(order=changed))
        just_so = attrs.evolve(order, settled=Usdt(1), refunded=order.charged - Usdt(1))
        await _record(world, Change(order=just_so))
        async with world.unit_of_work() as uow:
            assert await uow.orders.lock(order.id) == just_so

    async def test_an_unknown_order_is_none(self, world: World) -> None:
        async with world.unit_of_work() as uow:
            assert await uow.orders.lock(OrderId(404)) is None

    async def test_an_order_is_overdue_from_its_deadline_on(self, world: World) -> None:
        (order,) = await _placed(world)

        async def overdue(at: datetime) -> list[OrderId]:
            async with world.unit_of_work() as uow:
                return list(await uow.orders.overdue(at, limit=10))

        assert await overdue(order.deadline_at - SECOND) == []
        assert await overdue(order.deadline_at) == [order.id]
        await world.move(order.id, lambda locked: orders.expire(locked, order.deadline_at))
        assert await overdue(order.deadline_at + SECOND) == []

    async def test_no_more_overdue_orders_than_asked_for(self, world: World) -> None:
        placed = await _placed(world, 3)
        async with world.unit_of_work() as uow:
            found = await uow.orders.overdue(placed[-1].deadline_at, limit=2)
        assert len(set(found)) == 2

    async def test_refunds_are_due_until_they_are_made(self, world: World) -> None:
        delivered, partial, failed = await _placed(world, 3, quantity=2)
        await world.move(delivered.id, lambda order: orders.deliver(order, LATER))
        await world.move(partial.id, lambda order: orders.deliver_some(order, 1, "short", LATER))
        await world.move(failed.id, lambda order: orders.fail(order, "no", LATER))
        async with world.unit_of_work() as uow:
            assert set(await uow.orders.refunds_due(limit=10)) == {partial.id, failed.id}
            assert len(await uow.orders.refunds_due(limit=1)) == 1
        await world.move(failed.id, lambda order: orders.refund(order, LATER))
        async with world.unit_of_work() as uow:
            assert list(await uow.orders.refunds_due(limit=10)) == [partial.id]

    async def test_what_is_owed_to_a_frozen_customer_is_not_due(self, world: World) -> None:
        frozen, other = await world.customer(10), await world.customer(10)
        product = await world.product(1, units=2)
        first, second = [await world.order(customer, product) for customer in (frozen, other)]
        for order in (first, second):
            await world.move(order.id, lambda locked: orders.fail(locked, "no", LATER))
        for is_frozen, due in ((True, [second.id]), (False, [first.id, second.id])):
            async with world.unit_of_work() as uow:
                await uow.accounts.set_frozen(frozen.account, frozen=is_frozen)
                assert list(await uow.orders.refunds_due(limit=len(due))) == due
                await uow.commit()

    async def test_the_charge_is_divided_without_a_rest(self, world: World) -> None:
        customer, product = await world.customer(10), await world.product("3.33", units=3)
        order = await world.order(customer, product, 3)
        await world.move(order.id, lambda locked: orders.deliver_some(locked, 1, "short", LATER))
        ended = await world.move(order.id, lambda locked: orders.refund(locked, LATER))
        assert ended.settled + ended.refunded == ended.charged
        assert ended.due == ZERO
        assert await world.balance(customer) == Usdt.of(10) - ended.settled
