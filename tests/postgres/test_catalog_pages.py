"""Pages of the catalogue: true at every moment, and as cheap in a long list as in a short one."""

from __future__ import annotations

import json
from collections.abc import Sequence
from random import Random
from typing import Any

import anyio
import psycopg
import pytest

from tests.contract.conftest import OpenDatabase
from ytmarket.adapters.postgres import catalog_pages
from ytmarket.adapters.postgres.catalog_pages import PAGE, CatalogPages
from ytmarket.application.ports.queries import Paging
from ytmarket.domain.catalog import Product, ProductFilter
from ytmarket.domain.ids import ProductId
from ytmarket.domain.money import Usdt
from ytmarket.testing.contracts.world import World

pytestmark = pytest.mark.anyio

FILL = """
    insert into product (id, sku, title, category, price, min_quantity, available, created_at, updated_at)
    select
        n, 'sku ' || n, 'Product ' || n, 'category ' || n %% 7, 10000 * (1 + n %% 50), 1, n %% 3, now(), now()
    from generate_series((select coalesce(max(id), 0) + 1 from product), %s) n
"""
MANY = 12_000


async def execute(postgres: OpenDatabase, statement: str, *values: Any) -> list[tuple[Any, ...]]:
    async with await psycopg.AsyncConnection.connect(postgres.dsn, autocommit=True) as connection:
        cursor = await connection.execute(statement, values)
        return [] if cursor.description is None else await cursor.fetchall()


def ids(products: Sequence[Product]) -> list[int]:
    return [product.id for product in products]


async def test_a_page_reads_as_much_of_a_long_list_as_of_a_short_one(postgres: OpenDatabase) -> None:
    async def cost() -> int:
        rows = await execute(postgres, f"explain (analyze, buffers, format json) {PAGE}", list(range(20, 70)))
        told = rows[0][0] if isinstance(rows[0][0], list) else json.loads(rows[0][0])
        return int(told[0]["Plan"]["Shared Hit Blocks"] + told[0]["Plan"]["Shared Read Blocks"])

    await execute(postgres, FILL, 100)
    await execute(postgres, "vacuum analyze product")
    short = await cost()
    await execute(postgres, FILL, MANY)
    await execute(postgres, "vacuum analyze product")
    assert await cost() <= max(2 * short, 200)  # at most an index's depth for each of fifty rows


