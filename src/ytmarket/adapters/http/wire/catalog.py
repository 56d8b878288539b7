"""Products and categories as clients see them."""

from __future__ import annotations

from functools import partial
from typing import Final

import msgspec

from ytmarket.adapters.http.wire.encoding import encode
from ytmarket.adapters.http.wire.lists import page
from ytmarket.adapters.http.wire.money import Money, money
from ytmarket.application.ports.queries import Listing
from ytmarket.domain.catalog import Category, MinimumTerms, Product


class ProductView(msgspec.Struct, gc=False):
    """`min_quantity` is the least quantity of an order, whatever it comes from."""

    id: int
    sku: str
    title: str
    category: str
    price_usdt: Money
    min_quantity: int
    available: int


class CategoryView(msgspec.Struct):
    """A category, with how many of its products are in stock and the price of the cheapest."""

    category: str
    products: int
    min_price_usdt: Money


def product_view(product: Product, terms: MinimumTerms) -> ProductView:
    """The product as it can be bought at the present rate."""
    return ProductView(
        product.id,
        product.sku,
        product.title,
        product.category,
        money(product.price),
        product.effective_minimum(terms),
        product.available,
    )


class ProductPages:
    """Renders pages of products; those who were given one and the same listing share its bytes."""

    PAGES_KEPT: Final = 16

    def __init__(self) -> None:
        # A kept listing stays alive, so that its id is nobody else's meanwhile.
        self._kept: dict[int, tuple[Listing[Product], MinimumTerms, bytes]] = {}

    def render(self, found: Listing[Product], terms: MinimumTerms) -> bytes:
        kept = self._kept.get(id(found))
        if kept is not None and kept[1] == terms:
            return kept[2]
        body = encode(page(found, partial(product_view, terms=terms)))
        if len(self._kept) >= self.PAGES_KEPT:
            self._kept.clear()
        self._kept[id(found)] = (found, terms, body)
        return body


def category_view(category: Category) -> CategoryView:
    """The category as it is listed."""
    return CategoryView(category.name, category.products, money(category.min_price))
