"""The least quantity is the smallest whose total reaches the floor in roubles, or the product's own."""

from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ytmarket.domain import BelowMinimum, InvalidValue, MinimumTerms, Product, Usdt
from ytmarket.testing.strategies import amounts, products

RATES = st.sampled_from(["80", "79.99", "100", "0.01", "92.4567"]) | st.decimals(
    min_value=Decimal("0.01"), max_value=1_000, places=2
).map(str)
FLOORS = st.sampled_from(["600", "0", "0.01", "599.99"])


@given(amounts(max_value=Usdt.of(500)), RATES, FLOORS)
@example(Usdt.of("7.5"), "80", "600")  # exactly one unit
@example(Usdt.of("7.499999"), "80", "600")
@example(Usdt.of("0.75"), "80", "600")  # exactly ten
def test_the_least_quantity_reaches_the_floor_and_one_less_does_not(
    price: Usdt, rate: str, floor: str
) -> None:
    least = MinimumTerms(floor_rub=Decimal(floor), rub_per_usdt=Decimal(rate)).quantity_for(price)
    roubles = Fraction(price.micros, 1_000_000) * Fraction(rate)
    assert least >= 1
    assert least * roubles >= Fraction(floor)
    assert least == 1 or (least - 1) * roubles < Fraction(floor)


@given(products())
def test_an_order_below_the_minimum_is_told_the_quantity_needed(product: Product) -> None:
    terms = MinimumTerms()
    least = product.effective_minimum(terms)
    assert least == max(product.min_quantity, terms.quantity_for(product.price))
    product.check_quantity(least, terms)
    for quantity in (least - 1, 0):
        with pytest.raises(BelowMinimum) as refused:
            product.check_quantity(quantity, terms)
        assert refused.value.min_quantity == least


@pytest.mark.parametrize(
    ("floor", "rate"), [("600", "0"), ("600", "-80"), ("600", "NaN"), ("-1", "80"), ("Infinity", "80")]
)
def test_terms_that_make_no_sense_are_refused(floor: str, rate: str) -> None:
    with pytest.raises(InvalidValue, match="roubles"):
        MinimumTerms(floor_rub=Decimal(floor), rub_per_usdt=Decimal(rate))
