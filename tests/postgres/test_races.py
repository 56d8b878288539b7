"""Several connections at once: what PostgreSQL decides, it decides once, and nobody waits in a circle."""

from __future__ import annotations

from datetime import timedelta

import anyio
import attrs
import pytest

from tests.contract.conftest import OpenDatabase
from ytmarket.application.ports.chain_reader import Cursor, Page
from ytmarket.domain import ledger, orders
from ytmarket.domain.deposits import DepositStatus
from ytmarket.domain.errors import IdempotencyInFlight
from ytmarket.domain.ids import ReservationId, TopupId
from ytmarket.domain.money import Usdt
from ytmarket.domain.networks import Network
from ytmarket.domain.topups import TopupStatus
from ytmarket.domain.webhooks import Delivery
from ytmarket.testing.contracts.concurrency import at_once
from ytmarket.testing.contracts.world import NOW, SECOND, WALLET, World, attempt, signature_of

pytestmark = pytest.mark.anyio

EIGHT = range(8)
END = NOW + timedelta(hours=24)
URL = "https://receiver.example/hook"


async def test_eight_want_one_amount_and_wait_for_who_has_it_uncommitted(world: World) -> None:
    customers = [await world.customer() for _ in EIGHT]
    everybody = anyio.Event()
    asking = 0

    async def reserve(number: int) -> ReservationId | None:
        nonlocal asking
        async with world.unit_of_work() as uow:
            asking += 1
            if asking == len(EIGHT):
                everybody.set()
            await everybody.wait()  # each has a connection of its own by now
            amount = Usdt.of(100) + Usdt.cents(number % 3)
            held = await uow.topups.reserve(Network.TRON, amount, customers[number].payer, NOW, END)
            await anyio.sleep(0.01)
            await uow.commit()
        return held

    outcomes = await at_once(EIGHT, reserve)
    assert sum(outcome is not None for outcome in outcomes) == 1


async def test_an_amount_whose_holder_gives_up_goes_to_one_who_waits(world: World) -> None:
    one, two = await world.customer(), await world.customer()
    held = anyio.Event()
    got: list[ReservationId | None] = []

    async def give_up() -> None:
        async with world.unit_of_work() as uow:
            assert await uow.topups.reserve(Network.TRON, Usdt.of(100), one.payer, NOW, END) is not None
            held.set()
            await anyio.sleep(0.05)

    async def wait() -> None:
        await held.wait()
        async with world.unit_of_work() as uow:
            got.append(await uow.topups.reserve(Network.TRON, Usdt.of(100), two.payer, NOW, END))
            await uow.commit()

    async with anyio.create_task_group() as group:
        group.start_soon(give_up)
        group.start_soon(wait)
    assert got != [None]


async def test_eight_scanners_after_one_cursor_keep_one_page(world: World) -> None:
    await world.read(Network.TRON, until=NOW)
    transfers = [world.transfer(number + 1) for number in range(50)]
    async with world.unit_of_work() as uow:
        after = await uow.deposits.cursor(Network.TRON, WALLET)

    async def keep(number: int) -> int | None:
        page = Page(deposits=tuple(transfers), cursor=Cursor(f"by {number}"), read_until=NOW)
        async with world.unit_of_work() as uow:
            new = await uow.deposits.keep_page(Network.TRON, WALLET, after, page, NOW)
            await uow.commit()
        return new

    outcomes = await at_once(EIGHT, keep)
    assert sorted(outcomes, key=str) == [50] + [None] * 7


async def test_pages_that_overlap_keep_each_deposit_once(world: World) -> None:
    """Scanners that do not know of each other, each with another part of the chain in another order."""
    transfers = [world.transfer(number + 1) for number in range(60)]

    async def scan(number: int) -> int | None:
        mine = transfers[number * 5 : number * 5 + 25]
        page = Page(deposits=tuple(mine), cursor=Cursor("end"), read_until=NOW)
        async with world.unit_of_work() as uow:
            new = await uow.deposits.keep_page(Network.TRON, f"wallet {number}", None, page, NOW)
            await uow.commit()
        return new

    outcomes = await at_once(EIGHT, scan)
    assert sum(new for new in outcomes if isinstance(new, int)) == 60
    for transfer in transfers:
        assert len(await world.queries.deposits_by_hash(transfer.tx_hash)) == 1


async def test_a_signature_is_used_up_by_one_of_eight(world: World) -> None:
    signature = signature_of(await world.customer(), "one")

    async def use(_: int) -> bool:
        async with world.unit_of_work() as uow:
            fresh = await uow.requests.use_signature(signature, NOW)
            await anyio.sleep(0.01)
            await uow.commit()
        return fresh

    assert [fresh for fresh in await at_once(EIGHT, use) if fresh] == [True]


