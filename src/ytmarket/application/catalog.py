"""Filling the shelves."""

from __future__ import annotations

from collections.abc import Sequence

import attrs

from ytmarket.application.audit import Actor, audited
from ytmarket.application.ports.clock import Clock
from ytmarket.application.ports.repositories import NewUnit
from ytmarket.application.ports.unit_of_work import NewUnitOfWork
from ytmarket.application.ports.vault import Vault
from ytmarket.domain import catalog
from ytmarket.domain.catalog import Product
from ytmarket.domain.errors import ProductNotFound
from ytmarket.domain.ids import ProductId, UnitId


def unit_context(unit: UnitId) -> str:
    """The one place where a unit's content can be opened."""
    return f"stock_unit.sealed:{unit}"


@attrs.frozen(kw_only=True)
class CatalogService:
    """What an operator does with products and stock."""

    new_unit_of_work: NewUnitOfWork
    clock: Clock
    vault: Vault

    async def put(self, product: Product, actor: Actor) -> Product:
        """Add a product, or change all but its stock. Raises `InvalidRequest`, `Conflict`."""
        catalog.check_price(product.price)
        now = self.clock.now()
        async with self.new_unit_of_work() as uow:
            await uow.catalog.put(product, now)
            kept = await uow.catalog.product(product.id)
            await audited(
                uow,
                actor,
                now,
                "product.put",
                f"product:{product.id}",
                sku=product.sku,
                price_usdt=product.price,
                min_quantity=product.min_quantity,
            )
            await uow.commit()
        if kept is None:
            raise ProductNotFound
        return kept

    async def add_stock(self, product: ProductId, contents: Sequence[bytes], actor: Actor) -> int:
        """Put units on the shelf, all or none; how many are available now.

        Raises `ProductNotFound`, and `DuplicateUnit` for content that was in stock before.
        """
        now = self.clock.now()
        async with self.new_unit_of_work() as uow:
            if await uow.catalog.product(product) is None:
                raise ProductNotFound
            ids = await uow.catalog.next_unit_ids(len(contents))
            units = [
                NewUnit(
                    id=unit_id,
                    sealed=self.vault.seal(content, unit_context(unit_id)),
                    fingerprint=self.vault.fingerprint(content),
                )
                for unit_id, content in zip(ids, contents, strict=True)
            ]
            available = await uow.catalog.add_units(product, units, now)
            await audited(uow, actor, now, "product.stock", f"product:{product}", added=len(units))
            await uow.commit()
        return available
