"""What every store promises of orders without a balance."""

from __future__ import annotations

import attrs
import pytest

from ytmarket.application.ports.unit_of_work import UnitOfWork
from ytmarket.domain import orders, website
from ytmarket.domain.errors import AlreadyDone, Refused
from ytmarket.domain.ids import OrderId, ProductId
from ytmarket.domain.money import Usdt
from ytmarket.domain.networks import Network
from ytmarket.domain.order_states import OrderStatus
from ytmarket.domain.pricing import WINDOW
from ytmarket.domain.website import Checkout, MarketplaceSale
from ytmarket.testing.contracts.concurrency import at_once, while_open
from ytmarket.testing.contracts.store_base import StorePartContract
from ytmarket.testing.contracts.website_buying import (
    DELIVERY,
    LATE,
    buy_on_website,
    look_at_shelf,
    order_now,
    sell_elsewhere,
    units_available,
)
from ytmarket.testing.contracts.world import (
    NOW,
    World,
    order_request,
)


class WebsiteContract(StorePartContract):
    """The promises of the `WebsiteRepository` port."""

    async def test_a_shelf_tells_the_product_its_units_and_a_fresh_number(self, world: World) -> None:
        product = await world.product("2.50", units=5)
        async with world.unit_of_work() as uow:
            first = await look_at_shelf(uow, product, 3)
        async with world.unit_of_work() as uow:
            second = await look_at_shelf(uow, product, 9)
        assert first.product == second.product == await world.queries.product(product)
        assert (len(set(first.units)), len(set(second.units))) == (3, 5)
        assert first.order_id != second.order_id

    async def test_an_unknown_product_has_no_shelf(self, world: World) -> None:
        async with world.unit_of_work() as uow:
            assert await uow.website.shelf(ProductId(404), 1, NOW) is None

    async def test_a_shelf_tells_amounts_taken_nearby(self, world: World) -> None:
        customer, product = await world.customer(1_000), await world.product(100, units=5)
        await world.order(customer, product)
        await world.order(customer, await world.product(50, units=5))
        async with world.unit_of_work() as uow:
            assert (await look_at_shelf(uow, product, 1)).taken == {Usdt.of(100)}

    async def test_a_large_order_finds_all_its_units(self, world: World) -> None:
        product = await world.product(1, units=120)
        placed = await buy_on_website(world, product, 120)
        assert len(placed.units) == 120
        assert await units_available(world, product) == 0

    async def test_while_a_shelf_is_looked_at_nobody_else_places_an_order(self, world: World) -> None:
        customer, product = await world.customer(1_000), await world.product(100, units=5)

        async def look(uow: UnitOfWork) -> None:
            await look_at_shelf(uow, product, 1)

        async def order(uow: UnitOfWork) -> None:
            await uow.desk.facts([order_request(customer, product)], NOW)

        async def change(uow: UnitOfWork) -> None:
            found = await world.queries.product(product)
            assert found is not None
            await uow.catalog.put(attrs.evolve(found, price=Usdt.of(99)), NOW)

        for first, second in ((look, order), (order, look), (look, look), (look, change)):
            happened = await while_open(world.unit_of_work, first, second)
            assert happened == ["first ended", "second done"]

    async def test_a_website_order_is_kept_whole(self, world: World) -> None:
        product = await world.product(100, units=5)
        placed = await buy_on_website(world, product, 2)
        assert (placed.order.status, placed.order.price) == (OrderStatus.AWAITING_PAYMENT, Usdt.of(200))
        assert await order_now(world, placed.order.id) == placed.order
        assert await units_available(world, product) == 3
        async with world.unit_of_work() as uow:
            assert await uow.website.checkout(placed.order.id) == placed.source
            assert await uow.website.checkout(OrderId(placed.order.id + 1)) is None
            assert list(await uow.orders.lease_processing(NOW, LATE, limit=9)) == []

    async def test_what_is_not_committed_was_not_placed(self, world: World) -> None:
        product = await world.product(100, units=5)
        async with world.unit_of_work() as uow:
            shelf = await look_at_shelf(uow, product, 1)
            sale = MarketplaceSale(order_id=shelf.order_id, marketplace="bazaar", external_id="1")
            await uow.website.place(website.marketplace_order(shelf, 1, Usdt.of(9), sale, DELIVERY, NOW))
        assert await world.queries.order(None, shelf.order_id) is None
        assert await units_available(world, product) == 5
        assert (await sell_elsewhere(world, product, "1")).status is OrderStatus.PROCESSING

    async def test_a_unit_that_was_sold_meanwhile_is_not_sold_again(self, world: World) -> None:
        product = await world.product(100, units=1)
        async with world.unit_of_work() as uow:
            stale = await look_at_shelf(uow, product, 1)
        await sell_elsewhere(world, product, "1")
        sale = MarketplaceSale(order_id=stale.order_id, marketplace="bazaar", external_id="2")
        with pytest.raises(AlreadyDone):
            async with world.unit_of_work() as uow:
                await uow.website.place(website.marketplace_order(stale, 1, Usdt.of(9), sale, DELIVERY, NOW))
        assert await world.queries.order(None, stale.order_id) is None

    async def test_a_marketplace_order_is_kept_whole_and_leased(self, world: World) -> None:
        product = await world.product(100, units=5)
        order = await sell_elsewhere(world, product, "A-1")
        assert (order.status, order.charged) == (OrderStatus.PROCESSING, Usdt.of(50))
        assert await order_now(world, order.id) == order
        assert await units_available(world, product) == 4
        async with world.unit_of_work() as uow:
            assert await uow.website.checkout(order.id) is None
            assert list(await uow.orders.lease_processing(NOW, LATE, limit=9)) == [order]

    async def test_a_marketplaces_number_names_one_order_for_ever(self, world: World) -> None:
        product = await world.product(100, units=9)
        await sell_elsewhere(world, product, "A-1")
        with pytest.raises(AlreadyDone):
            await sell_elsewhere(world, product, "A-1")
        assert await units_available(world, product) == 8
        await sell_elsewhere(world, product, "A-1", "another")
        await sell_elsewhere(world, product, "A-2")
        assert await units_available(world, product) == 6
        outcomes = await at_once(range(3), lambda _: sell_elsewhere(world, product, "A-3"))
        assert sum(isinstance(outcome, AlreadyDone) for outcome in outcomes) == 2

    async def test_amounts_of_every_channel_count_for_a_quarter_of_an_hour(self, world: World) -> None:
        customer, product = await world.customer(10_000), await world.product(50, units=9)
        await sell_elsewhere(world, product, "A-1")
        bought = await buy_on_website(world, product)
        assert (bought.order.price, bought.order.hits) == (Usdt.of("50.5"), 1)
        placed = await world.order(customer, product)
        assert (placed.price, placed.hits) == (Usdt.of(51), 2)
        later = await world.order(customer, product, now=NOW + WINDOW)
        assert (later.price, later.hits) == (Usdt.of(50), 0)

    async def test_the_amount_of_a_website_order_counts_even_when_it_was_not_paid(self, world: World) -> None:
        customer, product = await world.customer(1_000), await world.product(100, units=9)
        placed = await buy_on_website(world, product)
        await world.move(placed.order.id, lambda order: orders.cancel(order, "no", NOW))
        assert (await world.order(customer, product)).hits == 1

    async def test_a_checkout_is_read_back_as_it_was_kept_last(self, world: World) -> None:
        placed = await buy_on_website(world, await world.product(100, units=9))
        checkout = placed.source
        assert isinstance(checkout, Checkout)
        paid = attrs.evolve(checkout, paid_on=Network.TON)
        repaid = attrs.evolve(paid, refund_tx_hash="ab" * 32)
        for changed in (paid, repaid):
            async with world.unit_of_work() as uow:
                await uow.website.save(changed)
                await uow.commit()
            async with world.unit_of_work() as uow:
                assert await uow.website.checkout(placed.order.id) == changed
        with pytest.raises(Refused):
            async with world.unit_of_work() as uow:
                await uow.website.save(attrs.evolve(checkout, order_id=OrderId(404)))

    async def test_what_a_failed_marketplace_order_was_charged_is_given_back(self, world: World) -> None:
        product = await world.product(100, units=1)
        order = await sell_elsewhere(world, product, "A-1")
        await world.move(order.id, lambda locked: orders.fail(locked, "no", NOW))
        refunded = await world.move(order.id, lambda locked: orders.refund(locked, NOW))
        assert refunded.refunded == Usdt.of(50)
        assert await units_available(world, product) == 1
