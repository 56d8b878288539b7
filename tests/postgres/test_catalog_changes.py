"""The catalogue changes while orders go on: nobody waits in a circle, and the audit tells the truth."""

from __future__ import annotations

from itertools import pairwise

import anyio
import attrs
import psycopg
import pytest

from tests.contract.conftest import OpenDatabase
from tests.postgres.test_desk import waiting
from ytmarket.adapters.inmemory import InMemoryVault, ManualClock
from ytmarket.adapters.postgres.catalog import HOLD
from ytmarket.application.audit import Actor
from ytmarket.application.catalog import CatalogService
from ytmarket.application.errors import Unavailable
from ytmarket.domain.catalog import Product
from ytmarket.domain.errors import SkuTaken
from ytmarket.domain.ids import ProductId
from ytmarket.domain.money import Usdt
from ytmarket.testing.contracts.concurrency import at_once
from ytmarket.testing.contracts.world import NOW, World

pytestmark = pytest.mark.anyio

OPS = Actor("test")


@pytest.fixture
def service(postgres: OpenDatabase) -> CatalogService:
    return CatalogService(
        new_unit_of_work=postgres.store.unit_of_work,
        new_patient_unit_of_work=postgres.store.patient_unit_of_work,
        clock=ManualClock(NOW),
        vault=InMemoryVault(),
    )


async def shelf(world: World, count: int, *, units: int = 0) -> list[Product]:
    keys = [await world.product(1, units=units) for _ in range(count)]
    return [product for key in keys if (product := await world.queries.product(key)) is not None]


def dearer(products: list[Product], price: int = 2) -> list[Product]:
    return [attrs.evolve(product, price=Usdt.of(price)) for product in products]


@pytest.mark.parametrize("falling", [False, True])
async def test_an_import_and_an_order_that_sells_out_wait_in_no_circle(
    postgres: OpenDatabase, world: World, service: CatalogService, *, falling: bool
) -> None:
    customer, products = await world.customer(100), await shelf(world, 5, units=1)
    wanted = products[-1].id
    file = sorted(dearer(products), key=lambda product: product.id, reverse=falling)
    async with await psycopg.AsyncConnection.connect(postgres.dsn) as somebody:
        await somebody.execute("select from catalog_version for update")
        with anyio.fail_after(30):
            async with anyio.create_task_group() as group:
                group.start_soon(service.put_all, file, OPS)
                await waiting(postgres.dsn, 1)
                group.start_soon(world.order, customer, wanted)
                await waiting(postgres.dsn, 2)
                await somebody.rollback()
    sold = await world.queries.product(wanted)
    assert sold is not None
    assert (sold.available, sold.price) == (0, Usdt.of(2))


# An order locks the product itself; units that are added lock its key first, and count themselves then.
@pytest.mark.parametrize("locked", ["no key update", "key share"])
async def test_products_that_trade_skus_wait_in_no_circle(
    postgres: OpenDatabase, world: World, service: CatalogService, locked: str
) -> None:
    one, other = await shelf(world, 2)
    traded = [attrs.evolve(one, sku=other.sku), attrs.evolve(other, sku=one.sku)]
    async with await psycopg.AsyncConnection.connect(postgres.dsn) as somebody:
        # A row that finds no room on its page goes into every index anew; so that this one always does:
        await somebody.execute("create index on product (updated_at)")
        await somebody.commit()
        await somebody.execute(f"select from product where id = %s for {locked}", [other.id])
        with anyio.fail_after(30):
            async with anyio.create_task_group() as group:
                group.start_soon(service.put_all, traded, OPS)
                await waiting(postgres.dsn, 1)
                await somebody.execute("update product set updated_at = now() where id = %s", [other.id])
                await somebody.commit()
    assert [
        found.sku for key in (one, other) if (found := await world.queries.product(key.id)) is not None
    ] == [other.sku, one.sku]


async def test_an_import_waits_its_turn_longer_than_who_puts_one_product(
    postgres: OpenDatabase, world: World, service: CatalogService
) -> None:
    products = await shelf(world, 2)
    async with await psycopg.AsyncConnection.connect(postgres.dsn) as somebody:
        await somebody.execute(HOLD)
        with anyio.fail_after(30):
            async with anyio.create_task_group() as group:
                group.start_soon(service.put_all, dearer(products), OPS)
                await waiting(postgres.dsn, 1)
                with pytest.raises(Unavailable):
                    await service.put(dearer(products, 3)[0], OPS)
                await somebody.commit()
    found = await world.queries.product(products[0].id)
    assert found is not None
    assert found.price == Usdt.of(2)