async def test_an_attempt_under_way_is_refused_at_once(world: World) -> None:
    customer, made = await world.customer(), attempt("key-1")
    async with world.unit_of_work() as first:
        assert await first.requests.hold(customer.key.id, made) is None
        with pytest.raises(IdempotencyInFlight):
            async with world.unit_of_work() as second:
                await second.requests.hold(customer.key.id, made)
        other = await world.customer()
        async with world.unit_of_work() as third:
            assert await third.requests.hold(other.key.id, made) is None
            assert await third.requests.hold(customer.key.id, attempt("key-2")) is None


async def test_what_is_being_credited_does_not_expire_meanwhile(world: World) -> None:
    """Past its end by the chain's clock, while the deposit that pays it is being settled."""
    topup = await world.topup(await world.customer(), 100)
    record = await world.deposit(100, at=topup.expires_at - SECOND)
    await world.read(Network.TRON, until=topup.expires_at)
    async with world.unit_of_work() as uow:
        assert await uow.deposits.lock(record.id) is not None
        await uow.topups.lock_reservation(topup.reservation_id)
        paid = attrs.evolve(topup, status=TopupStatus.CREDITED_AUTO, deposit_id=record.id)
        await uow.topups.save(paid)
        await uow.deposits.save(attrs.evolve(record, status=DepositStatus.CREDITED_AUTO, topup_id=topup.id))
        assert await world.expire() == 0  # and it did not wait
        await uow.commit()
    assert await world.expire() == 0
    assert await world.topup_now(topup) == paid


async def test_topups_added_while_a_reservation_is_waited_for_are_seen(world: World) -> None:
    first = await world.topup(await world.customer(), 100)
    another = attrs.evolve(first, id=TopupId("00000000-0000-4000-8000-00000000ffff"))
    locked, seen = anyio.Event(), list[int]()

    async def add() -> None:
        async with world.unit_of_work() as uow:
            await uow.topups.lock_reservation(first.reservation_id)
            await uow.topups.add(another)
            locked.set()
            await anyio.sleep(0.05)
            await uow.commit()

    async def look() -> None:
        await locked.wait()
        async with world.unit_of_work() as uow:
            seen.append(len(await uow.topups.lock_reservation(first.reservation_id)))

    async with anyio.create_task_group() as group:
        group.start_soon(add)
        group.start_soon(look)
    assert seen == [2]


async def test_nobody_waits_for_an_event_that_another_worker_is_claiming(world: World) -> None:
    customer, product = await world.customer(10), await world.product(1, units=3)
    for _ in range(3):
        await world.order(customer, product, webhook_url=URL)
    later = NOW + timedelta(seconds=60)
    async with world.unit_of_work() as slow:
        mine = await slow.webhooks.claim(NOW, later, "slow", limit=2)
        async with world.unit_of_work() as quick:
            others = await quick.webhooks.claim(NOW, later, "quick", limit=9)
            await quick.commit()
        await slow.commit()
    assert len(mine) == 2
    assert len(others) == 1
    assert not {job.event.id for job in mine} & {job.event.id for job in others}


async def test_events_behind_one_that_is_tried_again_are_not_looked_at_before(
    postgres: OpenDatabase, world: World
) -> None:
    customer, product = await world.customer(10), await world.product(1, units=1)
    order = await world.order(customer, product, webhook_url=URL)
    await world.move(order.id, lambda locked: orders.fail(locked, "no", NOW))
    await world.move(order.id, lambda locked: orders.refund(locked, NOW))
    again_at = NOW + timedelta(minutes=10)
    async with world.unit_of_work() as uow:
        (job,) = await uow.webhooks.claim(NOW, NOW + SECOND, "token", limit=9)
        assert await uow.webhooks.record(job, Delivery.PENDING, again_at, 503)
        await uow.commit()
    async with postgres.store.reading.connection() as connection:
        due = await (await connection.execute("select due_at from event order by id")).fetchall()
    assert due == [(again_at,)] * 3


async def test_who_posts_to_many_customers_takes_them_in_the_order_of_all(world: World) -> None:
    """Whoever waits for the first holds none of the others, so that nobody can wait in a circle."""
    customers = [await world.customer() for _ in range(30)]
    first, *others = sorted(customer.account for customer in customers)
    gifts = [
        ledger.adjustment(f"gift {customer.account}", customer.account, Usdt.of(1), NOW, "a gift")
        for customer in reversed(customers)
    ]

    async def post() -> None:
        async with world.unit_of_work() as uow:
            await uow.accounts.post(gifts)
            await uow.commit()

    async with anyio.create_task_group() as group, world.unit_of_work() as uow:
        await uow.accounts.lock([first])
        group.start_soon(post)
        await anyio.sleep(0.05)
        with anyio.fail_after(10):
            await uow.accounts.lock(others)
    assert all([await world.balance(customer) == Usdt.of(1) for customer in customers])
