"""Filling the shelves."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Final

import attrs

from ytmarket.application import unit_identity
from ytmarket.application.audit import Actor, audited
from ytmarket.application.ports.clock import Clock
from ytmarket.application.ports.repositories import NewUnit
from ytmarket.application.ports.unit_of_work import NewUnitOfWork
from ytmarket.application.ports.vault import Vault
from ytmarket.domain import catalog
from ytmarket.domain.catalog import Product
from ytmarket.domain.errors import ProductNotFound, SkuTaken
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
        """Add a product, or change all but its stock. Raises `InvalidRequest`, `SkuTaken`."""
        catalog.check_price(product.price)
        now = self.clock.now()
        async with self.new_unit_of_work() as uow:
            await uow.catalog.hold()
            there = {one.id: one for one in await uow.catalog.alike([product])}
            if _taken([product], there) is not None:
                raise SkuTaken
            before = there.get(product.id)
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

        *on_put* hears how many are in the catalogue, once they are. Raises `InvalidRequest`, and `SkuTaken`
        for the first whose sku is another product's, unless that one gives it up. Of several with one id
        the last counts. Orders wait only while what has changed is written.
        """
        for product in products:
            catalog.check_price(product.price)
        now = self.clock.now()
        async with self.new_patient_unit_of_work() as uow:
            await uow.catalog.hold()
            there = {product.id: product for product in await uow.catalog.alike(products)}
            position = _taken(products, there)
            if position is not None:
                raise SkuTaken(position=position)
            wanted = {product.id: product for product in products}.values()
            changes = [
                change for product in wanted if (change := _Change(product, there.get(product.id))).is_one
            ]
            await uow.catalog.put_all([change.product for change in changes], now)
            on_put(len(products))
            ids = ", ".join(str(product.id) for product in products[:NAMED_MAX])
            more = f" and {len(products) - NAMED_MAX} more" if len(products) > NAMED_MAX else ""
            await audited(
                uow,
                actor,
                now,
                "catalog.import",
                "catalog:products",
                products=len(products),
                ids=ids + more,
                added=sum(change.before is None for change in changes),
                changed=sum(change.before is not None for change in changes),
                before=_listed(change.told_before for change in changes),
                after=_listed(change.told_after for change in changes),
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

        A unit is handed out as it is given here, and is the same as one with its members in another order.
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
            await audited(
                uow,
                actor,
                now,
                "product.stock",
                f"product:{product}",
                added=len(units),
                before=f"{available - len(units)} available",
                after=f"{available} available",
            )
            await uow.commit()
        return available

    def _sealed(self, ids: Sequence[UnitId], contents: Sequence[bytes]) -> list[NewUnit]:
        return [
            NewUnit(
                id=unit_id,
                sealed=self.vault.seal(content, unit_context(unit_id)),
                fingerprint=known_by[0],
                former_fingerprints=known_by[1:],
            )
            for unit_id, content in zip(ids, contents, strict=True)
            for known_by in [unit_identity.fingerprints(self.vault, content)]
        ]


@attrs.frozen
class _Change:
    """What an import does to one product; without a *before* it adds it."""

    product: Product
    before: Product | None

    @property
    def is_one(self) -> bool:
        before, stock = self.before, self.product.available
        return before is None or attrs.evolve(before, available=stock) != self.product

    @property
    def told_before(self) -> str:
        return f"{self.product.id}: {'not there' if self.before is None else _told(self.before)}"

    @property
    def told_after(self) -> str:
        return f"{self.product.id}: {_told(self.product)}"


def _taken(products: Sequence[Product], there: Mapping[ProductId, Product]) -> int | None:
    """Where the first stands whose sku would be another product's as well, once all of these are put."""
    last = {product.id: position for position, product in enumerate(products)}
    holders = {product.sku: product.id for product in there.values() if product.id not in last}
    for position in sorted(last.values()):
        product = products[position]
        if holders.setdefault(product.sku, product.id) != product.id:
            return position
    return None


def _listed(told: Iterable[str]) -> str:
    """As many as a row of the audit has room for."""
    all_of_them = list(told)
    more = len(all_of_them) - NAMED_MAX
    rest = f" and {more} more" if more > 0 else ""
    return "; ".join(all_of_them[:NAMED_MAX]) + rest or "the same as before"


def _told(product: Product) -> str:
    terms = f"{product.price} USDT, at least {product.min_quantity}"
    return f"{product.sku}, {product.title}, {product.category}, {terms}"