async def test_a_list_is_computed_once_for_as_long_as_it_is_true(
    postgres: OpenDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    await execute(postgres, FILL, 30)
    pages = CatalogPages(postgres.store.reading)
    wanted = ProductFilter(category="category 3")
    first = await pages.products(wanted, Paging(page_size=2))
    monkeypatch.setattr(catalog_pages, "IDS", "this would be an error")
    monkeypatch.setattr(catalog_pages, "DIRECT", "this too")
    again = await pages.products(wanted, Paging(page=2, page_size=2))
    assert (ids(first.rows), first.total) == ([10, 17], 2)
    assert (ids(again.rows), again.total) == ([], 2)
    past = await pages.products(wanted, Paging(page=1_000_000, page_size=200))
    assert (ids(past.rows), past.total) == ([], 2)


@pytest.mark.parametrize(
    "change",
    [
        "update product set available = 1 where id = 3",
        "update product set available = 0 where id = 10",
        "update product set category = 'category 3' where id = 4",
        "update product set category = 'category 4' where id = 10",
        "update product set price = 990000 where id = 10",
        "update product set price = 10000 where id = 24",
        "insert into product values (31, 'new', 'New', 'category 3', 10000, 1, 5, now(), now())",
        "delete from product where id = 10",
    ],
)
async def test_whatever_changes_a_list_is_seen_at_once(postgres: OpenDatabase, change: str) -> None:
    await execute(postgres, FILL, 30)
    known, fresh = CatalogPages(postgres.store.reading), CatalogPages(postgres.store.reading)
    wanted = ProductFilter(category="category 3", max_price=Usdt.of("0.24"))
    before = await known.products(wanted, Paging())
    categories = await known.categories()
    assert (ids(before.rows), before.total) == ([10, 17], 2)
    await execute(postgres, change)
    after = await known.products(wanted, Paging())
    assert after == await fresh.products(wanted, Paging())
    assert list(await known.categories()) == list(await fresh.categories())
    assert len(categories) == 7


async def test_what_the_rows_say_is_of_this_moment(postgres: OpenDatabase) -> None:
    await execute(postgres, FILL, 30)
    pages = CatalogPages(postgres.store.reading)
    await pages.products(ProductFilter(), Paging())
    await execute(postgres, "update product set available = 41, title = 'Anew' where id = 1")
    product = (await pages.products(ProductFilter(), Paging())).rows[0]
    assert (product.id, product.available, product.title) == (1, 41, "Anew")


async def test_a_minimum_in_stock_is_counted_now(postgres: OpenDatabase) -> None:
    await execute(postgres, FILL, 30)
    pages = CatalogPages(postgres.store.reading)
    wanted = ProductFilter(min_available=2)
    assert (await pages.products(wanted, Paging(page_size=3))).total == 10
    # No list of what is in stock at all changes by this, so no version tells of it.
    await execute(postgres, "update product set available = 7 where id in (1, 4)")
    found = await pages.products(wanted, Paging(page_size=3))
    assert (ids(found.rows), found.total) == ([1, 2, 4], 12)
    assert (await pages.products(wanted, Paging(page=9, page_size=3))).total == 12


async def test_a_page_and_its_total_are_true_while_everything_changes(
    postgres: OpenDatabase,
) -> None:
    """Products go in and out of stock in pairs, so that at every moment their number is even."""
    await execute(postgres, FILL, 40)
    await execute(postgres, "update product set available = 0")
    pages = CatalogPages(postgres.store.reading)
    chance, is_over = Random(4), False

    async def change() -> None:
        nonlocal is_over
        for _ in range(150):
            one = chance.randrange(20)
            await execute(
                postgres,
                "update product set available = 1 - available where id in (%s, %s)",
                one + 1,
                one + 21,
            )
        is_over = True

    async def look() -> None:
        seen = set()
        while not is_over:
            found = await pages.products(ProductFilter(), Paging(page_size=40))
            assert found.total == len(found.rows)
            assert found.total % 2 == 0
            assert {key + 20 for key in ids(found.rows) if key <= 20} == {
                key for key in ids(found.rows) if key > 20
            }
            seen.add(tuple(ids(found.rows)))
        assert len(seen) > 1

    async with anyio.create_task_group() as group:
        group.start_soon(change)
        for _ in range(3):
            group.start_soon(look)


async def test_no_more_is_remembered_than_there_is_room_for(
    postgres: OpenDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    await execute(postgres, FILL, 30)
    monkeypatch.setattr(catalog_pages, "LISTS_MAX", 3)
    monkeypatch.setattr(catalog_pages, "IDS_MAX", 35)
    pages = CatalogPages(postgres.store.reading)
    for cents in range(1, 8):
        wanted = ProductFilter(min_available=0, max_price=Usdt.cents(cents))
        await pages.products(wanted, Paging())
        assert len(pages._lists) <= 3
    everything = ProductFilter(min_available=0)
    assert (await pages.products(everything, Paging())).total == 30
    assert sum(len(known.ids) for known in pages._lists.values()) <= 35
    assert everything in pages._lists


async def test_a_sku_is_looked_up_and_not_remembered(postgres: OpenDatabase, world: World) -> None:
    await execute(postgres, FILL, 30)
    pages = CatalogPages(postgres.store.reading)
    found = await pages.products(ProductFilter(sku="sku 7"), Paging())
    assert (ids(found.rows), found.total) == ([ProductId(7)], 1)
    assert not pages._lists
    assert (await world.queries.products(ProductFilter(sku="sku 6"), Paging())).total == 0
