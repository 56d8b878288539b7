"""What a batch of orders wants, and what a process remembers from one batch to the next."""

from __future__ import annotations

from collections.abc import Container, Mapping, Sequence
from functools import lru_cache
from typing import Final, Self

import attrs

from ytmarket.domain import pricing
from ytmarket.domain.ids import AccountId, ProductId, UnitId
from ytmarket.domain.money import Usdt
from ytmarket.domain.shop import OrderRequest, PlaceOrder

LARGE: Final = 50
"""An order of more units is looked at more closely before they are looked up."""


@attrs.frozen
class DeskMemory:
    """Guesses that save a round trip, never truths.

    `prices` are the products' last known ones, in micros: they tell which amounts to look up.
    `free_from` is each product's first free unit, last time: what lies before it is mostly gone.
    """

    prices: dict[ProductId, int] = attrs.field(factory=dict)
    free_from: dict[ProductId, UnitId] = attrs.field(factory=dict)


@attrs.frozen
class Basket:
    """What the requests of a batch want, taken together.

    `lines` has the units and the orders of each product: the large ones of each account apart, so
    that what the account can pay for bounds them, the others in one line without an account.
    """

    lines: dict[tuple[ProductId, AccountId | None], tuple[int, int]]
    quantities: frozenset[tuple[ProductId, int]]

    @classmethod
    def of(cls, requests: Sequence[OrderRequest]) -> Self:
        lines: dict[tuple[ProductId, AccountId | None], tuple[int, int]] = {}
        quantities = set()
        for request in requests:
            command = request.command
            if isinstance(command, PlaceOrder):
                large = command.quantity > LARGE
                key = command.product_id, request.account_id if large else None
                units, orders = lines.get(key, (0, 0))
                lines[key] = units + command.quantity, orders + 1
                quantities.add((command.product_id, command.quantity))
        return cls(lines, frozenset(quantities))

    @property
    def products(self) -> set[ProductId]:
        return {product for product, _ in self.lines}

    def only(self, products: Container[ProductId]) -> Basket:
        """The part of it that is about these products."""
        lines = {key: line for key, line in self.lines.items() if key[0] in products}
        return Basket(lines, frozenset(wanted for wanted in self.quantities if wanted[0] in products))

    def candidates(self, prices: Mapping[ProductId, int]) -> set[int]:
        """Every price, in micros, that an order may get; nothing for a product of unknown price."""
        return {
            candidate
            for product, quantity in self.quantities
            if product in prices
            for candidate in _candidates(prices[product], quantity)
        }


@lru_cache(maxsize=1 << 14)
def _candidates(price: int, quantity: int) -> tuple[int, ...]:
    base = pricing.base_price(Usdt(price), quantity)
    return tuple(candidate.micros for candidate in pricing.candidates(base))
