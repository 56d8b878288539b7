"""What every store promises when website orders, payments and others come at once."""

from __future__ import annotations

from datetime import timedelta
from itertools import pairwise

import anyio.lowlevel

from ytmarket.adapters.inmemory import InMemoryVault, ManualClock
from ytmarket.application.audit import Actor
from ytmarket.application.instructions import Instruction
from ytmarket.application.paying import Payees
from ytmarket.application.website import Buy, WebsiteDesk
from ytmarket.domain import orders, website
from ytmarket.domain.catalog import MinimumTerms
from ytmarket.domain.deposits import DepositStatus, UnmatchedReason
from ytmarket.domain.errors import InsufficientStock
from ytmarket.domain.money import Usdt
from ytmarket.domain.networks import Network
from ytmarket.domain.order_states import OrderStatus
from ytmarket.domain.reservations import STEP
from ytmarket.domain.shop import Placed
from ytmarket.domain.topups import TopupTimes
from ytmarket.domain.website import PlacedOutside
from ytmarket.testing.contracts.concurrency import at_once
from ytmarket.testing.contracts.store_base import StorePartContract
from ytmarket.testing.contracts.website_buying import (
    DEADLINE,
    DELIVERY,
    LATE,
    PAY_TERMS,
    buy_on_website,
    deposit_now,
    expire_late,
    order_now,
    settling_at,
    units_available,
)
from ytmarket.testing.contracts.world import (
    NOW,
    SECOND,
    TERMS,
    TOPUP_TERMS,
    WALLET,
    World,
    order_request,
)


class WebsiteRaceContract(StorePartContract):
    """How website orders share units and amounts with whoever else comes at that moment."""

    async def test_a_deposit_and_the_expiry_at_once(self, world: World) -> None:
        for _ in range(4):
            product = await world.product(100, units=1)
            placed = await buy_on_website(world, product)
            record = await world.deposit(str(placed.order.price), at=DEADLINE - SECOND)
            await world.read(Network.TRON, until=DEADLINE)
            settling = settling_at(world, website.LIFETIME + timedelta(hours=1))
            await at_once([settling.settle_due, lambda: expire_late(world)], lambda act: act())
            order, settled = await order_now(world, placed.order.id), await deposit_now(world, record)
            assert (order.status, settled.status) == (OrderStatus.PROCESSING, DepositStatus.APPLIED)
            await world.move(order.id, lambda locked: orders.deliver(locked, LATE))

    async def test_a_deposit_and_a_cancellation_at_once_have_one_winner(self, world: World) -> None:
        for _ in range(4):
            await self._pay_and_cancel(world)

    async def _pay_and_cancel(self, world: World) -> None:
        product = await world.product(100, units=1)
        placed = await buy_on_website(world, product)
        record = await world.deposit(str(placed.order.price))

        async def cancel() -> object:
            return await world.move(placed.order.id, lambda order: orders.cancel(order, "no", NOW))

        async def settle() -> object:
            return await settling_at(world).settle_due()

        await at_once([settle, cancel], lambda act: act())
        order, settled = await order_now(world, placed.order.id), await deposit_now(world, record)
        assert order.status is OrderStatus.CANCELLED
        if settled.status is DepositStatus.APPLIED:
            assert order.due == order.charged == record.deposit.amount
        else:
            assert (settled.reason, order.due) == (UnmatchedReason.EXPIRED, Usdt.of(0))
        assert await units_available(world, product) == 1

    async def test_the_last_unit_goes_to_one_buyer_of_whatever_channel(self, world: World) -> None:
        for _ in range(3):
            await self._race_for_the_last_unit(world)

    async def _race_for_the_last_unit(self, world: World) -> None:
        customer, product = await world.customer(200), await world.product(100, units=1)
        request = order_request(customer, product)

        async def order() -> object:
            return (await world.place(request)).outcomes[0]

        async def buy() -> object:
            return await buy_on_website(world, product)

        outcomes = await at_once([order, buy, order, buy], lambda act: act())
        sold = [outcome for outcome in outcomes if isinstance(outcome, Placed | PlacedOutside)]
        assert len(sold) == 1
        assert sum(isinstance(outcome, InsufficientStock) for outcome in outcomes) == 3
        assert await units_available(world, product) == 0

    async def test_website_orders_placed_at_once_have_amounts_of_their_own(self, world: World) -> None:
        product = await world.product(100, units=9)
        customer = await world.customer(1_000)
        placed = await at_once(range(4), lambda _: buy_on_website(world, product))
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
            payees=Payees(wallets={Network.TRON: WALLET}),
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
