"""Products in memory, and the units on their shelves."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from heapq import nsmallest

import attrs

from ytmarket.adapters.inmemory.rows import UnitRow
from ytmarket.adapters.inmemory.state import State
from ytmarket.application.ports.repositories import NewUnit
from ytmarket.domain.catalog import Product
from ytmarket.domain.errors import Conflict, DuplicateUnit, ProductNotFound
from ytmarket.domain.ids import ProductId, UnitId


@attrs.frozen
class InMemoryCatalog:
    """The `CatalogRepository` port."""

    _state: State

    async def hold(self) -> None:
        """Units of work take turns anyway."""

    async def put(self, product: Product, now: datetime) -> None:
        await self.put_all([product], now)

    async def put_all(self, products: Sequence[Product], now: datetime) -> None:  # noqa: ARG002 - no dates
        state = self._state
        with state.journal.all_or_none():
            for product in products:
                state.products.put(product.id, product)
            if any(len(state.product_by_sku.of(product.sku)) > 1 for product in products):
                raise Conflict

    async def product(self, product: ProductId) -> Product | None:
        return self._state.product(product)

    async def alike(self, products: Sequence[Product]) -> Sequence[Product]:
        ids = {product.id for product in products}
        ids.update(holder for product in products for holder in self._state.product_by_sku.of(product.sku))
        return [found for one in ids if (found := self._state.product(one)) is not None]

    async def next_unit_ids(self, count: int) -> Sequence[UnitId]:
        return [UnitId(next(self._state.unit_numbers)) for _ in range(count)]

    async def add_units(
        self,
        product: ProductId,
        units: Sequence[NewUnit],
        now: datetime,  # noqa: ARG002 - rows have no dates
    ) -> int:
        state = self._state
        if product not in state.products:
            raise ProductNotFound
        with state.journal.all_or_none():
            for position, unit in enumerate(units):
                known_by = (unit.fingerprint, *unit.former_fingerprints)
                if any((product, fingerprint) in state.unit_by_content for fingerprint in known_by):
                    raise DuplicateUnit(position=position)
                state.unit_by_content.put((product, unit.fingerprint), unit.id)
                state.units.put(unit.id, _free(product, unit))
        return len(state.free_units.of(product))

    async def sealed_units(self, after: UnitId, *, limit: int) -> Sequence[NewUnit]:
        rows = (row for row in self._state.units.values() if row.id > after)
        return [
            NewUnit(id=row.id, sealed=row.sealed, fingerprint=row.fingerprint)
            for row in nsmallest(limit, rows, key=lambda row: row.id)
        ]

    async def reseal_units(self, units: Sequence[NewUnit]) -> None:
        state = self._state
        for unit in units:
            row = state.units[unit.id]
            content = (row.product_id, unit.fingerprint)
            if content in state.unit_by_content:
                state.units.put(unit.id, attrs.evolve(row, sealed=unit.sealed))
                continue
            state.unit_by_content.drop((row.product_id, row.fingerprint))
            state.unit_by_content.put(content, unit.id)
            state.units.put(unit.id, attrs.evolve(row, sealed=unit.sealed, fingerprint=unit.fingerprint))


def _free(product: ProductId, unit: NewUnit) -> UnitRow:
    return UnitRow(
        id=unit.id,
        product_id=product,
        sealed=unit.sealed,
        fingerprint=unit.fingerprint,
    )
