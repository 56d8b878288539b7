"""Products and the units in stock, in PostgreSQL."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Final

import attrs

from ytmarket.adapters.postgres.arrays import numbers
from ytmarket.adapters.postgres.connections import Connection
from ytmarket.adapters.postgres.rows import PRODUCT_COLUMNS, product_of
from ytmarket.application.ports.repositories import NewUnit
from ytmarket.domain.catalog import Product
from ytmarket.domain.errors import DuplicateUnit, ProductNotFound
from ytmarket.domain.ids import ProductId, UnitId

PUT: Final = """
    insert into product (id, sku, title, category, price, min_quantity, created_at, updated_at)
    values (%(id)s, %(sku)s, %(title)s, %(category)s, %(price)s, %(min_quantity)s, %(now)s, %(now)s)
    on conflict (id) do update set
        sku = excluded.sku, title = excluded.title, category = excluded.category, price = excluded.price,
        min_quantity = excluded.min_quantity, updated_at = excluded.updated_at
"""
PRODUCT: Final = f"select {PRODUCT_COLUMNS} from product where id = %s"
NEXT_UNITS: Final = "select nextval('stock_unit_number') from generate_series(1, %s)"
LOCK: Final = "select 1 from product where id = %s for no key update"
# Whoever adds units to a product holds its row, so that no other unit can come in between.
KNOWN: Final = """
    select fingerprint from unnest(%s::bytea[]) as new (fingerprint)
    join stock_unit using (fingerprint) where stock_unit.product_id = %s
"""
ADD_UNITS: Final = """
    insert into stock_unit (id, product_id, sealed, fingerprint, created_at)
    select id, %s, sealed, fingerprint, %s
    from unnest(%s::bigint[], %s::bytea[], %s::bytea[]) as new (id, sealed, fingerprint)
"""
AVAILABLE: Final = "select available from product where id = %s"


@attrs.frozen
class PostgresCatalog:
    """The `CatalogRepository` port."""

    _connection: Connection

    async def put(self, product: Product, now: datetime) -> None:
        await self._connection.execute(
            PUT,
            {
                "id": product.id,
                "sku": product.sku,
                "title": product.title,
                "category": product.category,
                "price": product.price.micros,
                "min_quantity": product.min_quantity,
                "now": now,
            },
        )

    async def product(self, product: ProductId) -> Product | None:
        row = await (await self._connection.execute(PRODUCT, [product])).fetchone()
        return None if row is None else product_of(row)

    async def next_unit_ids(self, count: int) -> Sequence[UnitId]:
        rows = await (await self._connection.execute(NEXT_UNITS, [count])).fetchall()
        return [UnitId(row[0]) for row in rows]

    async def add_units(self, product: ProductId, units: Sequence[NewUnit], now: datetime) -> int:
        run = self._connection.execute
        if await (await run(LOCK, [product])).fetchone() is None:
            raise ProductNotFound
        fingerprints = [unit.fingerprint for unit in units]
        known = await (await run(KNOWN, [fingerprints, product])).fetchall()
        _check_new(fingerprints, known={row[0] for row in known})
        sealed = [unit.sealed for unit in units]
        await run(ADD_UNITS, [product, now, numbers(unit.id for unit in units), sealed, fingerprints])
        row = await (await run(AVAILABLE, [product])).fetchone()
        if row is None:
            raise ProductNotFound
        available: int = row[0]
        return available


def _check_new(fingerprints: Sequence[bytes], *, known: set[bytes]) -> None:
    for position, fingerprint in enumerate(fingerprints):
        if fingerprint in known:
            raise DuplicateUnit(position=position)
        known.add(fingerprint)
