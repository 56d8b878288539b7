"""The order desk on PostgreSQL: what its guesses, its arrays and its locks must not get wrong."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import AsyncExitStack
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import anyio
import attrs
import psycopg
import pytest

from tests.contract.conftest import OpenDatabase
from ytmarket.adapters.inmemory import ManualClock
from ytmarket.adapters.postgres.connections import FEW_ROWS
from ytmarket.adapters.postgres.database import PostgresDatabase
from ytmarket.adapters.postgres.desk_facts import TAKEN_NEAR
from ytmarket.application.errors import Unavailable
from ytmarket.application.orders import BATCH_UNITS_MAX, OrderAnswer, OrderDesk
from ytmarket.application.ports.queries import Paging
from ytmarket.domain import orders, pricing
from ytmarket.domain.errors import AlreadyDone, InsufficientBalance, Overdrawn
from ytmarket.domain.ids import ProductId
from ytmarket.domain.money import Usdt
from ytmarket.domain.orders import Change, Order
from ytmarket.domain.shop import AccountFacts, Facts, OrderRequest, Placed, decide
from ytmarket.domain.website import MarketplaceSale, marketplace_order
from ytmarket.testing.contracts.world import NOW, SECOND, TERMS, Customer, World, order_request
from ytmarket.testing.postgres import TemporaryPostgres

pytestmark = pytest.mark.anyio

CENT = Usdt.cents(1)
ANSWER_SECONDS = 4  # what a request has for its statements


@pytest.fixture
async def neighbour(postgres: OpenDatabase) -> AsyncIterator[World]:
    """Another process on the same database."""
    store = await PostgresDatabase.open(postgres.dsn, durable=False)
    yield World(store.unit_of_work, store.queries)
    await store.close()


def fail(order: Order) -> Change:
    return orders.fail(order, "no luck", NOW)


async def facts(world: World, *requests: OrderRequest, now: datetime = NOW) -> Facts:
    async with world.unit_of_work() as uow:
        return await uow.desk.facts(requests, now)


async def reprice(world: World, product: ProductId, price: str) -> None:
    async with world.unit_of_work() as uow:
        found = await uow.catalog.product(product)
        assert found is not None
        await uow.catalog.put(attrs.evolve(found, price=Usdt.of(price)), NOW)
        await uow.commit()


async def test_the_books_say_what_was_decided(world: World) -> None:
    customer, product = await world.customer(10), await world.product("2.50", units=3)
    request = order_request(customer, product, 2, webhook_url="https://receiver.example/hook")
    (placed,) = (await world.place(request)).outcomes
    assert isinstance(placed, Placed)
    kept = (await world.queries.transfers(customer.account, Paging())).rows[0]
    assert kept == placed.transfer
    async with world.unit_of_work() as uow:
        (job,) = await uow.webhooks.claim(NOW, NOW + SECOND, "lease", limit=10)
    assert attrs.evolve(job.event, id=None) == placed.event


async def test_a_price_that_somebody_else_has_changed(world: World, neighbour: World) -> None:
    customer, product = await world.customer(100), await world.product(1, units=9)
    await world.order(customer, product)
    await reprice(neighbour, product, "5")
    first = await neighbour.order(customer, product)
    second = await world.order(customer, product)  # this one still remembers the old price
    assert (first.price, first.hits) == (Usdt.of(5), 0)
    assert (second.price, second.hits) == (Usdt.of("5.05"), 1)


async def test_units_that_came_back_are_found_again(world: World, neighbour: World) -> None:
    customer, product = await world.customer(100), await world.product(1, units=4)
    first = await world.order(customer, product, 2)
    await world.order(customer, product, 1)
    await neighbour.move(first.id, fail)
    last = await world.order(customer, product, 3)
    shelf = await world.queries.product(product)
    assert shelf is not None
    assert shelf.available == 0
    done = await world.move(last.id, lambda order: orders.deliver(order, NOW))
    assert done.delivered == 3


async def test_a_huge_order_that_nobody_can_pay_for_is_not_looked_up(world: World) -> None:
    poor, rich = await world.customer(10), await world.customer(200)
    product = await world.product(1, units=3_000)
    requests = [order_request(poor, product, 1_500), order_request(rich, product, 150)]
    found = await facts(world, *requests)
    assert 150 <= len(found.units[product]) <= 170
    refused, placed = (await world.place(*requests)).outcomes
    assert isinstance(refused, InsufficientBalance)
    assert isinstance(placed, Placed)
    assert len(set(placed.units)) == 150


async def test_the_largest_order_is_served_in_time(world: World) -> None:
    customer, product = await world.customer(200), await world.product("0.01", units=10_000)
    with anyio.fail_after(ANSWER_SECONDS):
        order = await world.order(customer, product, 10_000)
    with anyio.fail_after(ANSWER_SECONDS):
        delivered = await world.move(order.id, lambda order: orders.deliver(order, NOW))
    assert delivered.delivered == 10_000


async def test_whoever_can_pay_to_the_last_cent_gets_every_unit(world: World) -> None:
    # 99 times 0.333335 is rounded down to 33.00: the balance reaches for a unit more than its quotient says.
    customer, product = await world.customer("33.00"), await world.product("0.333335", units=120)
    order = await world.order(customer, product, 99)
    assert order.price == Usdt.of("33.00")
    assert await world.balance(customer) == Usdt.of(0)


async def test_a_unit_that_another_order_holds_is_refused_by_the_database(world: World) -> None:
    customer, product = await world.customer(10), await world.product(1, units=2)
    (held,) = (await world.place(order_request(customer, product))).outcomes
    assert isinstance(held, Placed)
    with pytest.raises(AlreadyDone):
        await place_on(world, customer, product, units={product: held.units})
    assert await world.balance(customer) == Usdt.of(9)


async def test_money_that_is_not_there_is_refused_by_the_database(world: World) -> None:
    customer, product = await world.customer("0.50"), await world.product(1, units=2)
    rich = {customer.account: AccountFacts(balance=Usdt.of(10))}
    with pytest.raises(Overdrawn):
        await place_on(world, customer, product, accounts=rich)
    assert await world.balance(customer) == Usdt.of("0.50")
    assert not (await world.queries.orders(customer.account, Paging())).rows


@attrs.define
class RateAtAnOutage:
    """A rate in whose second answer the database goes away."""

    postgres: OpenDatabase
    until: AsyncExitStack
    asked: int = 0

    async def rub_per_usdt(self) -> Decimal:
        self.asked += 1
        if self.asked == 2:
            await self.until.enter_async_context(self.postgres.outage())
        return Decimal(80)


async def test_who_was_charged_before_an_outage_is_told_so(postgres: OpenDatabase, world: World) -> None:
    customer, product = await world.customer(1), await world.product("0.01", units=1)
    poor = [await world.customer() for _ in range(3)]
    huge = BATCH_UNITS_MAX // 2
    async with AsyncExitStack() as until:
        desk = OrderDesk(
            new_unit_of_work=world.unit_of_work,
            clock=ManualClock(NOW),
            rate_source=RateAtAnOutage(postgres, until),
            terms=TERMS,
            render=lambda _: b"",
        )
        requests = [order_request(customer, product), *(order_request(one, product, huge) for one in poor)]
        answers = await asyncio.gather(*map(desk.place, requests), return_exceptions=True)
    assert isinstance(answers[0], OrderAnswer)
    assert isinstance(answers[-1], Unavailable)
    assert await world.balance(customer) == Usdt.of("0.99")


async def place_on(world: World, customer: Customer, product: ProductId, **wrong: Any) -> None:
    """Serve a request on facts that are wrong."""
    requests = [order_request(customer, product)]
    async with world.unit_of_work() as uow:
        found = attrs.evolve(await uow.desk.facts(requests, NOW), **wrong)
        await uow.desk.record(requests, decide(requests, found, NOW, TERMS), {}, NOW)
        await uow.commit()


@pytest.mark.parametrize("sequence", [(0, 1), (1, 0)])
async def test_an_amount_that_two_took_counts_until_both_have_failed(
    world: World, sequence: tuple[int, int]
) -> None:
    customer, product = await world.customer(1000), await world.product(10, units=20)
    placed = [await world.order(customer, product, now=NOW + n * SECOND) for n in range(13)]
    capped = [order for order in placed if order.hits == 11]
    assert [order.price for order in capped] == [Usdt.of(11)] * 2
    # The step below the cap ends near it as well, so that the cap's amount decides alone.
    for order in placed[9:11]:
        await world.move(order.id, fail)
    request = order_request(customer, product)
    for position in sequence:
        assert Usdt.of(11) in (await facts(world, request)).taken
        await world.move(capped[position].id, fail)
    assert Usdt.of(11) not in (await facts(world, request)).taken


async def test_an_amount_stops_counting_with_its_latest_taker(world: World) -> None:
    customer, product = await world.customer(1000), await world.product(10, units=20)
    placed = [await world.order(customer, product, now=NOW + n * timedelta(minutes=1)) for n in range(13)]
    early, late = (order for order in placed if order.hits == 11)
    await world.move(late.id, fail)
    request, end = order_request(customer, product), early.created_at + pricing.WINDOW
    assert Usdt.of(11) in (await facts(world, request, now=end - SECOND)).taken
    assert Usdt.of(11) not in (await facts(world, request, now=end)).taken


WRONG_WINDOW = """
    select amount, taken_at::text, latest::text from price_window full join (
        select price as amount, max(created_at) as latest from orders
        where status <> 'failed' group by price
    ) as counting using (amount)
    where taken_at is distinct from coalesce(latest, '-infinity')
