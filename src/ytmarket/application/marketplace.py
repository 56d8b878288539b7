"""Taking over orders that other marketplaces have sold and been paid for."""

from __future__ import annotations

from datetime import datetime, timedelta

import attrs

from ytmarket.application.audit import audited
from ytmarket.application.instructions import Answered, Instruction, carry_out
from ytmarket.application.ports.clock import Clock
from ytmarket.application.ports.unit_of_work import NewUnitOfWork, UnitOfWork
from ytmarket.application.website_steps import shelf_of
from ytmarket.domain import website
from ytmarket.domain.ids import ProductId
from ytmarket.domain.money import Usdt
from ytmarket.domain.orders import Order
from ytmarket.domain.website import MarketplaceSale
from ytmarket.domain.wording import check_name


@attrs.frozen(kw_only=True)
class Sold:
    """What another marketplace has sold and been paid for."""

    product_id: ProductId
    quantity: int
    amount: Usdt
    marketplace: str
    external_id: str


@attrs.frozen(kw_only=True)
class MarketplaceDesk:
    """Records them for delivery and for pricing. *deadline* is how long delivery may take."""

    new_unit_of_work: NewUnitOfWork
    clock: Clock
    deadline: timedelta

    async def take(self, sold: Sold, instruction: Instruction[Order]) -> Answered[Order]:
        """Take over an order that another marketplace has been paid for.

        Raises `InvalidRequest`, `ProductNotFound`, `InsufficientStock`, `AlreadyDone` for one that
        was taken over before, and what `carry_out` does.
        """
        website.check_sold_for(sold.amount)
        check_name(sold.marketplace, "/channel")
        check_name(sold.external_id, "/external_id")

        async def step(uow: UnitOfWork, now: datetime) -> Order:
            shelf = await shelf_of(uow, sold.product_id, sold.quantity, now)
            sale = MarketplaceSale(
                order_id=shelf.order_id, marketplace=sold.marketplace, external_id=sold.external_id
            )
            placed = website.marketplace_order(shelf, sold.quantity, sold.amount, sale, self.deadline, now)
            await uow.website.place(placed)
            order = placed.order
            await audited(
                uow,
                instruction.actor,
                now,
                "marketplace_order.take",
                f"order:{order.id}",
                product=order.product_id,
                quantity=order.quantity,
                price_usdt=order.price,
                marketplace=sold.marketplace,
                external_id=sold.external_id,
                after=order.status,
            )
            return order

        return await carry_out(self.new_unit_of_work, self.clock, instruction, step)
