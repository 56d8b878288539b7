"""An unmatched deposit is told the first reason that fits: compared with the rule written out by hand."""

from collections.abc import Sequence
from datetime import timedelta

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ytmarket.domain import (
    Claim,
    Deposit,
    Network,
    TopupId,
    Unmatched,
    UnmatchedReason,
    Usdt,
    explain,
    match_deposit,
)
from ytmarket.testing.strategies import amounts, arrivals, claims, deposits

Arrival = tuple[Deposit, Sequence[Claim]]
DAY = timedelta(days=1)


def near(deposit: Deposit, claim: Claim) -> bool:
    return abs(claim.amount.micros - deposit.amount.micros) <= 10_000


def live(deposit: Deposit, claim: Claim) -> bool:
    return claim.starts_at <= deposit.at < claim.reserved_until


def ended(deposit: Deposit, claim: Claim) -> bool:
    if claim.expires_at + 30 * DAY < deposit.at:
        return False
    over = claim.expires_at <= deposit.at
    called_off = not claim.pending and not claim.paid and claim.starts_at <= deposit.at
    return over or called_off


def reference(deposit: Deposit, known: Sequence[Claim]) -> tuple[str, list[Claim]]:
    """The reason, and the claims that speak for it: the rule's sentences, one after the other."""
    standing = [c for c in known if c.network == deposit.network and live(deposit, c)]
    if deposit.amount.micros < 990_000:
        return "dust", standing
    near_here = [c for c in known if c.network == deposit.network and near(deposit, c)]
    near_elsewhere = [c for c in known if c.network != deposit.network and near(deposit, c)]
    for reason, speaking in {
        "already_credited": [c for c in near_here if c.paid and live(deposit, c)],
        "expired": [c for c in near_here if ended(deposit, c)],
        "wrong_network": [c for c in near_elsewhere if live(deposit, c)],
    }.items():
        if speaking:
            return reason, speaking
    return side(deposit, standing), standing


def side(deposit: Deposit, standing: Sequence[Claim]) -> str:
    """Where the nearest live one lies; both sides are right when they are equally near and old."""
    gaps = [(abs(c.amount.micros - deposit.amount.micros), c) for c in standing]
    nearest = min((gap for gap, _ in gaps), default=0)
    if nearest <= 10_000:
        return "no_such_amount"
    equals = [c for gap, c in gaps if gap == nearest]
    newest = max(c.starts_at for c in equals)
    return "/".join(
        {"under" if c.amount > deposit.amount else "over" for c in equals if c.starts_at == newest}
    )


@given(arrivals())
def test_the_reason_is_the_first_that_fits(arrival: Arrival) -> None:
    deposit, known = arrival
    found = match_deposit(deposit, known)
    if not isinstance(found, Unmatched):
        return
    reason, speaking = reference(deposit, known)
    assert found.reason in reason.split("/")
    if found.candidate is None:
        assert speaking == []
        return
    assert found.candidate in speaking
    rivals = [(claim.distance(deposit.amount), claim.starts_at) for claim in speaking]
    nearest = min(distance for distance, _ in rivals)
    assert found.candidate.distance(deposit.amount) == nearest
    assert found.candidate.starts_at == max(start for distance, start in rivals if distance == nearest)


plain = deposits(network=st.just(Network.TRON), amount=amounts(min_value=Usdt.of(2)))


def beside(deposit: Deposit, claim: Claim, **changes: object) -> Claim:
    """The claim, for this deposit's amount and open when it came, but for the changes."""
    start = deposit.at - timedelta(minutes=5)
    same = attrs.evolve(
        claim,
        network=deposit.network,
        amount=deposit.amount,
        starts_at=start,
        expires_at=start + DAY,
        reserved_until=start + DAY,
        pending=True,
        paid=False,
    )
    return attrs.evolve(same, **changes)  # type: ignore[arg-type] # the names of the claim's own fields


def reason_for(deposit: Deposit, *known: Claim) -> UnmatchedReason:
    found = match_deposit(deposit, known)
    assert isinstance(found, Unmatched)
    return found.reason