"""


BLOCKED = "select from pg_locks where not granted"


async def waiting(dsn: str, count: int = 1) -> None:
    """Come back when so many wait for somebody else's row."""
    async with await psycopg.AsyncConnection.connect(dsn, autocommit=True) as connection:
        blocked: list[object] = []
        while len(blocked) < count:
            blocked = list(await (await connection.execute(BLOCKED)).fetchall())
            await anyio.sleep(0.01)


async def capped(world: World, customer: Customer, *products: ProductId) -> list[Order]:
    """Twelve orders of these in turn, at 10 each; the last two took the amount of the cap, 11."""
    placed = [
        await world.order(customer, products[n % len(products)], now=NOW + n * SECOND) for n in range(12)
    ]
    assert [order.price for order in placed[10:]] == [Usdt.of(11)] * 2
    return placed


async def test_an_amount_released_while_somebody_takes_it(postgres: OpenDatabase, world: World) -> None:
    customer, product = await world.customer(1000), await world.product(10, units=20)
    placed = await capped(world, customer, product)
    await world.move(placed[10].id, fail)  # the other one that took the amount of the cap
    # Of another product, so that nothing but the amount is wanted by both.
    requests = [order_request(customer, await world.product(10, units=1))]
    async with anyio.create_task_group() as group, world.unit_of_work() as desk:
        # Its clock is behind, so the amount stays in the name of the one that is about to fail.
        found = await desk.desk.facts(requests, NOW)
        decision = decide(requests, found, NOW, TERMS)
        await desk.desk.record(requests, decision, {}, NOW)
        group.start_soon(world.move, placed[-1].id, fail)
        with anyio.fail_after(30):
            await waiting(postgres.dsn)
        await desk.commit()
    async with await psycopg.AsyncConnection.connect(postgres.dsn) as connection:
        assert await (await connection.execute(WRONG_WINDOW)).fetchall() == []


