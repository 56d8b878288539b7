"""Prices drift apart, never by more than a tenth, and forget after a quarter of an hour."""

from collections.abc import Set as AbstractSet
from datetime import datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from hypothesis.strategies import DrawFn

from ytmarket.domain import InvalidValue, PriceWindow, Quote, Usdt, base_price, pricing, quote, website_quote
from ytmarket.testing.strategies import NOON, amounts, around, cents

CENT = 10_000
QUARTER = timedelta(minutes=15)
BASES = cents(max_value=Usdt.of(2_000)) | st.sampled_from([Usdt.of("0.01"), Usdt.of("0.50"), Usdt.of("1.99")])


def eleven(base: Usdt) -> list[int]:
    """The candidates in micros, by decimal arithmetic."""
    exact = [Decimal(str(base)) * (100 + percent) / 100 for percent in range(11)]
    return [int(price.quantize(Decimal("0.01"), ROUND_HALF_UP) * 1_000_000) for price in exact]


def close(one: int, other: int) -> bool:
    return abs(one - other) <= 2 * CENT


@st.composite
def crowded(draw: DrawFn) -> tuple[Usdt, frozenset[Usdt]]:
    """A base, and amounts that were taken beside its candidates: often beside the first few of them all."""
    base = draw(BASES)
    prices = eleven(base)
    offsets = st.integers(-3, 3).map(lambda count: count * CENT)
    nearby = st.sampled_from([-2, -1, 0, 1, 2]).map(lambda count: count * CENT)
    first = draw(st.integers(0, 11))
    taken = {Usdt(price + draw(nearby)) for price in prices[:first]}
    taken |= {Usdt(draw(st.sampled_from(prices)) + draw(offsets)) for _ in range(draw(st.integers(0, 3)))}
    return base, frozenset(taken)


Crowd = tuple[Usdt, frozenset[Usdt]]


@given(crowded())
def test_the_price_is_the_first_candidate_that_is_free(crowd: Crowd) -> None:
    base, taken = crowd
    prices = eleven(base)
    free = [n for n, price in enumerate(prices) if not any(close(price, t.micros) for t in taken)]
    expected = (
        Quote(amount=Usdt(prices[free[0]]), hits=free[0]) if free else Quote(amount=Usdt(prices[10]), hits=11)
    )
    assert quote(base, taken) == expected


@given(crowded())
def test_a_price_is_never_more_than_a_tenth_above_and_below_the_cap_it_is_unique(crowd: Crowd) -> None:
    base, taken = crowd
    price = quote(base, taken)
    assert base <= price.amount <= Usdt(eleven(base)[10])
    assert price.amount.is_whole_cents
    assert 0 <= price.hits <= 11
    if price.hits <= 10:
        assert all(abs(price.amount.micros - t.micros) > 2 * CENT for t in taken)


@given(BASES, st.integers(2, 15))
def test_equal_orders_of_one_moment_get_prices_of_their_own(base: Usdt, count: int) -> None:
    window, placed = PriceWindow(), list[Quote]()
    for _ in range(count):
        placed.append(quote(base, window.taken(NOON)))
        window.take(placed[-1].amount, NOON)
    unique = [price.amount.micros for price in placed if price.hits <= 10]
    assert all(not close(a, b) for n, a in enumerate(unique) for b in unique[:n])
    assert [p.hits for p in placed] == sorted(p.hits for p in placed)


@given(crowded(), st.frozensets(cents(max_value=Usdt.of(3_000)), max_size=20))
def test_what_is_looked_up_beforehand_is_all_that_matters(crowd: Crowd, more: AbstractSet[Usdt]) -> None:
    base, taken = crowd
    everything = taken | more
    assert quote(base, everything & pricing.amounts_that_matter(base)) == quote(base, everything)


@given(crowded(), st.data())
def test_a_website_order_takes_an_amount_that_can_be_reserved(crowd: Crowd, data: st.DataObject) -> None:
    base, taken = crowd
    prices = eleven(base)
    rungs = list(range(base.micros + 3 * CENT, prices[10] + 1, 3 * CENT))
    reserved = set(data.draw(st.sampled_from([[], prices[:5], prices])))
    reserved |= set(
        rungs[
            : data.draw(
                st.integers(0, min(len(rungs), 5)) | st.sampled_from([len(rungs), max(len(rungs) - 1, 0)])
            )
        ]
    )
    hit = [price in reserved or any(close(price, t.micros) for t in taken) for price in prices]
    found = website_quote(base, taken, lambda amount: amount.micros not in reserved)
    if not all(hit):
        assert found == Quote(amount=Usdt(prices[hit.index(False)]), hits=hit.index(False))
        return
    left = [rung for rung in rungs if rung not in reserved]
    assert found == (Quote(amount=Usdt(left[0]), hits=11) if left else None)


@given(amounts(min_value=Usdt(1), max_value=Usdt.of(500)), st.integers(1, 10_000))
@example(Usdt.of("0.005"), 1)
@example(Usdt.of("0.0001"), 1)
def test_the_base_is_unit_price_times_quantity_to_the_cent_and_never_nothing(
    unit: Usdt, quantity: int
) -> None:
    exact = Decimal(str(unit)) * quantity
    rounded = exact.quantize(Decimal("0.01"), ROUND_HALF_UP)
    assert Decimal(str(base_price(unit, quantity))) == max(rounded, Decimal("0.01"))


@given(around(NOON, NOON + QUARTER))
@example(NOON + QUARTER)
@example(NOON + QUARTER - timedelta.resolution)
def test_an_amount_is_forgotten_after_exactly_a_quarter_of_an_hour(now: datetime) -> None:
    window = PriceWindow()
    window.take(Usdt.of(10), NOON)
    assert (Usdt.of(10) in window.taken(now)) == (now < NOON + QUARTER)


ACTS = st.tuples(st.sampled_from(["take", "take", "release", "look"]), st.integers(0, 2), st.integers(0, 3))


@given(st.lists(ACTS, max_size=25))
def test_the_window_remembers_what_a_plain_list_would(acts: list[tuple[str, int, int]]) -> None:
    window, diary, now = PriceWindow(), list[tuple[Usdt, datetime]](), NOON
    for act, which, wait in acts:
        now += wait * timedelta(minutes=5)
        entry = (Usdt.of(10 + which), now - wait * timedelta(minutes=2))
        match act:
            case "take":
                window.take(Usdt.of(10 + which), now)
                diary.append((Usdt.of(10 + which), now))
            case "release":
                entry = diary[which % len(diary)] if diary else entry
                window.release(*entry)
                if entry in diary:
                    diary.remove(entry)
            case _:
                assert window.taken(now) == {amount for amount, at in diary if now - at < QUARTER}


def test_the_window_takes_whole_cents_only() -> None:
    with pytest.raises(InvalidValue, match="whole cents"):
        PriceWindow().take(Usdt.of("10.005"), NOON)
