"""Steps that placing, paying and repaying orders without a balance have in common."""

from __future__ import annotations

from datetime import datetime, timedelta

import attrs

from ytmarket.application.ports.unit_of_work import UnitOfWork
from ytmarket.domain import orders
from ytmarket.domain.deposits import DepositRecord, DepositStatus
from ytmarket.domain.errors import OrderNotFound, ProductNotFound
from ytmarket.domain.ids import OrderId, ProductId
from ytmarket.domain.ledger import Transfer
from ytmarket.domain.orders import Order
from ytmarket.domain.website import Checkout, Shelf


async def shelf_of(uow: UnitOfWork, product: ProductId, quantity: int, now: datetime) -> Shelf:
    """What the order stands on, with the desk locked. Raises `ProductNotFound`."""
    shelf = await uow.website.shelf(product, quantity, now)
    if shelf is None:
        raise ProductNotFound
    return shelf


async def locked(uow: UnitOfWork, order_id: OrderId) -> tuple[Order, Checkout]:
    """A website order, locked, with how it is paid. Raises `OrderNotFound`."""
    order = await uow.orders.lock(order_id)
    checkout = await uow.website.checkout(order_id)
    if order is None or checkout is None:
        raise OrderNotFound
    return order, checkout


async def pay(
    uow: UnitOfWork,
    record: DepositRecord,
    order: Order,
    checkout: Checkout,
    payment: Transfer,
    deadline: timedelta,
) -> DepositRecord:
    """Begin delivery of a locked order with what a locked deposit brought; the deposit as it is now.

    The amount stays closed to other payers until the payment would have been too late.
    """
    await uow.orders.record(orders.pay(order, payment, payment.at + deadline))
    await uow.website.save(attrs.evolve(checkout, paid_on=record.deposit.network))
    await uow.topups.lock_reservation(checkout.reservation_id)
    await uow.topups.release(checkout.reservation_id, checkout.expires_at)
    applied = attrs.evolve(record, status=DepositStatus.APPLIED, order_id=order.id)
    await uow.deposits.save(applied)
    return applied
