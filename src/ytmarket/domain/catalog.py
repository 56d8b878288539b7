"""The catalogue: what is sold, at what price, and in what least quantity."""

from __future__ import annotations

from decimal import Decimal
from functools import lru_cache

import attrs

from ytmarket.domain.errors import BelowMinimum, InvalidRequest, InvalidValue
from ytmarket.domain.ids import ProductId
from ytmarket.domain.money import MICROS, ZERO, Usdt


@attrs.frozen(kw_only=True)
class MinimumTerms:
    """The floor under an order's total, in roubles, and the rate that turns prices into roubles."""

    floor_rub: Decimal = Decimal(600)
    rub_per_usdt: Decimal = Decimal(80)

    def __attrs_post_init__(self) -> None:
        if not (self.floor_rub.is_finite() and self.floor_rub >= 0):
            raise InvalidValue(f"a floor of {self.floor_rub} roubles")
        if not (self.rub_per_usdt.is_finite() and self.rub_per_usdt > 0):
            raise InvalidValue(f"a rate of {self.rub_per_usdt} roubles per USDT")

    def quantity_for(self, unit_price: Usdt) -> int:
        """How many units reach the floor: ⌈floor ÷ unit price in roubles⌉, at least one."""
        return _quantity_for(unit_price.micros, self.floor_rub, self.rub_per_usdt)


@attrs.frozen(kw_only=True)
class Product:
    """A good sold by the unit. `min_quantity` is the product's own, before the floor."""

    id: ProductId
    sku: str
    title: str
    category: str
    price: Usdt
    min_quantity: int = 1
    available: int = 0

    def effective_minimum(self, terms: MinimumTerms) -> int:
        """The least quantity of an order."""
        return max(self.min_quantity, terms.quantity_for(self.price))

    def check_quantity(self, quantity: int, terms: MinimumTerms) -> None:
        """Raises `BelowMinimum` with the quantity needed."""
        least = self.effective_minimum(terms)
        if quantity < least:
            raise BelowMinimum(min_quantity=least)


@attrs.frozen(kw_only=True)
class Category:
    """A category with how many products it has and what the cheapest costs."""

    name: str
    products: int
    min_price: Usdt


@attrs.frozen(kw_only=True)
class ProductFilter:
    """Which products to list. Prices are per unit; `min_available` counts units in stock."""

    category: str | None = None
    sku: str | None = None
    min_price: Usdt | None = None
    max_price: Usdt | None = None
    min_available: int = 1

    def admits(self, product: Product) -> bool:
        return (
            (self.category is None or product.category == self.category)
            and (self.sku is None or product.sku == self.sku)
            and (self.min_price is None or product.price >= self.min_price)
            and (self.max_price is None or product.price <= self.max_price)
            and product.available >= self.min_available
        )


def check_price(price: Usdt) -> None:
    """Raises `InvalidRequest` unless a product can have this price."""
    if price <= ZERO:
        raise InvalidRequest(pointer="/price_usdt", problem="must be more than 0")


@lru_cache(maxsize=4096)
def _quantity_for(unit_micros: int, floor_rub: Decimal, rub_per_usdt: Decimal) -> int:
    floor, floor_scale = floor_rub.as_integer_ratio()
    rate, rate_scale = rub_per_usdt.as_integer_ratio()
    wanted = floor * rate_scale * MICROS
    per_unit = floor_scale * rate * unit_micros
    return max(1, -(-wanted // per_unit))
