"""After a change of the master key everything is sealed anew, once, and the former key may go."""

from __future__ import annotations

import pytest

from ytmarket.adapters.inmemory import InMemoryDatabase, InMemoryVault, ManualClock, SeededTokens
from ytmarket.application import resealing
from ytmarket.application.api_keys import ApiKeyService, secret_context
from ytmarket.application.audit import Actor
from ytmarket.application.catalog import CatalogService, unit_context
from ytmarket.application.ports.vault import VaultError
from ytmarket.application.resealing import Resealed, ResealService
from ytmarket.domain.catalog import Product
from ytmarket.domain.errors import DuplicateUnit
from ytmarket.domain.ids import ApiKeyId, ProductId, UnitId
from ytmarket.domain.money import Usdt
from ytmarket.testing.contracts.world import NOW

pytestmark = pytest.mark.anyio

TEACHER = Actor("cli:tests")
PRODUCT = Product(id=ProductId(1), sku="s", title="T", category="C", price=Usdt.of(1))
UNITS = [b"unit %d" % number for number in range(25)]


class Shop:
    """A store that outlives its vaults."""

    def __init__(self) -> None:
        self.database = InMemoryDatabase()
        self.clock = ManualClock(NOW)

    def catalog(self, vault: InMemoryVault) -> CatalogService:
        return CatalogService(new_unit_of_work=self.database.unit_of_work, clock=self.clock, vault=vault)

    async def mint(self, vault: InMemoryVault) -> None:
        keys = ApiKeyService(
            new_unit_of_work=self.database.unit_of_work,
            clock=self.clock,
            tokens=SeededTokens(len(await self.contents(vault))),
            vault=vault,
        )
        await keys.mint("signs", TEACHER)

    def resealing(self, vault: InMemoryVault) -> ResealService:
        return ResealService(
            new_unit_of_work=self.database.unit_of_work,
            queries=self.database.queries,
            clock=self.clock,
            vault=vault,
        )

    async def contents(self, vault: InMemoryVault) -> list[bytes]:
        """All that is sealed, opened. Raises `VaultError` where this vault cannot."""
        async with self.database.unit_of_work() as uow:
            keys = await uow.api_keys.with_secrets(ApiKeyId(0), limit=1_000)
            units = await uow.catalog.sealed_units(UnitId(0), limit=1_000)
        secrets = [vault.open(key.sealed_secret or b"", secret_context(key.id)) for key in keys]
        return secrets + [vault.open(unit.sealed, unit_context(unit.id)) for unit in units]


@pytest.fixture
async def shop() -> Shop:
    return Shop()


async def stocked(shop: Shop, vault: InMemoryVault) -> None:
    await shop.catalog(vault).put(PRODUCT, TEACHER)
    await shop.catalog(vault).add_stock(PRODUCT.id, UNITS, TEACHER)
    await shop.mint(vault)


async def test_everything_is_sealed_anew_once_and_told_as_it_goes(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(resealing, "SEALED_AT_ONCE", 10)
    old = InMemoryVault()
    await stocked(shop, old)
    before = await shop.contents(old)
    new = InMemoryVault(former=old)
    await shop.catalog(new).add_stock(PRODUCT.id, [b"sealed by the new key"], TEACHER)
    told: list[int] = []
    done = await shop.resealing(new).reseal(TEACHER, on_done=told.append)
    assert done == Resealed(looked_at=27, sealed_anew=26)
    assert told == sorted(told)
    assert told[-1] == 27 == await shop.resealing(new).count()
    new._former = None  # the former key is taken away
    assert await shop.contents(new) == [*before, b"sealed by the new key"]
    again = await shop.resealing(new).reseal(TEACHER)
    assert again == Resealed(looked_at=27, sealed_anew=0)
    with pytest.raises(VaultError):
        await shop.contents(old)


async def test_what_was_in_stock_before_is_known_at_every_moment(shop: Shop) -> None:
    old = InMemoryVault()
    await stocked(shop, old)
    new = InMemoryVault(former=old)
    for _ in range(2):
        with pytest.raises(DuplicateUnit):
            await shop.catalog(new).add_stock(PRODUCT.id, UNITS[:1], TEACHER)
        await shop.resealing(new).reseal(TEACHER)
    new._former = None
    with pytest.raises(DuplicateUnit):
        await shop.catalog(new).add_stock(PRODUCT.id, UNITS[:1], TEACHER)


async def test_what_no_key_opens_stops_it_and_what_came_before_is_kept(shop: Shop) -> None:
    old, lost = InMemoryVault(), InMemoryVault()
    await shop.mint(old)
    await shop.catalog(lost).put(PRODUCT, TEACHER)
    await shop.catalog(lost).add_stock(PRODUCT.id, UNITS, TEACHER)
    new = InMemoryVault(former=old)
    with pytest.raises(VaultError):
        await shop.resealing(new).reseal(TEACHER)
    async with shop.database.unit_of_work() as uow:
        (key,) = await uow.api_keys.with_secrets(ApiKeyId(0), limit=9)
    assert not new.needs_resealing(key.sealed_secret or b"")


async def test_it_is_written_down(shop: Shop) -> None:
    old = InMemoryVault()
    await stocked(shop, old)
    await shop.resealing(InMemoryVault(former=old)).reseal(TEACHER)
    (row, *_) = await shop.database.queries.audit_rows(limit=1)
    assert (row.entry.action, row.entry.details) == (
        "vault.reseal",
        {
            "sealed_anew": "26",
            "before": "26 of 26 sealed by a former key",
            "after": "all sealed by the present key",
        },
    )
