"""What every store promises of products and stock."""

from __future__ import annotations

from collections.abc import Sequence

import attrs
import pytest

from ytmarket.application.ports.queries import Paging
from ytmarket.application.ports.repositories import NewUnit
from ytmarket.domain import orders
from ytmarket.domain.catalog import Product, ProductFilter
from ytmarket.domain.errors import Conflict, DuplicateUnit
from ytmarket.domain.ids import ProductId, UnitId
from ytmarket.domain.money import Usdt
from ytmarket.testing.contracts.concurrency import at_once, while_open
from ytmarket.testing.contracts.store_base import StorePartContract
from ytmarket.testing.contracts.world import NOW, World, new_unit


async def _product(world: World, key: ProductId) -> Product:
    found = await world.queries.product(key)
    assert found is not None
    async with world.unit_of_work() as uow:
        assert await uow.catalog.product(key) == found
    (listed,) = (await world.queries.products(ProductFilter(min_available=0), Paging())).rows
    assert listed == found
    return found


async def _put(world: World, product: Product) -> None:
    async with world.unit_of_work() as uow:
        await uow.catalog.put(product, NOW)
        await uow.commit()


async def _put_all(world: World, products: Sequence[Product]) -> None:
    async with world.unit_of_work() as uow:
        await uow.catalog.put_all(products, NOW)
        await uow.commit()


