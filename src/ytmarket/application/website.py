"""Selling to strangers on the website: each order is paid on chain by an amount of its own."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from typing import Final

import attrs

from ytmarket.application.audit import audited
from ytmarket.application.instructions import Answered, Instruction, carry_out
from ytmarket.application.paying import Payees
from ytmarket.application.ports.clock import Clock
from ytmarket.application.ports.queries import Queries
from ytmarket.application.ports.unit_of_work import NewUnitOfWork, UnitOfWork
from ytmarket.application.ports.vault import Vault
from ytmarket.application.webhooks import open_items
from ytmarket.application.website_steps import locked, pay, shelf_of
from ytmarket.domain import ledger, website
from ytmarket.domain.catalog import MinimumTerms
from ytmarket.domain.deposits import DepositRecord
from ytmarket.domain.errors import (
    DepositNotFound,
    NoFreeAmount,
    NoRefundOwed,
    OrderNotFound,
    OrderNotPayable,
)
from ytmarket.domain.ids import DepositId, OrderId, ProductId, ReservationId
from ytmarket.domain.money import Usdt
from ytmarket.domain.networks import Network
from ytmarket.domain.order_states import OrderStatus
from ytmarket.domain.orders import Order
from ytmarket.domain.pricing import CAP_PERCENT, Quote
from ytmarket.domain.reservations import STEP, Payer, Purpose
from ytmarket.domain.topups import TopupTerms, TopupTimes
from ytmarket.domain.website import Checkout, Shelf
from ytmarket.domain.wording import check_name

TRIES_MAX: Final = 50


@attrs.frozen(kw_only=True)
class Buy:
    """What a website buyer wants, and on which network it will pay."""

    product_id: ProductId
    quantity: int
    network: Network


@attrs.frozen(kw_only=True)
class WebsiteOrder:
    """A website order with how it is paid, and the contents of what was delivered."""

    order: Order
    checkout: Checkout
    items: tuple[bytes, ...] = attrs.field(default=(), repr=False)


@attrs.frozen(kw_only=True)
class WebsiteDesk:
    """Places website orders, and does what an operator does for their buyers.

    *payees* says where each network is paid to, *minimum* what the least order is at present,
    *terms* how long a payment is awaited and its amount closed to others, *deadline* how long
    delivery may take once an order is paid.
    """

    new_unit_of_work: NewUnitOfWork
    queries: Queries
    clock: Clock
    vault: Vault
    payees: Payees
    minimum: Callable[[], Awaitable[MinimumTerms]]
    terms: TopupTerms
    deadline: timedelta

    async def open(self, wanted: Buy, instruction: Instruction[WebsiteOrder]) -> Answered[WebsiteOrder]:
        """Hold the units and reserve an amount; say what to pay, where and until when.

        Raises `InvalidRequest`, `ProductNotFound`, `BelowMinimum`, `InsufficientStock`,
        `NoFreeAmount` and what `carry_out` does; `Unavailable` for a network that was not read yet.
        """
        minimum = await self.minimum()

        async def step(uow: UnitOfWork, now: datetime) -> WebsiteOrder:
            address = await self.payees.address(uow, wanted.network)
            shelf = await shelf_of(uow, wanted.product_id, wanted.quantity, now)
            base = website.base_price(shelf, wanted.quantity, minimum)
            times = TopupTimes.of(wanted.network, self.terms, now)
            quote, reservation = await _reserve(uow, shelf, base, wanted.network, times)
            checkout = Checkout(
                order_id=shelf.order_id,
                network=wanted.network,
                address=address,
                reservation_id=reservation,
                expires_at=times.expires_at,
            )
            placed = website.website_order(shelf, wanted.quantity, quote, checkout, now)
            await uow.website.place(placed)
            order = placed.order
            await audited(
                uow,
                instruction.actor,
                now,
                "website_order.open",
                f"order:{order.id}",
                product=order.product_id,
                quantity=order.quantity,
                price_usdt=order.price,
                network=wanted.network,
                after=order.status,
            )
            return WebsiteOrder(order=order, checkout=checkout)

        return await carry_out(self.new_unit_of_work, self.clock, instruction, step)

    async def find(self, order_id: OrderId) -> WebsiteOrder:
        """Raises `OrderNotFound`, for an order of another channel too."""
        async with self.new_unit_of_work() as uow:
            checkout = await uow.website.checkout(order_id)
        found = await self.queries.order(None, order_id)
        if checkout is None or found is None:
            raise OrderNotFound
        return WebsiteOrder(order=found.order, checkout=checkout, items=tuple(open_items(self.vault, found)))

    async def refund_paid(
        self, order_id: OrderId, tx_hash: str, instruction: Instruction[WebsiteOrder]
    ) -> Answered[WebsiteOrder]:
        """Write down that a buyer was sent what it was owed; it is the operator who sends it.

        It leaves by the wallet into which the payment came. Raises `InvalidRequest`, `OrderNotFound`,
        `NoRefundOwed` and what `carry_out` does.
        """
        check_name(tx_hash, "/tx_hash")

        async def step(uow: UnitOfWork, now: datetime) -> WebsiteOrder:
            order, checkout = await locked(uow, order_id)
            if not order.is_refunded or checkout.paid_on is None or checkout.refund_tx_hash is not None:
                raise NoRefundOwed(order_status=order.status)
            paid = ledger.website_refund_paid(
                order_id, checkout.paid_on, order.refunded, now, instruction.reason
            )
            await uow.accounts.post([paid])
            paid_out = attrs.evolve(checkout, refund_tx_hash=tx_hash)
            await uow.website.save(paid_out)
            await audited(
                uow,
                instruction.actor,
                now,
                "website_order.refund_paid",
                f"order:{order_id}",
                amount_usdt=order.refunded,
                network=checkout.paid_on,
                tx_hash=tx_hash,
                before="refund owed",
                after="refund paid",
                reason=instruction.reason,
            )
            return WebsiteOrder(order=order, checkout=paid_out)

        return await carry_out(self.new_unit_of_work, self.clock, instruction, step)

    async def apply(
        self, deposit_id: DepositId, order_id: OrderId, instruction: Instruction[DepositRecord]
    ) -> Answered[DepositRecord]:
        """Say that an unmatched deposit pays a website order, whatever its amount and network.

        Only an order that still awaits its payment can be paid. Raises `OrderNotFound`,
        `OrderNotPayable`, `DepositNotFound`, `DepositNotWaiting`, `DepositTooSmall` and what `carry_out`
        does.
        """

        async def step(uow: UnitOfWork, now: datetime) -> DepositRecord:
            order, checkout = await locked(uow, order_id)
            record = await uow.deposits.lock(deposit_id)
            if record is None:
                raise DepositNotFound
            arrived = record.deposit
            record.check_waiting()
            if order.status is not OrderStatus.AWAITING_PAYMENT:
                raise OrderNotPayable(order_status=order.status)
            payment = ledger.deposit_applied(
                record.id, order_id, arrived.network, arrived.amount, now, instruction.reason
            )
            applied = await pay(uow, record, order, checkout, payment, self.deadline)
            await audited(
                uow,
                instruction.actor,
                now,
                "deposit.apply",
                f"deposit:{record.id}",
                amount_usdt=arrived.amount,
                before=record.status,
                after=applied.status,
                order=order_id,
                reason=instruction.reason,
            )
            return applied

        return await carry_out(self.new_unit_of_work, self.clock, instruction, step)


async def _reserve(
    uow: UnitOfWork, shelf: Shelf, base: Usdt, network: Network, times: TopupTimes
) -> tuple[Quote, ReservationId]:
    """The price and the reservation that keeps it apart. Top-ups do not wait for the desk: try again."""
    buyer = Payer(Purpose.WEBSITE_ORDER, shelf.order_id)
    span = times.starts_at, times.reserved_until
    low, high = base - STEP, base.plus_percent(CAP_PERCENT) + STEP
    for _ in range(TRIES_MAX):
        held = await uow.topups.reservations(network, low, high, *span)
        quote = website.quote(base, shelf.taken, [reservation.amount for reservation in held])
        reservation = await uow.topups.reserve(network, quote.amount, buyer, *span)
        if reservation is not None:
            return quote, reservation
    raise NoFreeAmount
