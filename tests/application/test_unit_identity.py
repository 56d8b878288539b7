"""A unit is the same in whatever order its members stand, and handed out as it was given."""

from __future__ import annotations

import pytest

from ytmarket.adapters.inmemory import InMemoryDatabase, InMemoryVault, ManualClock
from ytmarket.application.audit import Actor
from ytmarket.application.catalog import CatalogService, unit_context
from ytmarket.application.ports.repositories import NewUnit
from ytmarket.application.resealing import ResealService
from ytmarket.application.unit_identity import known_by
from ytmarket.domain.catalog import Product
from ytmarket.domain.errors import DuplicateUnit
from ytmarket.domain.ids import ProductId, UnitId
from ytmarket.domain.money import Usdt
from ytmarket.testing.contracts.world import NOW

pytestmark = pytest.mark.anyio

OPS = Actor("test")
PRODUCT = Product(id=ProductId(1), sku="A", title="A", category="mail", price=Usdt.of(8))
GIVEN = '{"password":"ключ","login":[{"b":1.50,"a":null}]}'.encode()
TURNED = '{"login":[{"a":null,"b":1.50}],"password":"ключ"}'.encode()


async def service_on(database: InMemoryDatabase, vault: InMemoryVault) -> CatalogService:
    service = CatalogService(new_unit_of_work=database.unit_of_work, clock=ManualClock(NOW), vault=vault)
    await service.put(PRODUCT, OPS)
    return service


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (b'{"a":1}', b'{"a":"1"}'),
        (b'{"a":1.5}', b'{"a":1.50}'),
        (b'{"a":1.00000000000000000001}', b'{"a":1.0}'),
        (b'{"a":true}', b'{"a":"true"}'),
        (b'{"a":[1,2]}', b'{"a":[2,1]}'),
        (b'{"a":[1]}', b'{"a":["1"]}'),
        (b'{"a":{"b":1}}', b'{"a":1,"b":1}'),
        (b'{"a":"x","b":"y"}', b'{"a":"y","b":"x"}'),
        (b'{"a":"\\u0001"}', b'{"a":"\\u0002"}'),
        (b"{1}", b"{2}"),
    ],
)
def test_different_contents_are_known_by_different_words(one: bytes, other: bytes) -> None:
    assert known_by(one) != known_by(other)


def test_what_is_no_json_is_known_by_itself() -> None:
    for content in (b"", b"{1}", b"\xff", b"[" * 1_000_000):
        assert known_by(content) == content
    huge = b'{"a":%s}' % (b"7" * 10_000)
    assert known_by(huge) == huge


async def test_the_same_unit_in_another_order_is_refused_and_the_first_stays_as_it_was_given() -> None:
    database, vault = InMemoryDatabase(), InMemoryVault()
    service = await service_on(database, vault)
    await service.add_stock(PRODUCT.id, [GIVEN], OPS)
    for contents, position in (([TURNED], 0), ([b'{"a":1,"b":2}', b'{"b":2,"a":1}'], 1)):
        with pytest.raises(DuplicateUnit) as refusal:
            await service.add_stock(PRODUCT.id, contents, OPS)
        assert refusal.value.position == position
    async with database.unit_of_work() as uow:
        (unit,) = await uow.catalog.sealed_units(UnitId(0), limit=9)
    assert vault.open(unit.sealed, unit_context(unit.id)) == GIVEN


@pytest.mark.parametrize("is_key_changed", [True, False])
async def test_a_unit_that_is_known_by_its_order_is_known_still(*, is_key_changed: bool) -> None:
    database, vault = InMemoryDatabase(), InMemoryVault()
    service = await service_on(database, vault)
    async with database.unit_of_work() as uow:
        (key,) = await uow.catalog.next_unit_ids(1)
        sealed = vault.seal(GIVEN, unit_context(key))
        unit = NewUnit(id=key, sealed=sealed, fingerprint=vault.fingerprint(GIVEN))
        await uow.catalog.add_units(PRODUCT.id, [unit], NOW)
        await uow.commit()
    later = InMemoryVault(former=vault) if is_key_changed else vault
    for keys in (vault, later):
        with pytest.raises(DuplicateUnit):
            await (await service_on(database, keys)).add_stock(PRODUCT.id, [GIVEN], OPS)
    reseal = ResealService(
        new_unit_of_work=database.unit_of_work, queries=database.queries, clock=service.clock, vault=later
    )
    assert (await reseal.reseal(OPS)).sealed_anew == is_key_changed
    for content in (GIVEN, TURNED):
        with pytest.raises(DuplicateUnit):
            await (await service_on(database, later)).add_stock(PRODUCT.id, [content], OPS)
    async with database.unit_of_work() as uow:
        (kept,) = await uow.catalog.sealed_units(UnitId(0), limit=9)
    assert later.open(kept.sealed, unit_context(key)) == GIVEN