class CatalogContract(StorePartContract):
    """The promises of the `CatalogRepository` port."""

    async def test_a_product_reads_as_it_was_put(self, world: World) -> None:
        product = Product(
            id=ProductId(77),
            sku="yt-aged",
            title="Aged account",
            category="YouTube",
            price=Usdt.of("0.015"),
            min_quantity=3,
        )
        await _put(world, product)
        assert await _product(world, product.id) == product

    async def test_putting_it_again_changes_all_but_its_stock(self, world: World) -> None:
        key = await world.product(1, units=2)
        changed = Product(
            id=key, sku="new", title="New", category="New", price=Usdt.of(9), min_quantity=5, available=40
        )
        await _put(world, changed)
        assert await _product(world, key) == attrs.evolve(changed, available=2)
        await _put(world, attrs.evolve(changed, title="Newer"))  # under the sku that is its own
        assert await _product(world, key) == attrs.evolve(changed, title="Newer", available=2)

    async def test_a_sku_that_is_taken_is_refused(self, world: World) -> None:
        await world.product(sku="one")
        other = await world.product(sku="two")
        found = await world.queries.product(other)
        assert found is not None
        with pytest.raises(Conflict):
            await _put(world, attrs.evolve(found, sku="one"))
        assert await world.queries.product(other) == found

    async def test_whoever_holds_the_catalogue_changes_products_alone(self, world: World) -> None:
        happened = await while_open(
            world.unit_of_work, lambda uow: uow.catalog.hold(), lambda uow: uow.catalog.hold()
        )
        assert happened == ["first ended", "second done"]

    async def test_products_that_are_put_together_may_trade_their_skus(self, world: World) -> None:
        keys = [await world.product(sku=sku) for sku in ("one", "two", "three")]
        found = [found for key in keys if (found := await world.queries.product(key)) is not None]
        traded = [
            attrs.evolve(product, sku=sku, title="Traded")
            for product, sku in zip(found, ("two", "one", "four"), strict=True)
        ]
        added = attrs.evolve(traded[0], id=ProductId(77), sku="three")
        await _put_all(world, [added, *traded])
        assert [await world.queries.product(key) for key in (*keys, ProductId(77))] == [*traded, added]

    async def test_of_products_with_a_taken_sku_among_them_none_is_put(self, world: World) -> None:
        await world.product(sku="one")
        other = await world.product(sku="two")
        found = await world.queries.product(other)
        assert found is not None
        new = [attrs.evolve(found, id=ProductId(number), sku=f"new {number}") for number in (77, 79)]
        with pytest.raises(Conflict):
            await _put_all(world, [new[0], attrs.evolve(found, title="New", sku="one"), new[1]])
        assert await world.queries.product(other) == found
        assert [await world.queries.product(product.id) for product in new] == [None, None]

    async def test_products_are_found_by_their_ids_and_their_skus(self, world: World) -> None:
        keys = [await world.product(sku=sku) for sku in ("one", "two", "three")]
        one, two, _ = [found for key in keys if (found := await world.queries.product(key)) is not None]
        asked = [attrs.evolve(one, sku="else"), attrs.evolve(two, id=ProductId(77))]
        async with world.unit_of_work() as uow:
            alike = await uow.catalog.alike([*asked, attrs.evolve(one, id=ProductId(78), sku="new")])
            assert sorted(alike, key=lambda product: product.id) == [one, two]
            assert list(await uow.catalog.alike([])) == []

    async def test_unknown_products_are_none(self, world: World) -> None:
        assert await world.queries.product(ProductId(404)) is None
        async with world.unit_of_work() as uow:
            assert await uow.catalog.product(ProductId(404)) is None

    async def test_adding_units_answers_how_many_are_available(self, world: World) -> None:
        key = await world.product(units=2)
        async with world.unit_of_work() as uow:
            (unit,) = await uow.catalog.next_unit_ids(1)
            assert await uow.catalog.add_units(key, [new_unit(unit, "third")], NOW) == 3
            await uow.commit()
        assert (await _product(world, key)).available == 3

    async def test_available_counts_exactly_the_free_units(self, world: World) -> None:
        customer, key = await world.customer(100), await world.product(1, units=5)
        kept = await world.order(customer, key, 2)
        given_back = await world.order(customer, key)
        assert (await _product(world, key)).available == 2
        await world.move(given_back.id, lambda order: orders.fail(order, "no", NOW))
        assert (await _product(world, key)).available == 3
        await world.move(kept.id, lambda order: orders.deliver(order, NOW))
        assert (await _product(world, key)).available == 3
        await world.stock(key, ["one more"])
        assert (await _product(world, key)).available == 4

    async def test_a_unit_that_is_in_stock_already_is_refused_and_none_is_added(self, world: World) -> None:
        key = await world.product()
        await world.stock(key, ["a", "b"])
        with pytest.raises(DuplicateUnit) as refusal:
            await world.stock(key, ["c", "b", "d"])
        assert refusal.value.position == 1
        assert (await _product(world, key)).available == 2
        await world.stock(key, ["c", "d"])
        assert (await _product(world, key)).available == 4

    async def test_the_same_unit_twice_in_one_load_is_refused(self, world: World) -> None:
        key = await world.product()
        with pytest.raises(DuplicateUnit) as refusal:
            await world.stock(key, ["a", "b", "a"])
        assert refusal.value.position == 2
        assert (await _product(world, key)).available == 0

    async def test_a_unit_that_was_sold_is_known_for_ever(self, world: World) -> None:
        customer, key = await world.customer(10), await world.product(1)
        await world.stock(key, ["a"])
        order = await world.order(customer, key)
        await world.move(order.id, lambda placed: orders.deliver(placed, NOW))
        with pytest.raises(DuplicateUnit):
            await world.stock(key, ["a"])

    async def test_the_same_unit_loaded_by_many_at_once_is_added_once(self, world: World) -> None:
        key = await world.product()
        outcomes = await at_once(range(3), lambda _: world.stock(key, ["a", "b"]))
        assert sum(isinstance(outcome, DuplicateUnit) for outcome in outcomes) == 2
        assert (await _product(world, key)).available == 2

    async def test_the_same_content_may_be_in_two_products(self, world: World) -> None:
        one, two = await world.product(), await world.product()
        await world.stock(one, ["a"])
        await world.stock(two, ["a"])

    async def test_unit_numbers_are_given_once(self, world: World) -> None:
        async with world.unit_of_work() as uow:
            first = await uow.catalog.next_unit_ids(3)
        async with world.unit_of_work() as uow:
            second = await uow.catalog.next_unit_ids(3)
        assert len({*first, *second}) == 6

    async def test_a_unit_known_by_a_former_fingerprint_is_refused(self, world: World) -> None:
        key = await world.product()
        await world.stock(key, ["a"])
        (_, second) = await _numbers(world, 2)
        again = attrs.evolve(
            new_unit(second, "the same under a new key"),
            former_fingerprints=(bytes(32), new_unit(second, "a").fingerprint),
        )
        with pytest.raises(DuplicateUnit) as refusal:
            await _add(world, key, new_unit(UnitId(second + 1), "b"), again)
        assert refusal.value.position == 1
        assert (await _product(world, key)).available == 1

    async def test_units_are_looked_through_by_number_whatever_became_of_them(self, world: World) -> None:
        customer, key = await world.customer(10), await world.product(1)
        ids = await world.stock(key, ["a", "b", "c", "d", "e"])
        await world.order(customer, key)
        sold = await world.order(customer, key)
        await world.move(sold.id, lambda placed: orders.deliver(placed, NOW))
        assert await _sealed(world, UnitId(0), 2) == [new_unit(ids[0], "a"), new_unit(ids[1], "b")]
        assert await _sealed(world, ids[1], 2) == [new_unit(ids[2], "c"), new_unit(ids[3], "d")]
        assert await _sealed(world, ids[3], 2) == [new_unit(ids[4], "e")]
        assert await _sealed(world, ids[4], 2) == []
        assert await world.queries.sealed() == 5

    async def test_units_sealed_anew_are_handed_out_and_known_as_that(self, world: World) -> None:
        customer, key = await world.customer(10), await world.product(1)
        ids = await world.stock(key, ["a", "b", "c"])
        sold = await world.order(customer, key)
        await _reseal(world, new_unit(ids[0], "a anew"), new_unit(ids[1], "b anew"))
        assert await _sealed(world, UnitId(0), 9) == [
            new_unit(ids[0], "a anew"),
            new_unit(ids[1], "b anew"),
            new_unit(ids[2], "c"),
        ]
        assert (await _product(world, key)).available == 2
        with pytest.raises(DuplicateUnit):
            await world.stock(key, ["a anew"])
        await world.stock(key, ["a"])  # nothing is known by that fingerprint any more
        await world.move(sold.id, lambda placed: orders.deliver(placed, NOW))
        found = await world.queries.order(None, sold.id)
        assert found is not None
        assert [item.sealed for item in found.items] == [new_unit(ids[0], "a anew").sealed]

    async def test_a_unit_whose_new_fingerprint_another_one_has_keeps_its_own(self, world: World) -> None:
        key, elsewhere = await world.product(), await world.product()
        ids = await world.stock(key, ["a", "also a", "once more a", "b"])
        (other,) = await world.stock(elsewhere, ["also a"])
        await _reseal(world, *(new_unit(unit, "a") for unit in [*ids[1:3], other]))
        fingerprints = [unit.fingerprint for unit in await _sealed(world, UnitId(0), 9)]
        told = ["a", "also a", "once more a", "b", "a"]
        assert fingerprints == [new_unit(other, content).fingerprint for content in told]
        await _reseal(world, *(new_unit(unit, "c") for unit in ids[1:3]))
        fingerprints = [unit.fingerprint for unit in await _sealed(world, UnitId(0), 9)]
        told = ["a", "c", "once more a", "b", "a"]
        assert fingerprints == [new_unit(other, content).fingerprint for content in told]
        with pytest.raises(DuplicateUnit):
            await world.stock(key, ["c"])


async def _numbers(world: World, count: int) -> Sequence[UnitId]:
    async with world.unit_of_work() as uow:
        return await uow.catalog.next_unit_ids(count)


async def _add(world: World, product: ProductId, *units: NewUnit) -> None:
    async with world.unit_of_work() as uow:
        await uow.catalog.add_units(product, units, NOW)
        await uow.commit()


async def _sealed(world: World, after: UnitId, limit: int) -> list[NewUnit]:
    async with world.unit_of_work() as uow:
        return list(await uow.catalog.sealed_units(after, limit=limit))


async def _reseal(world: World, *units: NewUnit) -> None:
    async with world.unit_of_work() as uow:
        await uow.catalog.reseal_units(units)
        await uow.commit()
