"""Products and categories as clients see them."""

from __future__ import annotations

import msgspec

from ytmarket.adapters.http.wire.money import Money, money
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


def category_view(category: Category) -> CategoryView:
    """The category as it is listed."""
    return CategoryView(category.name, category.products, money(category.min_price))