async def test_an_import_whose_turn_it_is_waits_no_longer_than_others(
    postgres: OpenDatabase, world: World, service: CatalogService
) -> None:
    products = await shelf(world, 2)
    async with await psycopg.AsyncConnection.connect(postgres.dsn) as somebody:
        await somebody.execute("select from product for update")
        with anyio.fail_after(30), pytest.raises(Unavailable):
            await service.put_all(dearer(products), OPS)


async def test_orders_go_on_while_somebody_holds_the_catalogue(world: World) -> None:
    customer, (product,) = await world.customer(100), await shelf(world, 1, units=2)
    with anyio.fail_after(30):
        async with world.unit_of_work() as uow:
            await uow.catalog.hold()
            await uow.catalog.alike([product])
            await world.order(customer, product.id)
    left = await world.queries.product(product.id)
    assert left is not None
    assert left.available == 1


async def test_an_import_writes_only_what_changes(
    postgres: OpenDatabase, world: World, service: CatalogService
) -> None:
    products = await shelf(world, 3)
    async with await psycopg.AsyncConnection.connect(postgres.dsn) as somebody:
        await somebody.execute("select from product where id = any(%s) for update", [[products[0].id]])
        with anyio.fail_after(30):
            await service.put_all([products[0], *dearer(products[1:])], OPS)


async def test_imports_in_opposite_order_follow_each_other(world: World, service: CatalogService) -> None:
    products = await shelf(world, 200)
    files = [dearer(products, 2), dearer(products, 3)[::-1]] * 2
    assert await at_once(files, lambda file: service.put_all(file, OPS)) == [None] * 4
    prices = {found.price for key in products if (found := await world.queries.product(key.id)) is not None}
    assert len(prices) == 1


async def test_who_changes_one_product_at_once_tells_each_what_was_there_before(
    postgres: OpenDatabase, world: World, service: CatalogService
) -> None:
    (product,) = await shelf(world, 1)
    second, third, fourth = (attrs.evolve(product, price=Usdt.of(price)) for price in (2, 3, 4))
    async with await psycopg.AsyncConnection.connect(postgres.dsn) as somebody:
        await somebody.execute("select from product for update")
        with anyio.fail_after(30):
            async with anyio.create_task_group() as group:
                group.start_soon(service.put, second, OPS)
                group.start_soon(service.put_all, [third], OPS)
                group.start_soon(service.put, fourth, OPS)
                await waiting(postgres.dsn, 3)
                await somebody.rollback()
    rows = [row.entry.details for row in await world.queries.audit_rows(limit=3)]
    later_first = [(row["before"].removeprefix(f"{product.id}: "), row["after"]) for row in rows]
    for (before, _), (_, after) in pairwise(later_first):
        assert before == after.removeprefix(f"{product.id}: ")


async def test_of_two_who_want_one_sku_the_second_is_told_so(world: World, service: CatalogService) -> None:
    products = await shelf(world, 4)
    outcomes = await at_once(products, lambda one: service.put(attrs.evolve(one, sku="wanted"), OPS))
    assert sum(isinstance(outcome, SkuTaken) for outcome in outcomes) == 3


async def test_a_catalogue_that_changes_as_a_whole_counts_its_version_up_as_one_that_changes_a_little(
    postgres: OpenDatabase, world: World, service: CatalogService
) -> None:
    products = await shelf(world, 50)
    grown = []
    with psycopg.connect(postgres.dsn, autocommit=True) as connection:

        def version() -> int:
            row = connection.execute("select version from catalog_version").fetchone()
            return 0 if row is None else int(row[0])

        for file in (dearer(products[:1]), dearer(products, 3)):
            before = version()
            await service.put_all(file, OPS)
            grown.append(version() - before)
        before = version()
        connection.execute("update product set price = 5")
        assert version() > before
    assert grown[0] == grown[1] > 0


async def test_a_product_that_is_put_with_a_taken_sku_is_refused_without_a_line(
    world: World, service: CatalogService
) -> None:
    one, other = await shelf(world, 2)
    with pytest.raises(SkuTaken) as refusal:
        await service.put(attrs.evolve(other, sku=one.sku), OPS)
    assert refusal.value.position is None
    with pytest.raises(SkuTaken) as refusal:
        await service.put_all([attrs.evolve(other, id=ProductId(99)), one], OPS)
    assert refusal.value.position == 0
    with pytest.raises(SkuTaken) as refusal:
        await service.put_all(
            [one, attrs.evolve(one, id=ProductId(99), sku="x"), attrs.evolve(other, sku="x")], OPS
        )
    assert refusal.value.position == 2
