"""What every store promises of payments for website orders, and of those that never come."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime, timedelta

import pytest

from ytmarket.adapters.inmemory import ManualClock
from ytmarket.application.fulfilment import FulfilmentService
from ytmarket.application.ports.unit_of_work import UnitOfWork
from ytmarket.application.suppliers import StockSupplier
from ytmarket.domain import website
from ytmarket.domain.deposits import DepositStatus, UnmatchedReason
from ytmarket.domain.money import Usdt
from ytmarket.domain.networks import Network
from ytmarket.domain.order_states import OrderStatus
from ytmarket.domain.orders import Channel
from ytmarket.domain.topups import TopupTimes
from ytmarket.testing.contracts.store_base import StorePartContract
from ytmarket.testing.contracts.website_buying import (
    DEADLINE,
    DELIVERY,
    LATE,
    buy_on_website,
    deposit_now,
    expire_late,
    order_now,
    overdue_orders,
    settling_at,
    units_available,
)
from ytmarket.testing.contracts.world import (
    NOW,
    SECOND,
    TOPUP_TERMS,
    World,
)


class WebsitePaymentContract(StorePartContract):
    """How stores let website orders be paid, and expire: promises of several ports together."""

    async def test_what_arrives_within_the_tolerance_pays_the_order(self, world: World) -> None:
        product = await world.product(100, units=9)
        placed = await buy_on_website(world, product)
        record = await world.deposit("99.995")
        await settling_at(world).settle_due()
        order = await order_now(world, placed.order.id)
        assert (order.status, order.charged) == (OrderStatus.PROCESSING, Usdt.of("99.995"))
        assert (order.channel, order.deadline_at) == (Channel.WEBSITE, NOW + DELIVERY)
        settled = await deposit_now(world, record)
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
        await buy_on_website(world, await world.product(100, units=9))
        await world.deposit(100)
        await settling_at(world).settle_due()
        for start, is_free in ((DEADLINE - SECOND, False), (DEADLINE, True)):
            async with world.unit_of_work() as uow:
                got = await uow.topups.reserve(
                    Network.TRON, Usdt.of(100), customer.payer, start, start + timedelta(hours=1)
                )
            assert (got is not None) is is_free

    async def test_a_second_payment_is_set_aside(self, world: World) -> None:
        placed = await buy_on_website(world, await world.product(100, units=9))
        await world.deposit(100)
        await settling_at(world).settle_due()
        record = await world.deposit(100)
        await settling_at(world).settle_due()
        settled = await deposit_now(world, record)
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
        placed = await buy_on_website(world, await world.product(100, units=9))
        record = await world.deposit(amount, network=network, at=at)
        await settling_at(world).settle_due()
        settled = await deposit_now(world, record)
        assert (settled.status, settled.reason) == (DepositStatus.UNMATCHED, reason)
        assert settled.candidate_order_id == placed.order.id
        assert (await order_now(world, placed.order.id)).status is OrderStatus.AWAITING_PAYMENT

    async def test_the_amount_of_a_website_order_is_nobody_elses(self, world: World) -> None:
        customer = await world.customer()
        placed = await buy_on_website(world, await world.product(100, units=9))
        times = TopupTimes.of(Network.TRON, TOPUP_TERMS, NOW)
        async with world.unit_of_work() as uow:
            for amount in ("99.98", "100", "100.02"):
                got = await uow.topups.reserve(
                    Network.TRON, Usdt.of(amount), customer.payer, times.starts_at, times.reserved_until
                )
                assert got is None
        await world.topup(customer, "100.03")
        await world.deposit(100)
        await settling_at(world).settle_due()
        assert (await order_now(world, placed.order.id)).status is OrderStatus.PROCESSING
        assert await world.balance(customer) == Usdt.of(0)

    async def test_an_amount_that_a_top_up_holds_is_passed_over(self, world: World) -> None:
        await world.topup(await world.customer(), "100.01")
        placed = await buy_on_website(world, await world.product(100, units=9))
        assert (placed.order.price, placed.order.hits) == (Usdt.of(101), 1)

    async def test_an_unpaid_order_is_overdue_once_its_network_was_read_past_its_end(
        self, world: World
    ) -> None:
        placed = await buy_on_website(world, await world.product(100, units=9), network=Network.TON)
        assert await overdue_orders(world) == []
        await world.read(Network.TRON, until=LATE)
        await world.read(Network.TON, until=DEADLINE - SECOND)
        assert await overdue_orders(world) == []
        await world.read(Network.TON, until=DEADLINE)
        assert await overdue_orders(world) == [placed.order.id]
        async with world.unit_of_work() as uow:
            assert await uow.orders.overdue(DEADLINE - SECOND, limit=10) == []

    async def test_an_order_that_an_unsettled_deposit_could_pay_is_not_overdue(self, world: World) -> None:
        placed = await buy_on_website(world, await world.product(100, units=9))
        transfer = world.transfer("100.01", at=DEADLINE - SECOND)
        others = [
            world.transfer("100.011", at=DEADLINE - SECOND),
            world.transfer(100, at=DEADLINE),
        ]
        await world.read(Network.TRON, transfer, *others, until=DEADLINE)
        assert await overdue_orders(world) == []
        assert await expire_late(world) == 0
        await settling_at(world, website.LIFETIME).settle_due()
        assert (await order_now(world, placed.order.id)).status is OrderStatus.PROCESSING

    async def test_deposits_that_could_not_pay_it_keep_no_order_open(self, world: World) -> None:
        placed = await buy_on_website(world, await world.product(100, units=9))
        early = placed.order.created_at - Network.TRON.facts.start_skew - SECOND
        await world.read(
            Network.TRON,
            world.transfer("100.011", at=DEADLINE - SECOND),
            world.transfer(100, at=DEADLINE),
            world.transfer(100, at=early),
            until=DEADLINE,
        )
        await world.read(Network.TON, world.transfer(100, network=Network.TON), until=DEADLINE)
        assert await overdue_orders(world) == [placed.order.id]

    async def test_an_order_that_ends_unpaid_gives_its_units_back_and_owes_nothing(
        self, world: World
    ) -> None:
        product = await world.product(100, units=2)
        placed = await buy_on_website(world, product, 2)
        await world.read(Network.TRON, until=DEADLINE)
        assert await expire_late(world) == 1
        order = await order_now(world, placed.order.id)
        assert (order.status, order.due, order.is_refunded) == (OrderStatus.EXPIRED, Usdt.of(0), False)
        assert await units_available(world, product) == 2
        late = await world.deposit(200, at=LATE)
        await settling_at(world).settle_due()
        settled = await deposit_now(world, late)
        assert (settled.reason, settled.candidate_order_id) == (UnmatchedReason.EXPIRED, order.id)

    async def test_an_order_that_is_paid_after_it_was_found_overdue_is_not_expired(
        self, world: World
    ) -> None:
        placed = await buy_on_website(world, await world.product(100, units=9))
        await world.read(Network.TRON, until=DEADLINE)
        opened = 0

        @asynccontextmanager
        async def with_a_payment_between() -> AsyncIterator[UnitOfWork]:
            nonlocal opened
            opened += 1
            if opened == 2:  # the first has looked for overdue orders, the second is to expire one
                await world.deposit(100)
                await settling_at(world, LATE - NOW).settle_due()
            async with world.unit_of_work() as uow:
                yield uow

        service = FulfilmentService(
            new_unit_of_work=with_a_payment_between, clock=ManualClock(LATE), supplier=StockSupplier()
        )
        assert await service.expire_due() == 0
        assert opened == 2
        assert (await order_now(world, placed.order.id)).status is OrderStatus.PROCESSING
