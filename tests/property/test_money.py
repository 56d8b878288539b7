"""Amounts survive being written down and read again, and are rounded once, half-up."""

import math
from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ytmarket.domain import InvalidAmount, Usdt
from ytmarket.testing.strategies import amounts, cents

signed = amounts(min_value=Usdt.of(-100_000))
SPELLINGS = st.text("0123456789.-+eE_, ٣５", max_size=12)


@given(signed)
def test_what_is_printed_reads_back(amount: Usdt) -> None:
    text = str(amount)
    assert Decimal(text) == Decimal(amount.micros).scaleb(-6)
    assert Usdt.of(text) == Usdt.of(Decimal(text)) == amount
    assert repr(amount) == f"Usdt.of('{text}')"


@given(signed)
def test_what_is_printed_has_a_point_and_no_needless_zero(amount: Usdt) -> None:
    whole, point, places = str(amount).partition(".")
    assert point
    assert whole.removeprefix("-") == str(abs(amount.micros) // 1_000_000)
    assert places == "0" or (1 <= len(places) <= 6 and not places.endswith("0"))


@given(st.integers(-(10**15) + 1, 10**15 - 1))
def test_whole_numbers_are_whole_usdt(number: int) -> None:
    assert Usdt.of(number).micros == number * 1_000_000


def plainly_written(text: str) -> bool:
    """By hand, character by character: digits, perhaps a point and digits, perhaps a minus in front."""
    whole, point, places = text.removeprefix("-").partition(".")
    digits = set("0123456789")
    return (
        0 < len(whole) <= 15
        and set(whole) <= digits
        and (not point or (places != "" and set(places) <= digits and len(places.rstrip("0")) <= 6))
    )


@given(SPELLINGS | SPELLINGS.map(lambda text: text.replace("٣", "3")) | st.text())
@example("1.0000010000")
@example("1.0000001")
@example("999999999999999.999999")
@example("1000000000000000")
@example("1\n")
@example("")
def test_only_plain_decimals_are_amounts(text: str) -> None:
    if plainly_written(text):
        assert Usdt.of(text).micros == Fraction(text) * 1_000_000
    else:
        with pytest.raises(InvalidAmount):
            Usdt.of(text)


@given(st.decimals(allow_nan=True, allow_infinity=True))
@example(Decimal("1E+999999999"))
@example(Decimal("-1E-999999999"))
@example(Decimal("0E+999999999"))
@example(Decimal("sNaN"))
def test_a_decimal_is_read_exactly_or_refused(number: Decimal) -> None:
    sensible = number.is_finite() and abs(number.adjusted()) <= 15
    exact = Fraction(number) * 1_000_000 if sensible else Fraction(0)
    if sensible and exact.denominator == 1 and abs(exact) < 10**21:
        assert Usdt.of(number).micros == exact
    else:
        with pytest.raises(InvalidAmount):
            Usdt.of(number)


@given(signed)
@example(Usdt(5_000))
@example(Usdt(4_999))
@example(Usdt(-5_000))
def test_half_a_cent_goes_up(amount: Usdt) -> None:
    nearest = math.floor(Fraction(amount.micros, 10_000) + Fraction(1, 2))
    assert amount.to_cent() == Usdt.cents(nearest)
    if amount.micros > 0:
        rounded = Decimal(str(amount)).quantize(Decimal("0.01"), ROUND_HALF_UP)
        assert Decimal(str(amount.to_cent())) == rounded


@given(cents(max_value=Usdt.of(20_000)), st.integers(0, 10))
@example(Usdt.of("0.50"), 1)  # half a cent exactly
@example(Usdt.of("0.49"), 1)
def test_a_markup_is_rounded_once(base: Usdt, percent: int) -> None:
    exact = Decimal(str(base)) * (100 + percent) / 100
    assert Decimal(str(base.plus_percent(percent))) == exact.quantize(Decimal("0.01"), ROUND_HALF_UP)


@given(amounts(), st.integers(1, 10_000), st.data())
def test_a_share_is_rounded_up_to_the_micro(amount: Usdt, whole: int, data: st.DataObject) -> None:
    part = data.draw(st.integers(0, whole))
    share = amount.share_up(part, whole)
    assert share.micros == math.ceil(Fraction(amount.micros * part, whole))
    assert Usdt(0) <= share <= amount


@given(st.integers(0, 10**30), st.sampled_from([6, 18]))
@example(999_999_999_999, 18)
@example(1_000_000_000_000, 18)
def test_raw_token_amounts_are_floored_to_the_micro(raw: int, decimals: int) -> None:
    amount = Usdt.from_raw(raw, decimals)
    exact = Fraction(raw, 10**decimals)
    assert 0 <= exact - Fraction(amount.micros, 10**6) < Fraction(1, 10**6)
    if decimals == 6:
        assert amount.micros == raw


@given(st.integers(0, 10**9), st.integers(0, 5))
def test_tokens_of_few_decimals_lose_nothing(raw: int, decimals: int) -> None:
    assert Fraction(Usdt.from_raw(raw, decimals).micros, 10**6) == Fraction(raw, 10**decimals)


@given(signed, signed, st.integers(-100, 100))
def test_amounts_add_up_like_numbers(one: Usdt, other: Usdt, count: int) -> None:
    assert (one + other - other) == one
    assert (one - other) == -(other - one)
    assert (one * count).micros == one.micros * count
    assert (one < other) == (one.micros < other.micros)
    assert abs(one) == max(one, -one)
    assert bool(one) == (one.micros != 0)
    assert one.is_whole_cents == (one == one.to_cent())