@pytest.mark.parametrize("sequence", [(10, 11), (11, 10)])
async def test_two_orders_of_one_amount_fail_at_once(
    postgres: OpenDatabase, world: World, sequence: tuple[int, int]
) -> None:
    # Of two products, so that nothing but the amount is wanted by both.
    customer, products = await world.customer(1000), [await world.product(10, units=9) for _ in range(2)]
    placed = await capped(world, customer, *products)
    first, second = (placed[position].id for position in sequence)
    async with world.unit_of_work() as uow:
        order = await uow.orders.lock(first)
        assert order is not None
        await uow.orders.record(fail(order))
        other = asyncio.create_task(world.move(second, fail))
        blocked = asyncio.create_task(waiting(postgres.dsn))
        done, _ = await asyncio.wait([other, blocked], timeout=30, return_when=asyncio.FIRST_COMPLETED)
        assert done
        await uow.commit()
    await other
    blocked.cancel()
    with psycopg.connect(postgres.dsn) as connection:
        assert connection.execute(WRONG_WINDOW).fetchall() == []


async def order_last_unit(world: World, customer: Customer, product: ProductId) -> None:
    assert (await world.order(customer, product)).price == Usdt.of(11)


async def sell_last_unit(world: World, _: Customer, product: ProductId) -> None:
    async with world.unit_of_work() as uow:
        shelf = await uow.website.shelf(product, 1, NOW)
        assert shelf is not None
        sale = MarketplaceSale(order_id=shelf.order_id, marketplace="bazaar", external_id="1")
        await uow.website.place(marketplace_order(shelf, 1, Usdt.of(11), sale, SECOND, NOW))
        await uow.commit()


