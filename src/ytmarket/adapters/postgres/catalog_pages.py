"""Pages of the catalogue: which products are in a list is remembered for as long as it is true.

The database counts a version up whenever a list could change: a product comes, is bought empty or
is filled up, changes its price or its category. Every page is read together with the version; where
it has moved on, the list is made anew. So a page of a long list costs what one of a short list does.

Whoever reads the rows that were read last is given the listing that was made of them.
"""

from __future__ import annotations

from array import array
from collections import OrderedDict
from collections.abc import Sequence
from typing import Any, Final, TypeAlias

import attrs
import psycopg

from ytmarket.adapters.postgres.arrays import numbers
from ytmarket.adapters.postgres.connections import Connection, Pool, lent
from ytmarket.adapters.postgres.rows import PRODUCT_COLUMNS, product_of
from ytmarket.application.ports.queries import Listing, Paging
from ytmarket.domain.catalog import Category, Product, ProductFilter
from ytmarket.domain.money import Usdt

Rows: TypeAlias = list[tuple[Any, ...]]

IDS_MAX: Final = 1_000_000
"""How many products the remembered lists may name together: eight bytes for each."""
LISTS_MAX: Final = 256
PAGES_MAX: Final = 64
TRIES: Final = 2

_FITS: Final = """
    available >= %(min_available)s
    and (%(category)s::text is null or category = %(category)s)
    and (%(sku)s::text is null or sku = %(sku)s)
    and (%(min_price)s::bigint is null or price >= %(min_price)s)
    and (%(max_price)s::bigint is null or price <= %(max_price)s)
"""
IDS: Final = f"""
    select version, array(select id from product where {_FITS} order by id) from catalog_version
"""
PAGE: Final = f"""
    select version, {PRODUCT_COLUMNS}
    from catalog_version left join product on product.id = any(%s::bigint[]) order by product.id
"""
DIRECT: Final = f"""
    select counted.total, page.*
    from (select count(*) as total from product where {_FITS}) counted left join lateral (
        select {PRODUCT_COLUMNS} from product where {_FITS}
        order by product.id limit %(limit)s offset %(offset)s
    ) page on true
    order by page.id
"""
VERSION: Final = "select version from catalog_version"
CATEGORIES: Final = """
    select version, category, products, min_price
    from catalog_version left join (
        select category, count(*) as products, min(price) as min_price
        from product where available > 0 group by category
    ) category on true
    order by category collate "C"
"""


@attrs.frozen
class Remembered:
    """The products of a list, by id, while the catalogue has this version."""

    version: int
    ids: array[int]

    def page(self, paging: Paging) -> list[int]:
        return self.ids[paging.offset : paging.offset + paging.page_size].tolist()


class CatalogPages:
    """Lists of products and categories, over connections that commit by themselves."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self._lists: OrderedDict[ProductFilter, Remembered] = OrderedDict()
        self._pages: OrderedDict[tuple[ProductFilter, Paging], tuple[Rows, Listing[Product]]] = OrderedDict()
        self._categories: tuple[int, Sequence[Category]] | None = None

    async def products(self, wanted: ProductFilter, paging: Paging) -> Listing[Product]:
        """Sorted by id."""
        async with lent(self._pool) as connection:
            # Whether there are many in stock changes with every order, and no version tells of it;
            # a sku names one product at most.
            if wanted.min_available <= 1 and wanted.sku is None:
                for _ in range(TRIES):
                    found = await self._by_ids(connection, wanted, paging)
                    if found is not None:
                        return found
            return await _directly(connection, wanted, paging)

    async def categories(self) -> Sequence[Category]:
        """Of products with stock, sorted by name."""
        async with lent(self._pool) as connection:
            if self._categories is not None:
                row = await (await connection.execute(VERSION)).fetchone()
                if row is not None and row[0] == self._categories[0]:
                    return self._categories[1]
            rows = await (await connection.execute(CATEGORIES)).fetchall()
        found = [
            Category(name=name, products=count, min_price=Usdt(price))
            for _, name, count, price in rows
            if name is not None
        ]
        if rows:
            self._categories = rows[0][0], found
        return found

    async def _by_ids(
        self, connection: Connection, wanted: ProductFilter, paging: Paging
    ) -> Listing[Product] | None:
        """None when the catalogue changed between the list and the page."""
        known = self._lists.get(wanted)
        if known is None:
            known = await self._learn(connection, wanted)
        cursor = await connection.execute(PAGE, (numbers(known.page(paging)),), binary=True)
        rows = await cursor.fetchall()
        if not rows or rows[0][0] != known.version:
            self._lists.pop(wanted, None)
            return None
        if wanted in self._lists:
            self._lists.move_to_end(wanted)
        return self._listing(wanted, paging, rows, len(known.ids))

    def _listing(self, wanted: ProductFilter, paging: Paging, rows: Rows, total: int) -> Listing[Product]:
        """The listing of these rows; the one made last, if they have not changed since."""
        kept = self._pages.get((wanted, paging))
        if kept is not None and kept[0] == rows and kept[1].total == total:
            return kept[1]
        products = [product_of(row[1:]) for row in rows if row[1] is not None]
        listing = Listing(rows=products, paging=paging, total=total)
        self._pages[wanted, paging] = rows, listing
        self._pages.move_to_end((wanted, paging))
        if len(self._pages) > PAGES_MAX:
            self._pages.popitem(last=False)
        return listing

    async def _learn(self, connection: Connection, wanted: ProductFilter) -> Remembered:
        cursor = await connection.execute(IDS, _values(wanted), binary=True)
        row = await cursor.fetchone()
        if row is None:
            raise psycopg.DataError("the catalogue has no version")
        learnt = Remembered(row[0], array("q", row[1]))
        self._lists[wanted] = learnt
        while len(self._lists) > LISTS_MAX or sum(len(one.ids) for one in self._lists.values()) > IDS_MAX:
            self._lists.popitem(last=False)
        return learnt


async def _directly(connection: Connection, wanted: ProductFilter, paging: Paging) -> Listing[Product]:
    page = {"limit": paging.page_size, "offset": paging.offset}
    cursor = await connection.execute(DIRECT, _values(wanted) | page, binary=True)
    rows = await cursor.fetchall()
    products = [product_of(row[1:]) for row in rows if row[1] is not None]
    return Listing(rows=products, paging=paging, total=rows[0][0])


def _values(wanted: ProductFilter) -> dict[str, Any]:
    return {
        "min_available": wanted.min_available,
        "category": wanted.category,
        "sku": wanted.sku,
        "min_price": None if wanted.min_price is None else wanted.min_price.micros,
        "max_price": None if wanted.max_price is None else wanted.max_price.micros,
    }
