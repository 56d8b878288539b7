"""Website and marketplace orders for the contracts: placed, paid, expired, and looked at again."""

from __future__ import annotations

from datetime import timedelta

import anyio.lowlevel

from ytmarket.adapters.inmemory import ManualClock
from ytmarket.application.deposits import DepositService
from ytmarket.application.fulfilment import FulfilmentService
from ytmarket.application.ports.unit_of_work import UnitOfWork
from ytmarket.application.suppliers import StockSupplier
from ytmarket.domain import website
from ytmarket.domain.deposits import DepositRecord
from ytmarket.domain.ids import OrderId, ProductId
from ytmarket.domain.money import Usdt
from ytmarket.domain.networks import Network
from ytmarket.domain.orders import Order
from ytmarket.domain.reservations import Payer, Purpose
from ytmarket.domain.topups import TopupTerms, TopupTimes
from ytmarket.domain.website import Checkout, MarketplaceSale, PlacedOutside, Shelf
from ytmarket.testing.contracts.world import (
    NOW,
    TERMS,
    TOPUP_TERMS,
    WALLET,
    World,
)

PAY_TERMS = TopupTerms(lifetime=website.LIFETIME)
DEADLINE = NOW + website.LIFETIME
LATE = DEADLINE + timedelta(hours=1)
DELIVERY = timedelta(minutes=10)


async def look_at_shelf(uow: UnitOfWork, product: ProductId, quantity: int) -> Shelf:
    """What an order would stand on, of a product that is there."""
    shelf = await uow.website.shelf(product, quantity, NOW)
    assert shelf is not None
    return shelf


async def buy_on_website(
    world: World, product: ProductId, quantity: int = 1, *, network: Network = Network.TRON
) -> PlacedOutside:
    """A website order as the application places it, with time for the others to come between."""
    times = TopupTimes.of(network, PAY_TERMS, NOW)
    async with world.unit_of_work() as uow:
        shelf = await look_at_shelf(uow, product, quantity)
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


async def sell_elsewhere(
    world: World, product: ProductId, external_id: str, marketplace: str = "bazaar"
) -> Order:
    """An order that another marketplace was paid 50 for."""
    async with world.unit_of_work() as uow:
        shelf = await look_at_shelf(uow, product, 1)
        sale = MarketplaceSale(order_id=shelf.order_id, marketplace=marketplace, external_id=external_id)
        placed = website.marketplace_order(shelf, 1, Usdt.of(50), sale, DELIVERY, NOW)
        await uow.website.place(placed)
        await uow.commit()
    return placed.order


async def order_now(world: World, order: OrderId) -> Order:
    """The order as it is kept at present."""
    found = await world.queries.order(None, order)
    assert found is not None
    return found.order


async def units_available(world: World, product: ProductId) -> int:
    """How many units of the product can be sold."""
    found = await world.queries.product(product)
    assert found is not None
    return found.available


def settling_at(world: World, at: timedelta = timedelta(0)) -> DepositService:
    """Settles deposits, so long after NOW."""
    return DepositService(new_unit_of_work=world.unit_of_work, clock=ManualClock(NOW + at), terms=TOPUP_TERMS)


async def overdue_orders(world: World) -> list[OrderId]:
    """Which orders somebody would let expire who looks late."""
    async with world.unit_of_work() as uow:
        return list(await uow.orders.overdue(LATE, limit=10))


async def expire_late(world: World) -> int:
    """What the worker does once it is late."""
    service = FulfilmentService(
        new_unit_of_work=world.unit_of_work, clock=ManualClock(LATE), supplier=StockSupplier()
    )
    return await service.expire_due()


async def deposit_now(world: World, record: DepositRecord) -> DepositRecord:
    """What has become of a deposit."""
    (found,) = await world.queries.deposits_by_hash(record.deposit.tx_hash)
    return found
