"""A top-up is open for an hour of whole seconds, and keeps its amount for as long as it is owed to it."""

from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ytmarket.domain import (
    InvalidRequest,
    Network,
    TooManyOpenTopups,
    TooManyUnpaidTopups,
    Topup,
    TopupStatus,
    TopupTerms,
    TopupTimes,
    Usdt,
    topups,
)
from ytmarket.testing.strategies import NOON, amounts, moments, networks
from ytmarket.testing.strategies import cents as whole_cents
from ytmarket.testing.strategies import topups as any_topups

SECOND = timedelta(seconds=1)
HOUR = timedelta(hours=1)
CREDITED = {TopupStatus.CREDITED_AUTO, TopupStatus.CREDITED_MANUAL}
SPANS = st.integers(1, 100_000).map(lambda seconds: timedelta(seconds=seconds))


@given(networks(), moments())
def test_the_times_of_a_top_up_are_whole_seconds_and_open_a_little_early(
    network: Network, now: datetime
) -> None:
    times = TopupTimes.of(network, TopupTerms(), now)
    early = 15 if network in {"usdt_solana", "usdt_ton"} else 5
    assert times.created_at.microsecond == 0
    assert timedelta(0) <= now - times.created_at < SECOND
    assert times.created_at - times.starts_at == early * SECOND
    assert times.expires_at - times.created_at == HOUR
    assert times.reserved_until - times.created_at == 24 * HOUR


@given(networks(), moments(), SPANS, SPANS)
def test_an_amount_stays_reserved_at_least_as_long_as_it_can_be_paid(
    network: Network, now: datetime, lifetime: timedelta, quarantine: timedelta
) -> None:
    times = TopupTimes.of(network, TopupTerms(lifetime=lifetime, quarantine=quarantine), now)
    assert times.expires_at - times.created_at == lifetime
    assert times.reserved_until - times.created_at == max(quarantine, lifetime)


@given(any_topups())
def test_a_payment_counts_from_the_first_second_until_just_before_the_last(topup: Topup) -> None:
    for at, holds in [
        (topup.starts_at - SECOND, False),
        (topup.starts_at, True),
        (topup.expires_at - SECOND, True),
        (topup.expires_at, False),
    ]:
        assert topup.holds(at) is holds


@given(st.lists(any_topups(), min_size=1, max_size=4))
def test_a_reservation_lasts_as_long_as_the_most_patient_of_its_top_ups(shared: list[Topup]) -> None:
    ends = []
    for topup in shared:
        if topup.status in CREDITED:
            ends.append(topup.expires_at)
        else:
            ends.append(topup.created_at + 24 * HOUR)
    assert topups.reserved_until(shared, TopupTerms()) == max(ends)
    short = TopupTerms(quarantine=timedelta(0))
    assert topups.reserved_until(shared, short) == max(topup.expires_at for topup in shared)


@given(
    st.lists(
        any_topups(created_at=st.sampled_from([NOON, NOON + SECOND, NOON + HOUR])),
        max_size=5,
        unique_by=lambda t: t.id,
    ),
    st.sampled_from([NOON - 15 * SECOND, NOON, NOON + HOUR - SECOND, NOON + HOUR, NOON + 2 * HOUR]),
)
def test_of_those_that_share_an_amount_the_oldest_pending_is_paid(shared: list[Topup], at: datetime) -> None:
    waiting = [t for t in shared if t.status == "pending" and t.starts_at <= at < t.expires_at]
    paid = topups.payable(shared, at)
    if paid is None:
        assert waiting == []
    else:
        assert paid in waiting
        assert paid.created_at == min(t.created_at for t in waiting)
        assert topups.payable(list(reversed(shared)), at) == paid


@given(amounts(max_value=Usdt.of(100_001)) | st.sampled_from([Usdt.of(1), Usdt.of("0.99"), Usdt.of(100_000)]))
def test_what_may_be_asked_for(amount: Usdt) -> None:
    fine = 1_000_000 <= amount.micros <= 100_000_000_000 and amount.micros % 10_000 == 0
    if fine:
        topups.check_amount(amount)
    else:
        with pytest.raises(InvalidRequest) as refused:
            topups.check_amount(amount)
        assert refused.value.pointer == "/amount_usdt"


@given(st.integers(0, 25), st.integers(0, 25), st.integers(1, 22), st.integers(1, 22))
def test_an_account_holds_so_many_top_ups_and_no_more(
    opened: int, unpaid: int, most: int, most_unpaid: int
) -> None:
    terms = TopupTerms(max_open=most, max_unpaid=most_unpaid)

    def ask() -> None:
        topups.check_room(open_topups=opened, terms=terms)
        topups.check_reservations(unpaid=unpaid, terms=terms)

    if opened >= most:
        with pytest.raises(TooManyOpenTopups) as full:
            ask()
        assert full.value.limit == most
    elif unpaid >= most_unpaid:
        with pytest.raises(TooManyUnpaidTopups) as stuck:
            ask()
        assert stuck.value.limit == most_unpaid
    else:
        ask()


@given(whole_cents(min_value=Usdt.of(1)), st.data())
def test_tags_are_all_amounts_less_than_a_usdt_above_that_are_own_or_free(
    asked: Usdt, data: st.DataObject
) -> None:
    near = st.lists(st.integers(-2, 102).map(lambda cents: asked + Usdt.cents(cents)), max_size=40)
    own, others = data.draw(near, label="own"), data.draw(near, label="others")
    tagged = topups.tagged(asked, own=own, others=others)
    for cents in range(-2, 103):
        amount = asked + Usdt.cents(cents)
        fits = amount in own or all(abs(amount - held) > Usdt.of("0.02") for held in own + others)
        assert (amount in tagged) is (fits and 0 < cents < 100)
    assert len(set(tagged)) == len(tagged)
