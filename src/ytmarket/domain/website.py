"""Orders without a balance: a stranger buys on the website, or another marketplace sells what we deliver.

A website order is told apart by its amount on chain, so it is placed with a reservation of its own
and waits for the payment. A marketplace's order was paid there already, so it is delivered at once.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime, timedelta
from typing import Final, TypeAlias

import attrs

from ytmarket.domain import ledger, pricing
from ytmarket.domain.catalog import MinimumTerms, Product
from ytmarket.domain.errors import InsufficientStock, InvalidRequest, NoFreeAmount
from ytmarket.domain.ids import OrderId, ReservationId, UnitId
from ytmarket.domain.ledger import Transfer
from ytmarket.domain.money import ZERO, Usdt
from ytmarket.domain.networks import Network
from ytmarket.domain.order_states import OrderStatus
from ytmarket.domain.orders import Channel, Order, OrderEvent
from ytmarket.domain.reservations import touches

LIFETIME: Final = timedelta(minutes=15)
PRICE_MIN: Final = Usdt.of(1)  # less is dust on chain
PRICE_MAX: Final = Usdt.of(1_000_000)


@attrs.frozen(kw_only=True)
class Shelf:
    """What one order without a balance stands on, true until its unit of work ends.

    `units` holds free units of the product, as many as are wanted or as there are; `taken` the
    amounts of the price window that matter; `order_id` is a fresh number.
    """

    order_id: OrderId
    product: Product
    units: Sequence[UnitId]
    taken: frozenset[Usdt]


@attrs.frozen(kw_only=True)
class Checkout:
    """Where and until when a website order is to be paid; then, where it was and how it was paid back."""

    order_id: OrderId
    network: Network
    address: str
    reservation_id: ReservationId
    expires_at: datetime
    paid_on: Network | None = None
    refund_tx_hash: str | None = None


@attrs.frozen(kw_only=True)
class MarketplaceSale:
    """Under which number another marketplace has sold an order: the two name it for ever."""

    order_id: OrderId
    marketplace: str
    external_id: str


Source: TypeAlias = Checkout | MarketplaceSale


@attrs.frozen(kw_only=True)
class PlacedOutside:
    """An order without a balance: all of this is recorded together, with its first event."""

    order: Order
    units: Sequence[UnitId]
    source: Source
    transfers: tuple[Transfer, ...] = ()

    @property
    def event(self) -> OrderEvent:
        return OrderEvent.of(self.order)


def base_price(shelf: Shelf, quantity: int, minimum: MinimumTerms) -> Usdt:
    """What the order costs before pricing looks at others.

    Raises `BelowMinimum`, `InsufficientStock`, and `InvalidRequest` for a price that no payment on
    chain can stand for.
    """
    shelf.product.check_quantity(quantity, minimum)
    _check_stock(shelf, quantity)
    base = pricing.base_price(shelf.product.price, quantity)
    if not PRICE_MIN <= base <= PRICE_MAX:
        raise InvalidRequest(
            pointer="/quantity",
            problem=f"comes to {base} USDT; what is paid on chain costs {PRICE_MIN} to {PRICE_MAX} USDT",
        )
    return base


def quote(base: Usdt, taken: frozenset[Usdt], reserved: Iterable[Usdt]) -> pricing.Quote:
    """The price, given the amounts that are *reserved* near it. Raises `NoFreeAmount`."""
    found = pricing.website_quote(base, taken, _free_among(reserved))
    if found is None:
        raise NoFreeAmount
    return found


def website_order(
    shelf: Shelf, quantity: int, price: pricing.Quote, checkout: Checkout, now: datetime
) -> PlacedOutside:
    """The order awaits its payment; its units are held meanwhile."""
    order = Order(
        id=shelf.order_id,
        channel=Channel.WEBSITE,
        product_id=shelf.product.id,
        quantity=quantity,
        price=price.amount,
        hits=price.hits,
        status=OrderStatus.AWAITING_PAYMENT,
        created_at=now,
        updated_at=now,
        deadline_at=checkout.expires_at,
    )
    return PlacedOutside(order=order, units=shelf.units[:quantity], source=checkout)


def marketplace_order(
    shelf: Shelf, quantity: int, amount: Usdt, sale: MarketplaceSale, deadline: timedelta, now: datetime
) -> PlacedOutside:
    """The order is paid, so it is processing. No minimum and no price of ours: it is sold already.

    Raises `InsufficientStock`.
    """
    _check_stock(shelf, quantity)
    order = Order(
        id=shelf.order_id,
        channel=Channel.MARKETPLACE,
        product_id=shelf.product.id,
        quantity=quantity,
        price=amount,
        charged=amount,
        hits=0,
        created_at=now,
        updated_at=now,
        deadline_at=now + deadline,
    )
    taken = ledger.marketplace_taken(order.id, amount, now)
    return PlacedOutside(order=order, units=shelf.units[:quantity], source=sale, transfers=(taken,))


def check_sold_for(amount: Usdt) -> None:
    """Raises `InvalidRequest` unless another marketplace can have been paid this."""
    problem = None
    if not ZERO < amount <= PRICE_MAX:
        problem = f"must be more than 0 and at most {PRICE_MAX} USDT"
    elif not amount.is_whole_cents:
        problem = "must have at most two decimals"
    if problem is not None:
        raise InvalidRequest(pointer="/amount_usdt", problem=problem)


def _check_stock(shelf: Shelf, quantity: int) -> None:
    if shelf.product.available < quantity:
        raise InsufficientStock(available=shelf.product.available)


def _free_among(reserved: Iterable[Usdt]) -> Callable[[Usdt], bool]:
    """Whether an amount touches none of these; asked often, so it looks only at the two beside it."""
    held = sorted(reserved)

    def is_free(amount: Usdt) -> bool:
        at = bisect_left(held, amount)
        return not any(touches(amount, beside) for beside in held[max(at - 1, 0) : at + 1])

    return is_free
