"""What every store promises of orders without a balance."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from itertools import pairwise

import anyio.lowlevel
import attrs
import pytest

from ytmarket.adapters.inmemory import InMemoryVault, ManualClock
from ytmarket.application.audit import Actor
from ytmarket.application.deposits import DepositService
from ytmarket.application.fulfilment import FulfilmentService
from ytmarket.application.instructions import Instruction
from ytmarket.application.ports.unit_of_work import UnitOfWork
from ytmarket.application.suppliers import StockSupplier
from ytmarket.application.website import Buy, WebsiteDesk
from ytmarket.domain import orders, website
from ytmarket.domain.catalog import MinimumTerms
from ytmarket.domain.deposits import DepositRecord, DepositStatus, UnmatchedReason
from ytmarket.domain.errors import AlreadyDone, InsufficientStock, Refused
from ytmarket.domain.ids import OrderId, ProductId
from ytmarket.domain.money import Usdt
from ytmarket.domain.networks import Network
from ytmarket.domain.order_states import OrderStatus
from ytmarket.domain.orders import Channel, Order
from ytmarket.domain.pricing import WINDOW
from ytmarket.domain.reservations import STEP, Payer, Purpose
from ytmarket.domain.shop import Placed
from ytmarket.domain.topups import TopupTerms, TopupTimes
from ytmarket.domain.website import Checkout, MarketplaceSale, PlacedOutside, Shelf
from ytmarket.testing.contracts.concurrency import at_once, while_open
from ytmarket.testing.contracts.store_base import StorePartContract
from ytmarket.testing.contracts.world import (
    NOW,
    SECOND,
    TERMS,
    TOPUP_TERMS,
    WALLET,
    World,
    order_request,
)

PAY_TERMS = TopupTerms(lifetime=website.LIFETIME)
DEADLINE = NOW + website.LIFETIME
LATE = DEADLINE + timedelta(hours=1)
DELIVERY = timedelta(minutes=10)


async def _shelf(uow: UnitOfWork, product: ProductId, quantity: int) -> Shelf:
    shelf = await uow.website.shelf(product, quantity, NOW)
    assert shelf is not None
    return shelf


async def _buy(
    world: World, product: ProductId, quantity: int = 1, *, network: Network = Network.TRON
) -> PlacedOutside:
    """A website order as the application places it, with time for the others to come between."""
    times = TopupTimes.of(network, PAY_TERMS, NOW)
    async with world.unit_of_work() as uow:
        shelf = await _shelf(uow, product, quantity)
        base = website.base_price(shelf, quantity, TERMS.minimum)
        await anyio.lowlevel.checkpoint()
        span = times.starts_at, times.reserved_until
        held = await uow.topups.reservations(network, base, base.plus_percent(10), *span)
        price = website.quote(base, shelf.taken, [reservation.amount for reservation in held])
        payer = Payer(Purpose.WEBSITE_ORDER, shelf.order_id)
        reservation = await uow.topups.reserve(network, price.amount, payer, *span)
        assert reservation is not None
        checkout = Checkout(
            order_id=shelf.order_id,
            network=network,
            address=WALLET,
            reservation_id=reservation,
            expires_at=times.expires_at,
        )
        placed = website.website_order(shelf, quantity, price, checkout, NOW)
        await uow.website.place(placed)
        await anyio.lowlevel.checkpoint()
        await uow.commit()
    return placed


async def _sell(world: World, product: ProductId, external_id: str, marketplace: str = "bazaar") -> Order:
    """An order that another marketplace was paid 50 for."""
    async with world.unit_of_work() as uow:
        shelf = await _shelf(uow, product, 1)
        sale = MarketplaceSale(order_id=shelf.order_id, marketplace=marketplace, external_id=external_id)
        placed = website.marketplace_order(shelf, 1, Usdt.of(50), sale, DELIVERY, NOW)
        await uow.website.place(placed)
        await uow.commit()
    return placed.order


async def _order(world: World, order: OrderId) -> Order:
    found = await world.queries.order(None, order)
    assert found is not None
    return found.order


async def _available(world: World, product: ProductId) -> int:
    found = await world.queries.product(product)
    assert found is not None
    return found.available


def _settling(world: World, at: timedelta = timedelta(0)) -> DepositService:
    return DepositService(new_unit_of_work=world.unit_of_work, clock=ManualClock(NOW + at), terms=TOPUP_TERMS)


async def _overdue(world: World) -> list[OrderId]:
    async with world.unit_of_work() as uow:
        return list(await uow.orders.overdue(LATE, limit=10))


async def _expire(world: World) -> int:
    """What the worker does once it is late."""
    service = FulfilmentService(
        new_unit_of_work=world.unit_of_work, clock=ManualClock(LATE), supplier=StockSupplier()
    )
    return await service.expire_due()


async def _again(world: World, record: DepositRecord) -> DepositRecord:
    (found,) = await world.queries.deposits_by_hash(record.deposit.tx_hash)
    return found


class WebsiteContract(StorePartContract):
    """The promises of the `WebsiteRepository` port."""

    async def test_a_shelf_tells_the_product_its_units_and_a_fresh_number(self, world: World) -> None:
        product = await world.product("2.50", units=5)
        async with world.unit_of_work() as uow:
            first = await _shelf(uow, product, 3)
        async with world.unit_of_work() as uow:
            second = await _shelf(uow, product, 9)
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
            assert (await _shelf(uow, product, 1)).taken == {Usdt.of(100)}

    async def test_a_large_order_finds_all_its_units(self, world: World) -> None:
        product = await world.product(1, units=120)
        placed = await _buy(world, product, 120)
        assert len(placed.units) == 120
        assert await _available(world, product) == 0

    async def test_while_a_shelf_is_looked_at_nobody_else_places_an_order(self, world: World) -> None:
        customer, product = await world.customer(1_000), await world.product(100, units=5)

        async def look(uow: UnitOfWork) -> None:
            await _shelf(uow, product, 1)

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
        placed = await _buy(world, product, 2)
        assert (placed.order.status, placed.order.price) == (OrderStatus.AWAITING_PAYMENT, Usdt.of(200))
        assert await _order(world, placed.order.id) == placed.order
        assert await _available(world, product) == 3
        async with world.unit_of_work() as uow:
            assert await uow.website.checkout(placed.order.id) == placed.source
            assert await uow.website.checkout(OrderId(placed.order.id + 1)) is None
            assert list(await uow.orders.lease_processing(NOW, LATE, limit=9)) == []

    async def test_what_is_not_committed_was_not_placed(self, world: World) -> None:
        product = await world.product(100, units=5)
        async with world.unit_of_work() as uow:
            shelf = await _shelf(uow, product, 1)
            sale = MarketplaceSale(order_id=shelf.order_id, marketplace="bazaar", external_id="1")
            await uow.website.place(website.marketplace_order(shelf, 1, Usdt.of(9), sale, DELIVERY, NOW))
        assert await world.queries.order(None, shelf.order_id) is None
        assert await _available(world, product) == 5
        assert (await _sell(world, product, "1")).status is OrderStatus.PROCESSING

    async def test_a_unit_that_was_sold_meanwhile_is_not_sold_again(self, world: World) -> None:
        product = await world.product(100, units=1)
        async with world.unit_of_work() as uow:
            stale = await _shelf(uow, product, 1)
        await _sell(world, product, "1")
        sale = MarketplaceSale(order_id=stale.order_id, marketplace="bazaar", external_id="2")
        with pytest.raises(AlreadyDone):
            async with world.unit_of_work() as uow:
                await uow.website.place(website.marketplace_order(stale, 1, Usdt.of(9), sale, DELIVERY, NOW))
        assert await world.queries.order(None, stale.order_id) is None

    async def test_a_marketplace_order_is_kept_whole_and_leased(self, world: World) -> None:
        product = await world.product(100, units=5)
        order = await _sell(world, product, "A-1")
        assert (order.status, order.charged) == (OrderStatus.PROCESSING, Usdt.of(50))
        assert await _order(world, order.id) == order
        assert await _available(world, product) == 4
        async with world.unit_of_work() as uow:
            assert await uow.website.checkout(order.id) is None
            assert list(await uow.orders.lease_processing(NOW, LATE, limit=9)) == [order]

    async def test_a_marketplaces_number_names_one_order_for_ever(self, world: World) -> None:
        product = await world.product(100, units=9)
        await _sell(world, product, "A-1")
        with pytest.raises(AlreadyDone):
            await _sell(world, product, "A-1")
        assert await _available(world, product) == 8
        await _sell(world, product, "A-1", "another")
        await _sell(world, product, "A-2")
        assert await _available(world, product) == 6
        outcomes = await at_once(range(3), lambda _: _sell(world, product, "A-3"))
        assert sum(isinstance(outcome, AlreadyDone) for outcome in outcomes) == 2

    async def test_amounts_of_every_channel_count_for_a_quarter_of_an_hour(self, world: World) -> None:
        customer, product = await world.customer(10_000), await world.product(50, units=9)
        await _sell(world, product, "A-1")
        bought = await _buy(world, product)
        assert (bought.order.price, bought.order.hits) == (Usdt.of("50.5"), 1)
        placed = await world.order(customer, product)
        assert (placed.price, placed.hits) == (Usdt.of(51), 2)
        later = await world.order(customer, product, now=NOW + WINDOW)
        assert (later.price, later.hits) == (Usdt.of(50), 0)

    async def test_the_amount_of_a_website_order_counts_even_when_it_was_not_paid(self, world: World) -> None:
        customer, product = await world.customer(1_000), await world.product(100, units=9)
        placed = await _buy(world, product)
        await world.move(placed.order.id, lambda order: orders.cancel(order, "no", NOW))
        assert (await world.order(customer, product)).hits == 1

    async def test_a_checkout_is_read_back_as_it_was_kept_last(self, world: World) -> None:
        placed = await _buy(world, await world.product(100, units=9))
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
        order = await _sell(world, product, "A-1")
        await world.move(order.id, lambda locked: orders.fail(locked, "no", NOW))
        refunded = await world.move(order.id, lambda locked: orders.refund(locked, NOW))
        assert refunded.refunded == Usdt.of(50)
        assert await _available(world, product) == 1


class WebsitePaymentContract(StorePartContract):
    """How stores let website orders be paid, and expire: promises of several ports together."""

    async def test_what_arrives_within_the_tolerance_pays_the_order(self, world: World) -> None:
        product = await world.product(100, units=9)
        placed = await _buy(world, product)
        record = await world.deposit("99.995")
        await _settling(world).settle_due()
        order = await _order(world, placed.order.id)
        assert (order.status, order.charged) == (OrderStatus.PROCESSING, Usdt.of("99.995"))
        assert (order.channel, order.deadline_at) == (Channel.WEBSITE, NOW + DELIVERY)
        settled = await _again(world, record)
        assert (settled.status, settled.order_id) == (DepositStatus.APPLIED, order.id)
        async with world.unit_of_work() as uow:
            checkout = await uow.website.checkout(order.id)
            assert checkout is not None
            assert checkout.paid_on is Network.TRON
            assert [leased.id for leased in await uow.orders.lease_processing(NOW, LATE, limit=9)] == [
                order.id
            ]

    async def test_a_paid_amount_is_closed_to_others_until_it_would_have_expired(self, world: World) -> None:
        customer = await world.customer()
        await _buy(world, await world.product(100, units=9))
        await world.deposit(100)
        await _settling(world).settle_due()
        for start, is_free in ((DEADLINE - SECOND, False), (DEADLINE, True)):
            async with world.unit_of_work() as uow:
                got = await uow.topups.reserve(
                    Network.TRON, Usdt.of(100), customer.payer, start, start + timedelta(hours=1)
                )
            assert (got is not None) is is_free

    async def test_a_second_payment_is_set_aside(self, world: World) -> None:
        placed = await _buy(world, await world.product(100, units=9))
        await world.deposit(100)
        await _settling(world).settle_due()
        record = await world.deposit(100)
        await _settling(world).settle_due()
        settled = await _again(world, record)
        assert (settled.status, settled.reason) == (
            DepositStatus.UNMATCHED,
            UnmatchedReason.ALREADY_CREDITED,
        )
        assert settled.candidate_order_id == placed.order.id

    @pytest.mark.parametrize(
        ("amount", "at", "network", "reason"),
        [
            ("99.98", NOW, Network.TRON, UnmatchedReason.UNDER),
            ("100.02", NOW, Network.TRON, UnmatchedReason.OVER),
            ("100", DEADLINE, Network.TRON, UnmatchedReason.EXPIRED),
            ("100", NOW, Network.TON, UnmatchedReason.WRONG_NETWORK),
        ],
    )
    async def test_short_long_late_or_elsewhere_is_set_aside_with_the_order_as_its_candidate(
        self, world: World, amount: str, at: datetime, network: Network, reason: UnmatchedReason
    ) -> None:
        placed = await _buy(world, await world.product(100, units=9))
        record = await world.deposit(amount, network=network, at=at)
        await _settling(world).settle_due()
        settled = await _again(world, record)
        assert (settled.status, settled.reason) == (DepositStatus.UNMATCHED, reason)
        assert settled.candidate_order_id == placed.order.id
        assert (await _order(world, placed.order.id)).status is OrderStatus.AWAITING_PAYMENT

    async def test_the_amount_of_a_website_order_is_nobody_elses(self, world: World) -> None:
        customer = await world.customer()
        placed = await _buy(world, await world.product(100, units=9))
        times = TopupTimes.of(Network.TRON, TOPUP_TERMS, NOW)
        async with world.unit_of_work() as uow:
            for amount in ("99.98", "100", "100.02"):
                got = await uow.topups.reserve(
                    Network.TRON, Usdt.of(amount), customer.payer, times.starts_at, times.reserved_until
                )
                assert got is None
        await world.topup(customer, "100.03")
        await world.deposit(100)
        await _settling(world).settle_due()
        assert (await _order(world, placed.order.id)).status is OrderStatus.PROCESSING
        assert await world.balance(customer) == Usdt.of(0)

    async def test_an_amount_that_a_top_up_holds_is_passed_over(self, world: World) -> None:
        await world.topup(await world.customer(), "100.01")
        placed = await _buy(world, await world.product(100, units=9))
        assert (placed.order.price, placed.order.hits) == (Usdt.of(101), 1)

    async def test_an_unpaid_order_is_overdue_once_its_network_was_read_past_its_end(
        self, world: World
    ) -> None:
        placed = await _buy(world, await world.product(100, units=9), network=Network.TON)
        assert await _overdue(world) == []
        await world.read(Network.TRON, until=LATE)
        await world.read(Network.TON, until=DEADLINE - SECOND)
        assert await _overdue(world) == []
        await world.read(Network.TON, until=DEADLINE)
        assert await _overdue(world) == [placed.order.id]
        async with world.unit_of_work() as uow:
            assert await uow.orders.overdue(DEADLINE - SECOND, limit=10) == []

    async def test_an_order_that_an_unsettled_deposit_could_pay_is_not_overdue(self, world: World) -> None:
        placed = await _buy(world, await world.product(100, units=9))
        transfer = world.transfer("100.01", at=DEADLINE - SECOND)
        others = [
            world.transfer("100.011", at=DEADLINE - SECOND),
            world.transfer(100, at=DEADLINE),
        ]
        await world.read(Network.TRON, transfer, *others, until=DEADLINE)
        assert await _overdue(world) == []
        assert await _expire(world) == 0
        await _settling(world, website.LIFETIME).settle_due()
        assert (await _order(world, placed.order.id)).status is OrderStatus.PROCESSING

    async def test_deposits_that_could_not_pay_it_keep_no_order_open(self, world: World) -> None:
        placed = await _buy(world, await world.product(100, units=9))
        early = placed.order.created_at - Network.TRON.facts.start_skew - SECOND
        await world.read(
            Network.TRON,
            world.transfer("100.011", at=DEADLINE - SECOND),
            world.transfer(100, at=DEADLINE),
            world.transfer(100, at=early),
            until=DEADLINE,
        )
        await world.read(Network.TON, world.transfer(100, network=Network.TON), until=DEADLINE)
        assert await _overdue(world) == [placed.order.id]

    async def test_an_order_that_ends_unpaid_gives_its_units_back_and_owes_nothing(
        self, world: World
    ) -> None:
        product = await world.product(100, units=2)
        placed = await _buy(world, product, 2)
        await world.read(Network.TRON, until=DEADLINE)
        assert await _expire(world) == 1
        order = await _order(world, placed.order.id)
        assert (order.status, order.due, order.is_refunded) == (OrderStatus.EXPIRED, Usdt.of(0), False)
        assert await _available(world, product) == 2
        late = await world.deposit(200, at=LATE)
        await _settling(world).settle_due()
        settled = await _again(world, late)
        assert (settled.reason, settled.candidate_order_id) == (UnmatchedReason.EXPIRED, order.id)

    async def test_an_order_that_is_paid_after_it_was_found_overdue_is_not_expired(
        self, world: World
    ) -> None:
        placed = await _buy(world, await world.product(100, units=9))
        await world.read(Network.TRON, until=DEADLINE)
        opened = 0

        @asynccontextmanager
        async def with_a_payment_between() -> AsyncIterator[UnitOfWork]:
            nonlocal opened
            opened += 1
            if opened == 2:  # the first has looked for overdue orders, the second is to expire one
                await world.deposit(100)
                await _settling(world, LATE - NOW).settle_due()
            async with world.unit_of_work() as uow:
                yield uow

        service = FulfilmentService(
            new_unit_of_work=with_a_payment_between, clock=ManualClock(LATE), supplier=StockSupplier()
        )
        assert await service.expire_due() == 0
        assert opened == 2
        assert (await _order(world, placed.order.id)).status is OrderStatus.PROCESSING

    async def test_a_deposit_and_the_expiry_at_once(self, world: World) -> None:
        for _ in range(4):
            product = await world.product(100, units=1)
            placed = await _buy(world, product)
            record = await world.deposit(str(placed.order.price), at=DEADLINE - SECOND)
            await world.read(Network.TRON, until=DEADLINE)
            settling = _settling(world, website.LIFETIME + timedelta(hours=1))
            await at_once([settling.settle_due, lambda: _expire(world)], lambda act: act())
            order, settled = await _order(world, placed.order.id), await _again(world, record)
            assert (order.status, settled.status) == (OrderStatus.PROCESSING, DepositStatus.APPLIED)
            await world.move(order.id, lambda locked: orders.deliver(locked, LATE))

    async def test_a_deposit_and_a_cancellation_at_once_have_one_winner(self, world: World) -> None:
        for _ in range(4):
            await self._pay_and_cancel(world)

    async def _pay_and_cancel(self, world: World) -> None:
        product = await world.product(100, units=1)
        placed = await _buy(world, product)
        record = await world.deposit(str(placed.order.price))

        async def cancel() -> object:
            return await world.move(placed.order.id, lambda order: orders.cancel(order, "no", NOW))

        async def settle() -> object:
            return await _settling(world).settle_due()

        await at_once([settle, cancel], lambda act: act())
        order, settled = await _order(world, placed.order.id), await _again(world, record)
        assert order.status is OrderStatus.CANCELLED
        if settled.status is DepositStatus.APPLIED:
            assert order.due == order.charged == record.deposit.amount
        else:
            assert (settled.reason, order.due) == (UnmatchedReason.EXPIRED, Usdt.of(0))
        assert await _available(world, product) == 1

    async def test_the_last_unit_goes_to_one_buyer_of_whatever_channel(self, world: World) -> None:
        for _ in range(3):
            await self._race_for_the_last_unit(world)

    async def _race_for_the_last_unit(self, world: World) -> None:
        customer, product = await world.customer(200), await world.product(100, units=1)
        request = order_request(customer, product)

        async def order() -> object:
            return (await world.place(request)).outcomes[0]

        async def buy() -> object:
            return await _buy(world, product)

        outcomes = await at_once([order, buy, order, buy], lambda act: act())
        sold = [outcome for outcome in outcomes if isinstance(outcome, Placed | PlacedOutside)]
        assert len(sold) == 1
        assert sum(isinstance(outcome, InsufficientStock) for outcome in outcomes) == 3
        assert await _available(world, product) == 0

    async def test_website_orders_placed_at_once_have_amounts_of_their_own(self, world: World) -> None:
        product = await world.product(100, units=9)
        customer = await world.customer(1_000)
        placed = await at_once(range(4), lambda _: _buy(world, product))
        prices = sorted(p.order.price for p in placed if isinstance(p, PlacedOutside))
        assert prices == [Usdt.of(amount) for amount in (100, 101, 102, 103)]
        assert (await world.order(customer, product)).price == Usdt.of(104)

    async def test_a_website_order_and_top_ups_at_once_get_amounts_apart(self, world: World) -> None:
        product = await world.product(100, units=9)

        async def minimum() -> MinimumTerms:
            return TERMS.minimum

        desk = WebsiteDesk(
            new_unit_of_work=world.unit_of_work,
            queries=world.queries,
            clock=ManualClock(NOW),
            vault=InMemoryVault(),
            wallets={Network.TRON: WALLET},
            minimum=minimum,
            terms=PAY_TERMS,
            deadline=DELIVERY,
        )
        wanted = Buy(product_id=product, quantity=1, network=Network.TRON)

        async def buy() -> Usdt:
            placed = await desk.open(wanted, Instruction(actor=Actor("test"), reason=""))
            return placed.fresh.order.price

        async def top_up() -> Usdt:
            customer = await world.customer()
            times = TopupTimes.of(Network.TRON, TOPUP_TERMS, NOW)
            async with world.unit_of_work() as uow:
                for cents in range(0, 100, 3):
                    amount = Usdt.of(100) + Usdt.cents(cents)
                    held = await uow.topups.reserve(
                        Network.TRON, amount, customer.payer, times.starts_at, times.reserved_until
                    )
                    if held is not None:
                        await anyio.lowlevel.checkpoint()
                        await uow.commit()
                        return amount
            raise AssertionError("every amount is taken")

        got = await at_once([buy, top_up, buy, top_up, buy, top_up], lambda act: act())
        amounts = sorted(amount for amount in got if isinstance(amount, Usdt))
        assert len(amounts) == 6
        assert all(high - low >= STEP for low, high in pairwise(amounts))
