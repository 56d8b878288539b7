"""What every store promises of the figures by which a shop is watched."""

from __future__ import annotations

from datetime import timedelta

import attrs

from ytmarket.application.ports.watching import ShopFigures, Waiting
from ytmarket.domain import orders
from ytmarket.domain.deposits import DepositStatus, UnmatchedReason
from ytmarket.domain.webhooks import Delivery
from ytmarket.testing.contracts.concurrency import at_once
from ytmarket.testing.contracts.store_base import StorePartContract
from ytmarket.testing.contracts.world import NOW, SECOND, World

LATER = NOW + timedelta(minutes=10)
URL = "https://receiver.example/hook"


async def _add(world: World, counts: dict[str, int], name: str = "webhooks") -> None:
    async with world.unit_of_work() as uow:
        await uow.tallies.add(name, counts)
        await uow.commit()


async def _fold(world: World, *, limit: int = 100) -> int:
    async with world.unit_of_work() as uow:
        folded = await uow.tallies.fold_events(LATER, limit=limit)
        await uow.commit()
    return folded


async def _set_aside(world: World, amount: str, reason: UnmatchedReason) -> None:
    record = await world.deposit(amount)
    async with world.unit_of_work() as uow:
        locked = await uow.deposits.lock(record.id)
        assert locked is not None
        await uow.deposits.save(attrs.evolve(locked, status=DepositStatus.UNMATCHED, reason=reason))
        await uow.commit()


class WatchingContract(StorePartContract):
    """The promises of the `TallyRepository` port, and of `Queries.figures`."""

    async def test_an_empty_shop_has_nothing_to_tell(self, world: World) -> None:
        figures = await world.queries.figures(NOW)
        assert set(figures.processing_for.values()) == {0}
        assert figures == ShopFigures(processing_for=figures.processing_for)

    async def test_orders_are_told_by_what_happened_and_by_what_is_open(self, world: World) -> None:
        customer, product = await world.customer(1_000), await world.product(1, units=9)
        old, failed, young = [
            await world.order(customer, product, webhook_url=URL, now=NOW + n * timedelta(seconds=90))
            for n in range(3)
        ]
        await world.move(failed.id, lambda locked: orders.fail(locked, "no", NOW + 95 * SECOND))
        figures = await world.queries.figures(NOW + timedelta(seconds=300))
        assert figures.order_events == {"processing": 3, "failed": 1}
        assert figures.orders_open == {"processing": Waiting(2, old.created_at)}
        ages = {age // SECOND: count for age, count in figures.processing_for.items()}
        assert ages == {0: 2, 60: 2, 300: 1, 900: 0}
        assert figures.refunds_due == {"api": Waiting(1, NOW + 95 * SECOND)}
        assert figures.outbox == Waiting(4, NOW)
        await world.move(failed.id, lambda locked: orders.refund(locked, NOW + 99 * SECOND))
        await world.move(young.id, lambda locked: orders.deliver(locked, NOW + 200 * SECOND))
        figures = await world.queries.figures(LATER)
        assert figures.order_events == {"processing": 3, "failed": 1, "refunded": 1, "completed": 1}
        assert figures.refunds_due == {}

    async def test_an_event_that_arrived_waits_no_more(self, world: World) -> None:
        customer, product = await world.customer(10), await world.product(1, units=2)
        await world.order(customer, product, webhook_url=URL)
        await world.order(customer, product)  # wants no webhook
        assert (await world.queries.figures(NOW)).outbox == Waiting(1, NOW)
        async with world.unit_of_work() as uow:
            (job,) = await uow.webhooks.claim(NOW, NOW + 60 * SECOND, "lease", limit=9)
            await uow.webhooks.record(job, Delivery.DELIVERED, None, 200)
            await uow.commit()
        assert (await world.queries.figures(NOW)).outbox == Waiting()

    async def test_deposits_are_told_by_status_and_dust_apart(self, world: World) -> None:
        first = await world.deposit(5)
        await world.deposit(6, at=NOW + SECOND)
        await _set_aside(world, "7", UnmatchedReason.NO_SUCH_AMOUNT)
        await _set_aside(world, "0.5", UnmatchedReason.DUST)
        figures = await world.queries.figures(NOW)
        assert first.status is DepositStatus.RECEIVED
        assert figures.deposits == {"received": 2, "unmatched": 1, "dust": 1}
        assert figures.unmatched == Waiting(1, NOW)

    async def test_what_is_added_at_once_is_added_once_each(self, world: World) -> None:
        await at_once(range(8), lambda _: _add(world, {"delivered": 2, "retried": 1}))
        await _add(world, {"anything": 7}, "of another name")
        assert (await world.queries.figures(NOW)).webhooks == {"delivered": 16, "retried": 8}

    async def test_what_is_not_committed_was_not_counted(self, world: World) -> None:
        async with world.unit_of_work() as uow:
            await uow.tallies.add("webhooks", {"delivered": 2})
        assert (await world.queries.figures(NOW)).webhooks == {}

    async def test_folding_changes_no_figure(self, world: World) -> None:
        customer, product = await world.customer(100), await world.product(1, units=9)
        moments = [NOW, LATER + SECOND, NOW + SECOND, LATER + 2 * SECOND, NOW]
        placed = [await world.order(customer, product, now=moment) for moment in moments]
        await world.move(placed[0].id, lambda locked: orders.deliver(locked, NOW + SECOND))
        told = await world.queries.figures(LATER)
        assert told.order_events == {"processing": 5, "completed": 1}
        for limit in (1, 2, 100, 100):
            assert await _fold(world, limit=limit) <= limit
            assert await world.queries.figures(LATER) == told
        await at_once(range(4), lambda _: _fold(world))
        assert await world.queries.figures(LATER) == told
        await world.move(placed[2].id, lambda locked: orders.deliver(locked, LATER + 3 * SECOND))
        assert (await world.queries.figures(LATER)).order_events == {"processing": 5, "completed": 2}