@given(plain, claims())
def test_an_ended_claim_explains_a_deposit_for_thirty_days(deposit: Deposit, claim: Claim) -> None:
    second = timedelta(seconds=1)
    for late, reason in [
        (timedelta(0), UnmatchedReason.EXPIRED),
        (30 * DAY, UnmatchedReason.EXPIRED),
        (30 * DAY + second, UnmatchedReason.NO_SUCH_AMOUNT),
    ]:
        end = deposit.at - late
        old = beside(deposit, claim, starts_at=end - DAY, expires_at=end, reserved_until=end)
        assert reason_for(deposit, old) is reason


@given(plain, claims())
def test_a_claim_called_off_before_its_time_explains_a_deposit_too(deposit: Deposit, claim: Claim) -> None:
    cancelled = beside(deposit, claim, pending=False)
    assert reason_for(deposit, cancelled) is UnmatchedReason.EXPIRED
    not_yet = beside(deposit, claim, pending=False, starts_at=deposit.at + timedelta(seconds=1))
    assert reason_for(deposit, not_yet) is UnmatchedReason.NO_SUCH_AMOUNT


@given(plain, claims())
def test_each_reason_gives_way_to_those_before_it(deposit: Deposit, claim: Claim) -> None:
    paid = beside(deposit, claim, pending=False, paid=True)
    late = beside(deposit, claim, expires_at=deposit.at)
    stray = beside(deposit, claim, network=Network.TON)
    above = beside(deposit, claim, amount=deposit.amount + Usdt.of("0.011"))
    below = beside(deposit, claim, amount=deposit.amount - Usdt.of("0.012"))
    assert reason_for(deposit, below, above, stray, late, paid) is UnmatchedReason.ALREADY_CREDITED
    assert reason_for(deposit, below, above, stray, late) is UnmatchedReason.EXPIRED
    assert reason_for(deposit, below, above, stray) is UnmatchedReason.WRONG_NETWORK
    assert reason_for(deposit, below, above) is UnmatchedReason.UNDER
    assert reason_for(deposit, below) is UnmatchedReason.OVER
    assert reason_for(deposit) is UnmatchedReason.NO_SUCH_AMOUNT


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("0.000001", UnmatchedReason.DUST),
        ("0.989999", UnmatchedReason.DUST),
        ("0.99", UnmatchedReason.ALREADY_CREDITED),
    ],
)
@given(st.data())
def test_dust_begins_below_ninety_nine_cents(
    text: str, expected: UnmatchedReason, data: st.DataObject
) -> None:
    deposit = data.draw(deposits(amount=st.just(Usdt.of(text))))
    claim = beside(deposit, data.draw(claims()), pending=False, paid=True)
    assert explain(deposit, [claim]) == Unmatched(reason=expected, candidate=claim)


@given(plain, claims(), st.permutations([1, 2, 3]))
def test_of_equally_near_candidates_the_newest_is_named(
    deposit: Deposit, claim: Claim, ages: list[int]
) -> None:
    paid = beside(deposit, claim, pending=False, paid=True)
    known = [
        attrs.evolve(paid, ref=TopupId(f"t{age}"), starts_at=deposit.at - timedelta(minutes=age))
        for age in ages
    ]
    found = explain(deposit, known)
    assert found == Unmatched(reason=UnmatchedReason.ALREADY_CREDITED, candidate=known[ages.index(1)])


@given(plain, claims())
def test_an_amount_in_quarantine_still_explains_what_misses_it(deposit: Deposit, claim: Claim) -> None:
    second, hour = timedelta(seconds=1), timedelta(hours=1)
    for left, stray_reason, missed_reason in [
        (second, UnmatchedReason.WRONG_NETWORK, UnmatchedReason.UNDER),
        (timedelta(0), UnmatchedReason.NO_SUCH_AMOUNT, UnmatchedReason.NO_SUCH_AMOUNT),
    ]:
        kept = beside(deposit, claim, expires_at=deposit.at - hour, reserved_until=deposit.at + left)
        kept = attrs.evolve(kept, starts_at=deposit.at - 2 * hour, pending=False)
        assert reason_for(deposit, attrs.evolve(kept, network=Network.TON)) is stray_reason
        assert reason_for(deposit, attrs.evolve(kept, amount=deposit.amount + Usdt.of(2))) is missed_reason
