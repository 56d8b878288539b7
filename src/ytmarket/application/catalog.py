"""Filling the shelves."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Final

import attrs

from ytmarket.application.audit import Actor, audited
from ytmarket.application.ports.clock import Clock
from ytmarket.application.ports.repositories import NewUnit
from ytmarket.application.ports.unit_of_work import NewUnitOfWork
from ytmarket.application.ports.vault import Vault
from ytmarket.domain import catalog
from ytmarket.domain.catalog import Product
from ytmarket.domain.errors import Conflict, ProductNotFound, SkuTaken
from ytmarket.domain.ids import ProductId, UnitId

SEALED_AT_ONCE: Final = 2_000
NAMED_MAX: Final = 20


def unit_context(unit: UnitId) -> str:
    """The one place where a unit's content can be opened."""
    return f"stock_unit.sealed:{unit}"


@attrs.frozen(kw_only=True)
class CatalogService:
    """What an operator does with products and stock."""

    new_unit_of_work: NewUnitOfWork
    clock: Clock
    vault: Vault
    # For what may take longer than a client would wait.
    new_patient_unit_of_work: NewUnitOfWork = attrs.field(
        default=attrs.Factory(lambda self: self.new_unit_of_work, takes_self=True)
    )

    async def put(self, product: Product, actor: Actor) -> Product:
        """Add a product, or change all but its stock. Raises `InvalidRequest`, `Conflict`."""
        catalog.check_price(product.price)
        now = self.clock.now()
        async with self.new_unit_of_work() as uow:
            before = await uow.catalog.product(product.id)
            await uow.catalog.put(product, now)
            kept = await uow.catalog.product(product.id)
            await audited(
                uow,
                actor,
                now,
                "product.put",
                f"product:{product.id}",
                before=None if before is None else _told(before),
                after=_told(product),
            )
            await uow.commit()
        if kept is None:
            raise ProductNotFound
        return kept

    async def put_all(
        self,
        products: Sequence[Product],
        actor: Actor,
        *,
        on_put: Callable[[int], None] = lambda _: None,
    ) -> None:
        """Add products, or change all but their stock: all of them or none.

        *on_put* hears after each how many have been written. Raises `InvalidRequest`, and `SkuTaken`
        for the first whose sku is another product's.
        """
        for product in products:
            catalog.check_price(product.price)
        now = self.clock.now()
        async with self.new_patient_unit_of_work() as uow:
            for position, product in enumerate(products):
                try:
                    await uow.catalog.put(product, now)
                except Conflict:
                    raise SkuTaken(position=position) from None
                on_put(position + 1)
            ids = ", ".join(str(product.id) for product in products[:NAMED_MAX])
            more = f" and {len(products) - NAMED_MAX} more" if len(products) > NAMED_MAX else ""
            await audited(
                uow, actor, now, "catalog.import", "catalog:products", products=len(products), ids=ids + more
            )
            await uow.commit()

    async def add_stock(
        self,
        product: ProductId,
        contents: Sequence[bytes],
        actor: Actor,
        *,
        on_sealed: Callable[[int], None] = lambda _: None,
    ) -> int:
        """Put units on the shelf, all or none; how many are available now.

        *on_sealed* hears how many have been encrypted, again and again. Raises `ProductNotFound`, and
        `DuplicateUnit` for content that was in stock before.
        """
        async with self.new_unit_of_work() as uow:
            if await uow.catalog.product(product) is None:
                raise ProductNotFound
            ids = await uow.catalog.next_unit_ids(len(contents))
        units: list[NewUnit] = []
        for first in range(0, len(contents), SEALED_AT_ONCE):
            batch = slice(first, first + SEALED_AT_ONCE)
            # Clients are served meanwhile, and no transaction is open.
            units += await asyncio.to_thread(self._sealed, ids[batch], contents[batch])
            on_sealed(len(units))
        now = self.clock.now()
        async with self.new_patient_unit_of_work() as uow:
            available = await uow.catalog.add_units(product, units, now)
            await audited(uow, actor, now, "product.stock", f"product:{product}", added=len(units))
            await uow.commit()
        return available

    def _sealed(self, ids: Sequence[UnitId], contents: Sequence[bytes]) -> list[NewUnit]:
        return [
            NewUnit(
                id=unit_id,
                sealed=self.vault.seal(content, unit_context(unit_id)),
                fingerprint=self.vault.fingerprint(content),
                former_fingerprints=tuple(self.vault.former_fingerprints(content)),
            )
            for unit_id, content in zip(ids, contents, strict=True)
        ]


def _told(product: Product) -> str:
    return (
        f"{product.sku}, {product.title}, {product.category},"
        f" {product.price} USDT, at least {product.min_quantity}"
    )