@pytest.mark.parametrize("take", [order_last_unit, sell_last_unit])
async def test_what_sells_out_at_an_amount_that_is_released_waits_in_no_circle(
    postgres: OpenDatabase,
    world: World,
    take: Callable[[World, Customer, ProductId], Coroutine[Any, Any, None]],
) -> None:
    customer, sold_out = await world.customer(1000), await world.product(10, units=12)
    last = (await capped(world, customer, sold_out))[-1]
    one_left = await world.product(10, units=1)
    async with await psycopg.AsyncConnection.connect(postgres.dsn) as somebody:
        await somebody.execute("select from catalog_version for update")
        async with anyio.create_task_group() as group:
            with anyio.fail_after(30):
                group.start_soon(world.move, last.id, fail)
                await waiting(postgres.dsn, 1)
                group.start_soon(take, world, customer, one_left)
                await waiting(postgres.dsn, 2)
            await somebody.rollback()
    shelf = await world.queries.product(one_left)
    assert shelf is not None
    assert shelf.available == 0


async def test_amounts_taken_and_released_at_once_are_remembered_rightly(
    postgres: OpenDatabase, world: World, neighbour: World
) -> None:
    chance = random.Random(7)
    customer = await world.customer(10_000)
    products = [await world.product(1, units=units) for units in (400, 400, 1)]
    living: list[Order] = []

    async def shop_at(place: World, rounds: int) -> None:
        for _ in range(rounds):
            # Two processes' clocks are never quite the same.
            now = NOW + timedelta(milliseconds=chance.randrange(50))
            (outcome,) = (
                await place.place(order_request(customer, chance.choice(products)), now=now)
            ).outcomes
            if isinstance(outcome, Placed):
                living.append(outcome.order)
            if living and (len(living) > 6 or chance.random() < 0.4):
                await place.move(living.pop(chance.randrange(len(living))).id, fail)

    async with anyio.create_task_group() as group:
        for _ in range(3):
            group.start_soon(shop_at, world, 25)
            group.start_soon(shop_at, neighbour, 25)
    with psycopg.connect(postgres.dsn) as connection:
        assert connection.execute(WRONG_WINDOW).fetchall() == []


def test_looking_up_amounts_costs_the_same_however_many_were_taken(
    postgres_server: TemporaryPostgres, migrated: str
) -> None:
    dsn = postgres_server.new_database(migrated)
    candidates = [amount.micros for amount in pricing.candidates(Usdt.of(50))]
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute(FEW_ROWS)

        def pages() -> int:
            explain = b"explain (analyze, buffers, format json) " + TAKEN_NEAR.encode()
            row = connection.execute(explain, [candidates, NOW - pricing.WINDOW]).fetchone()
            assert row is not None
            return int(row[0][0]["Plan"]["Shared Hit Blocks"])

        def take(count: int) -> None:
            connection.execute(
                "insert into price_window select amount * 10000, %s, 1 from generate_series(1, %s) amount"
                " on conflict do nothing",
                [NOW, count],
            )

        take(1_000)
        few = pages()
        take(200_000)
        assert pages() <= 2 * few
    postgres_server.drop_database(dsn)
