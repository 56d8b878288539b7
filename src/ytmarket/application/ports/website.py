"""Orders without a balance, as a unit of work looks around for them, keeps them and finds them again."""

from __future__ import annotations

from datetime import datetime
from typing import Protocol

from ytmarket.domain.ids import OrderId, ProductId
from ytmarket.domain.website import Checkout, PlacedOutside, Shelf


class WebsiteRepository(Protocol):
    """Website orders and those of other marketplaces, placed at the order desk beside all others.

    * from `shelf` until the unit of work ends nobody else places an order of any channel, takes a
      unit of the product or changes it;
    * what is placed is kept whole: the order, its first event, its transfers, its units and its
      amount, with where it is to be paid or where it was sold;
    * another order of the same marketplace and number raises AlreadyDone;
    * a checkout is read back as it was kept last.
    """

    async def shelf(self, product: ProductId, quantity: int, now: datetime) -> Shelf | None:
        """What an order of so many stands on; None for an unknown product."""
        ...

    async def place(self, placed: PlacedOutside) -> None: ...

    async def checkout(self, order: OrderId) -> Checkout | None:
        """Where a website order is paid; None for any other order. Lock the order to rely on it."""
        ...

    async def save(self, checkout: Checkout) -> None:
        """Keep where it was paid, and how its buyer was paid back."""
        ...
