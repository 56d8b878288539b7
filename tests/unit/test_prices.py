"""Prices by example."""

from decimal import Decimal

import pytest

from ytmarket.domain import (
    InvalidRequest,
    MinimumTerms,
    Product,
    ProductFilter,
    ProductId,
    Quote,
    Usdt,
    base_price,
    catalog,
    pricing,
    quote,
    website_quote,
)


def usdt(*texts: str) -> frozenset[Usdt]:
    return frozenset(Usdt.of(text) for text in texts)


def test_each_hit_adds_a_percent_of_the_base() -> None:
    base, taken = Usdt.of(10), set[Usdt]()
    for hits in range(11):
        price = quote(base, taken)
        assert price == Quote(amount=base + Usdt.of("0.1") * hits, hits=hits)
        taken.add(price.amount)
    assert quote(base, taken) == Quote(amount=Usdt.of(11), hits=11)


@pytest.mark.parametrize(("taken", "hits"), [("9.97", 0), ("9.98", 1), ("10.02", 1), ("10.03", 0)])
def test_two_cents_away_is_a_hit_and_three_are_not(taken: str, hits: int) -> None:
    assert quote(Usdt.of(10), usdt(taken)).hits == hits


def test_a_cheap_order_cannot_be_told_apart_and_costs_a_tenth_more_at_most() -> None:
    assert quote(Usdt.of("0.10"), usdt("0.10")) == Quote(amount=Usdt.of("0.11"), hits=11)


def test_a_website_order_needs_an_amount_of_its_own() -> None:
    base = Usdt.of("0.50")
    all_taken = frozenset(pricing.candidates(base))
    assert website_quote(base, all_taken, lambda _: True) == Quote(amount=Usdt.of("0.53"), hits=11)
    assert website_quote(base, all_taken, lambda amount: amount != Usdt.of("0.53")) is None
    top = Usdt.of("3.30")  # exactly a tenth above 3.00
    crowded = frozenset(pricing.candidates(Usdt.of(3)))
    assert website_quote(Usdt.of(3), crowded, lambda amount: amount == top) == Quote(amount=top, hits=11)
    assert website_quote(base, frozenset(), lambda amount: amount != base) == Quote(
        amount=Usdt.of("0.51"), hits=1
    )


@pytest.mark.parametrize(
    ("unit", "quantity", "total"),
    [("0.005", 1, "0.01"), ("0.333333", 3, "1.0"), ("1.234", 10, "12.34"), ("0.0001", 1, "0.01")],
)
def test_totals_are_rounded_half_up_to_the_cent(unit: str, quantity: int, total: str) -> None:
    assert str(base_price(Usdt.of(unit), quantity)) == total


@pytest.mark.parametrize(
    ("price", "least"), [("7.5", 1), ("7.49", 2), ("0.75", 10), ("0.07", 108), ("20", 3)]
)
def test_six_hundred_roubles_at_eighty(price: str, least: int) -> None:
    product = Product(
        id=ProductId(1),
        sku="A",
        title="A",
        category="mail",
        price=Usdt.of(price),
        min_quantity=3 if price == "20" else 1,
    )
    assert product.effective_minimum(MinimumTerms()) == least
    assert MinimumTerms() == MinimumTerms(floor_rub=Decimal(600), rub_per_usdt=Decimal(80))


def test_the_catalogue_is_filtered_by_each_wish() -> None:
    product = Product(id=ProductId(1), sku="A", title="A", category="mail", price=Usdt.of(2), available=5)
    for fits in [
        ProductFilter(),
        ProductFilter(category="mail", sku="A", min_price=Usdt.of(2), max_price=Usdt.of(2), min_available=5),
    ]:
        assert fits.admits(product)
    for misses in [
        ProductFilter(category="social"),
        ProductFilter(sku="B"),
        ProductFilter(min_price=Usdt.of("2.01")),
        ProductFilter(max_price=Usdt.of("1.99")),
        ProductFilter(min_available=6),
    ]:
        assert not misses.admits(product)


@pytest.mark.parametrize("price", ["0", "-1"])
def test_nothing_is_sold_for_nothing(price: str) -> None:
    catalog.check_price(Usdt.of("0.000001"))
    with pytest.raises(InvalidRequest, check=lambda refusal: refusal.pointer == "/price_usdt"):
        catalog.check_price(Usdt.of(price))
