"""Products and the units in stock, in PostgreSQL."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Final

import attrs

from ytmarket.adapters.postgres.arrays import numbers
from ytmarket.adapters.postgres.connections import LOCK_TIMEOUT, Connection
from ytmarket.adapters.postgres.rows import PRODUCT_COLUMNS, product_of
from ytmarket.application.ports.repositories import NewUnit
from ytmarket.domain.catalog import Product
from ytmarket.domain.errors import DuplicateUnit, ProductNotFound
from ytmarket.domain.ids import ProductId, UnitId

# Whoever changes products does so alone. Orders never ask for this, and need not wait for it.
HOLD: Final = "select pg_advisory_xact_lock(hashtextextended('products', 0))"
WAIT_LONG: Final = "set local lock_timeout = '60s'"
WAIT_AS_USUAL: Final = f"set local lock_timeout = '{LOCK_TIMEOUT}'"
# All of them before the first is written, in the order of the ids, as the desk does: whoever has a product
# must not have to wait for its sku, which another one of these may have been given already. For update, as
# a sku changes a key: units that are being added keep their product's key as it is.
LOCK: Final = "select from product where id = any(%s::bigint[]) order by id for update"
# In the order of the ids. The catalogue's version comes after all of them: its
# triggers run once the statement has written every row, and so do those that look for a sku twice.
PUT: Final = """
    insert into product (id, sku, title, category, price, min_quantity, created_at, updated_at)
    select id, sku, title, category, price, min_quantity, at, at
    from unnest(
        %s::bigint[], %s::text[], %s::text[], %s::text[], %s::bigint[], %s::integer[]
    ) as given (id, sku, title, category, price, min_quantity), (select %s::timestamptz as at) as moment
    order by id
    on conflict (id) do update set
        sku = excluded.sku, title = excluded.title, category = excluded.category, price = excluded.price,
        min_quantity = excluded.min_quantity, updated_at = excluded.updated_at
"""
PRODUCT: Final = f"select {PRODUCT_COLUMNS} from product where id = %s"
ALIKE: Final = f"""
    select {PRODUCT_COLUMNS} from product where id = any(%s::bigint[]) or sku = any(%s::text[])
"""
NEXT_UNITS: Final = "select nextval('stock_unit_number') from generate_series(1, %s)"
# Whoever adds units to a product does so alone, and orders need not wait for it: the product's own row is
# locked only by the trigger that counts, at the very end.
ALONE: Final = "select pg_advisory_xact_lock(hashtextextended('stock of product ' || %s::bigint, 0))"
EXISTS: Final = "select from product where id = %s"
MAKE_ROOM: Final = """
    create temporary table new_unit (id bigint, sealed bytea, fingerprint bytea) on commit drop
"""
LOAD: Final = "copy new_unit (id, sealed, fingerprint) from stdin (format binary)"
KNOWN: Final = """
    select fingerprint from new_unit join stock_unit using (fingerprint) where stock_unit.product_id = %s
"""
KNOWN_BEFORE: Final = """
    select former.fingerprint from unnest(%s::bytea[]) as former (fingerprint)
    join stock_unit using (fingerprint) where stock_unit.product_id = %s
"""
ADD_UNITS: Final = """
    insert into stock_unit (id, product_id, sealed, fingerprint, created_at)
    select id, %s, sealed, fingerprint, %s from new_unit order by id
"""
FORGET: Final = "drop table new_unit"
AVAILABLE: Final = "select available from product where id = %s"
SEALED: Final = """
    select id, sealed, fingerprint from stock_unit where id > %s order by id limit %s for no key update
"""
RESEAL: Final = """
    with anew as materialized (
        select given.id, given.sealed, case
            when row_number() over (partition by unit.product_id, given.fingerprint order by given.id) > 1
                or exists (
                    select from stock_unit other
                    where other.product_id = unit.product_id and other.fingerprint = given.fingerprint
                )
            then unit.fingerprint else given.fingerprint end as fingerprint
        from unnest(%s::bigint[], %s::bytea[], %s::bytea[]) as given (id, sealed, fingerprint)
        join stock_unit unit using (id)
    )
    update stock_unit set sealed = anew.sealed, fingerprint = anew.fingerprint
    from anew where stock_unit.id = anew.id
