"""Orders without a balance, in memory."""

from __future__ import annotations

from datetime import datetime
from itertools import islice

import attrs

from ytmarket.adapters.inmemory.accounts import post
from ytmarket.adapters.inmemory.events import keep_event
from ytmarket.adapters.inmemory.rows import OrderRow
from ytmarket.adapters.inmemory.state import State
from ytmarket.domain import pricing
from ytmarket.domain.errors import AlreadyDone, OrderNotFound
from ytmarket.domain.ids import OrderId, ProductId
from ytmarket.domain.website import Checkout, MarketplaceSale, PlacedOutside, Shelf, Source


@attrs.frozen
class InMemoryWebsite:
    """The `WebsiteRepository` port."""

    _state: State

    async def shelf(self, product: ProductId, quantity: int, now: datetime) -> Shelf | None:
        state = self._state
        found = state.product(product)
        if found is None:
            return None
        amounts = pricing.amounts_that_matter(pricing.base_price(found.price, quantity))
        return Shelf(
            order_id=OrderId(next(state.order_numbers)),
            product=found,
            units=tuple(islice(state.free_units.of(product), quantity)),
            taken=state.recent_amounts.taken(amounts, now),
        )

    async def place(self, placed: PlacedOutside) -> None:
        state, order = self._state, placed.order
        with state.journal.all_or_none():
            if order.id in state.orders:
                raise AlreadyDone
            state.orders.put(order.id, OrderRow(order=order))
            post(state, placed.transfers)
            for key in placed.units:
                unit = state.units[key]
                if unit.order_id is not None:
                    raise AlreadyDone
                state.units.put(key, attrs.evolve(unit, order_id=order.id))
            keep_event(state, order, placed.event)
            self._keep(placed.source)

    async def checkout(self, order: OrderId) -> Checkout | None:
        return self._state.checkouts.get(order)

    async def save(self, checkout: Checkout) -> None:
        kept = self._state.checkouts.get(checkout.order_id)
        if kept is None:
            raise OrderNotFound
        self._state.checkouts.put(
            kept.order_id,
            attrs.evolve(kept, paid_on=checkout.paid_on, refund_tx_hash=checkout.refund_tx_hash),
        )

    def _keep(self, source: Source) -> None:
        match source:
            case Checkout():
                self._state.checkouts.put(source.order_id, source)
            case MarketplaceSale():
                name = (source.marketplace, source.external_id)
                if name in self._state.sales:
                    raise AlreadyDone
                self._state.sales.put(name, source)
