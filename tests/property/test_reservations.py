"""Two live reservations never share an amount that could arrive, and a new one finds a free place nearby."""

from collections.abc import Sequence
from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st
from hypothesis.strategies import DrawFn

from ytmarket.domain import Reservation, Usdt, choose_amount, within_tolerance
from ytmarket.domain.reservations import ladder, touches
from ytmarket.testing.strategies import (
    NOON,
    amounts,
    around,
    cents,
    disjoint_reservations,
    neighbours,
    reservations,
)

CENT = 10_000
CROWDED = reservations(
    amount=st.integers(0, 4).map(lambda count: Usdt.of(100) + Usdt.cents(count)),
    starts_at=st.sampled_from([NOON, NOON + timedelta(minutes=15), NOON + timedelta(hours=1)]),
)


@st.composite
def shelves_of_amounts(draw: DrawFn) -> tuple[Usdt, list[Usdt], list[Usdt]]:
    """An amount asked for, and the payer's own and others' amounts on and between the rungs above it."""
    asked = draw(cents(min_value=Usdt.of(1), max_value=Usdt.of(1_000)))
    blocked = draw(st.integers(0, 34))
    others = [asked + Usdt(3 * CENT * rung + draw(st.integers(-2, 2)) * CENT) for rung in range(blocked)]
    rungs = st.integers(0, 34).map(lambda rung: asked + Usdt(3 * CENT * rung))
    stray = st.integers(-3, 110).map(lambda count: asked + Usdt.cents(count))
    return asked, draw(st.lists(rungs | stray, max_size=2)), others + draw(st.lists(stray, max_size=3))


@given(shelves_of_amounts())
def test_the_amount_chosen_is_the_first_rung_that_is_own_or_free(
    shelf: tuple[Usdt, list[Usdt], list[Usdt]],
) -> None:
    asked, own, others = shelf
    rungs = [asked.micros + 30_000 * step for step in range(34)]
    held = [amount.micros for amount in own + others]
    fit = [r for r in rungs if Usdt(r) in own or all(abs(r - taken) > 20_000 for taken in held)]
    assert choose_amount(asked, own=own, others=others) == (Usdt(fit[0]) if fit else None)


@given(shelves_of_amounts())
def test_the_amount_chosen_never_overlaps_anothers_and_is_at_most_one_usdt_up(
    shelf: tuple[Usdt, list[Usdt], list[Usdt]],
) -> None:
    asked, own, others = shelf
    # Others' bands cannot overlap one's own: the store refuses it. So they do not here.
    others = [theirs for theirs in others if all(abs(theirs - mine) > Usdt.of("0.02") for mine in own)]
    chosen = choose_amount(asked, own=own, others=others)
    if chosen is None:
        assert len(others) + len(own) >= 17  # each held amount blocks at most two rungs of 34
        return
    assert asked <= chosen <= asked + Usdt.of(1)
    assert all(abs(chosen - theirs) > Usdt.of("0.02") for theirs in others)


@given(cents(min_value=Usdt.of(1)), st.lists(cents(), max_size=3))
def test_a_payers_own_amount_is_shared(asked: Usdt, others: list[Usdt]) -> None:
    assert choose_amount(asked, own=[asked], others=others) == asked


@given(cents(min_value=Usdt.of(1)))
def test_the_ladder_has_thirty_four_rungs_of_three_cents(asked: Usdt) -> None:
    assert [amount.micros for amount in ladder(asked)] == [asked.micros + 30_000 * step for step in range(34)]
    assert list(ladder(asked, Usdt(0))) == [asked]


@given(amounts(min_value=Usdt.of(1)), st.data())
def test_bands_touch_when_one_amount_lies_in_both(one: Usdt, data: st.DataObject) -> None:
    other = data.draw(neighbours(one))
    middle = Usdt((one.micros + other.micros) // 2)
    assert touches(one, other) == touches(other, one)
    assert touches(one, other) == (within_tolerance(middle, one) and within_tolerance(middle, other))
    assert within_tolerance(one, other) == (-CENT <= one.micros - other.micros <= CENT)


@given(CROWDED, CROWDED)
def test_reservations_overlap_when_one_payment_could_be_meant_by_both(
    one: Reservation, other: Reservation
) -> None:
    middle = Usdt((one.amount.micros + other.amount.micros) // 2)
    shared = [
        at
        for at in (one.starts_at, other.starts_at)
        if all(r.is_live(at) and within_tolerance(middle, r.amount) for r in (one, other))
    ]
    assert one.overlaps(other) == other.overlaps(one) == (bool(shared) and one.network == other.network)


@given(reservations(), st.data())
def test_a_reservation_lives_from_its_start_until_just_before_its_end(
    one: Reservation, data: st.DataObject
) -> None:
    at = data.draw(around(one.starts_at, one.ends_at))
    assert one.is_live(at) == (one.starts_at <= at and not at >= one.ends_at)


@given(disjoint_reservations())
def test_disjoint_reservations_are_what_they_are_called(held: Sequence[Reservation]) -> None:
    assert not any(one.overlaps(other) for one in held for other in held if one is not other)