"""


@attrs.frozen
class PostgresCatalog:
    """The `CatalogRepository` port."""

    _connection: Connection
    _is_patient: bool = False

    async def hold(self) -> None:
        if not self._is_patient:
            await self._connection.execute(HOLD)
            return
        await self._connection.execute(WAIT_LONG)
        await self._connection.execute(HOLD)
        await self._connection.execute(WAIT_AS_USUAL)

    async def put(self, product: Product, now: datetime) -> None:
        await self.put_all([product], now)

    async def put_all(self, products: Sequence[Product], now: datetime) -> None:
        ids = numbers(product.id for product in products)
        await self._connection.execute(LOCK, [ids])
        await self._connection.execute(
            PUT,
            [
                ids,
                [product.sku for product in products],
                [product.title for product in products],
                [product.category for product in products],
                numbers(product.price.micros for product in products),
                numbers(product.min_quantity for product in products),
                now,
            ],
        )

    async def product(self, product: ProductId) -> Product | None:
        row = await (await self._connection.execute(PRODUCT, [product])).fetchone()
        return None if row is None else product_of(row)

    async def alike(self, products: Sequence[Product]) -> Sequence[Product]:
        ids, skus = numbers(product.id for product in products), [product.sku for product in products]
        rows = await self._connection.execute(ALIKE, [ids, skus])
        return [product_of(row) async for row in rows]

    async def next_unit_ids(self, count: int) -> Sequence[UnitId]:
        rows = await (await self._connection.execute(NEXT_UNITS, [count])).fetchall()
        return [UnitId(row[0]) for row in rows]

    async def add_units(self, product: ProductId, units: Sequence[NewUnit], now: datetime) -> int:
        run = self._connection.execute
        await run(ALONE, [product])
        if await (await run(EXISTS, [product])).fetchone() is None:
            raise ProductNotFound
        await self._load(units)
        known = await (await run(KNOWN, [product])).fetchall()
        former = [fingerprint for unit in units for fingerprint in unit.former_fingerprints]
        if former:
            known += await (await run(KNOWN_BEFORE, [former, product])).fetchall()
        _check_new(units, known={row[0] for row in known})
        await run(ADD_UNITS, [product, now])
        await run(FORGET)
        row = await (await run(AVAILABLE, [product])).fetchone()
        if row is None:
            raise ProductNotFound
        available: int = row[0]
        return available

    async def sealed_units(self, after: UnitId, *, limit: int) -> Sequence[NewUnit]:
        rows = await self._connection.execute(SEALED, [after, limit], binary=True)
        return [NewUnit(id=UnitId(row[0]), sealed=row[1], fingerprint=row[2]) async for row in rows]

    async def reseal_units(self, units: Sequence[NewUnit]) -> None:
        sealed, fingerprints = [unit.sealed for unit in units], [unit.fingerprint for unit in units]
        await self._connection.execute(RESEAL, [numbers(unit.id for unit in units), sealed, fingerprints])

    async def _load(self, units: Sequence[NewUnit]) -> None:
        await self._connection.execute(MAKE_ROOM)
        cursor = self._connection.cursor()
        async with cursor.copy(LOAD) as copy:
            copy.set_types(["int8", "bytea", "bytea"])
            for unit in units:
                await copy.write_row((unit.id, unit.sealed, unit.fingerprint))


def _check_new(units: Sequence[NewUnit], *, known: set[bytes]) -> None:
    for position, unit in enumerate(units):
        if not known.isdisjoint((unit.fingerprint, *unit.former_fingerprints)):
            raise DuplicateUnit(position=position)
        known.add(unit.fingerprint)
