"""A deposit goes to whoever its amount and its time name, and to nobody when they name two."""

from collections.abc import Sequence
from datetime import timedelta

import attrs
from hypothesis import given
from hypothesis import strategies as st

from ytmarket.domain import (
    Ambiguous,
    Claim,
    Deposit,
    Matched,
    Network,
    Payer,
    Purpose,
    Reservation,
    Unmatched,
    Usdt,
    match_deposit,
)
from ytmarket.domain.ids import OrderId, TopupId
from ytmarket.testing.strategies import amounts, arrivals, claims, deposits, disjoint_reservations, networks

CENT = 10_000  # micros, written out once more: the tests must not move with the rule
EDGES = st.sampled_from([0, 1, -1, CENT, -CENT, CENT + 1, -CENT - 1, CENT - 1, 1 - CENT, 2 * CENT])
WITHIN = st.sampled_from([0, 1, -1, CENT // 2, -CENT // 2, CENT, -CENT])
HOUR = timedelta(hours=1)
Arrival = tuple[Deposit, Sequence[Claim]]

plain_deposits = deposits(amount=amounts(min_value=Usdt.of(2)))


def awaiting(deposit: Deposit, claim: Claim, off: int = 0) -> Claim:
    """The claim, opened a minute before the deposit, for its amount but for so many micros."""
    start = deposit.at - timedelta(minutes=1)
    return attrs.evolve(
        claim,
        network=deposit.network,
        amount=deposit.amount + Usdt(off),
        starts_at=start,
        expires_at=start + HOUR,
        reserved_until=start + 24 * HOUR,
        pending=True,
        paid=False,
    )


def topup_of(claim: Claim, account: int, ref: str) -> Claim:
    return attrs.evolve(claim, payer=Payer(Purpose.TOPUP, account), ref=TopupId(ref))


def website_order(claim: Claim, order: int) -> Claim:
    return attrs.evolve(claim, payer=Payer(Purpose.WEBSITE_ORDER, order), ref=OrderId(order))


def fits(deposit: Deposit, claim: Claim) -> bool:
    """The rule in whole numbers, told by hand."""
    return (
        claim.network == deposit.network
        and claim.pending
        and -CENT <= deposit.amount.micros - claim.amount.micros <= CENT
        and claim.starts_at <= deposit.at
        and deposit.at < claim.expires_at
    )


@given(plain_deposits, claims(), EDGES)
def test_a_cent_either_way_and_not_a_micro_more(deposit: Deposit, claim: Claim, off: int) -> None:
    claim = awaiting(deposit, claim, off)
    found = match_deposit(deposit, [claim])
    if abs(off) <= CENT:
        assert found == Matched(claim)
    else:
        assert isinstance(found, Unmatched)
        assert found.candidate == claim
        assert found.distance(deposit) == Usdt(abs(off))


@given(plain_deposits, claims())
def test_open_from_its_first_second_until_just_before_its_last(deposit: Deposit, claim: Claim) -> None:
    claim = awaiting(deposit, claim)
    second = timedelta(seconds=1)
    for at, hit in [
        (claim.starts_at - second, False),
        (claim.starts_at, True),
        (claim.expires_at - second, True),
        (claim.expires_at, False),
    ]:
        found = match_deposit(attrs.evolve(deposit, at=at), [claim])
        assert isinstance(found, Matched) == hit


@given(plain_deposits, claims(), networks())
def test_a_deposit_never_crosses_networks(deposit: Deposit, claim: Claim, network: Network) -> None:
    claim = attrs.evolve(awaiting(deposit, claim), network=network)
    assert isinstance(match_deposit(deposit, [claim]), Matched) == (network is deposit.network)


@given(plain_deposits, claims())
def test_what_was_paid_or_closed_is_not_paid_again(deposit: Deposit, claim: Claim) -> None:
    for paid in (True, False):
        closed = attrs.evolve(awaiting(deposit, claim), pending=False, paid=paid)
        assert isinstance(match_deposit(deposit, [closed]), Unmatched)


def claim_on(reservation: Reservation) -> Claim:
    """What its payer would be waiting for while the reservation lives."""
    return Claim(
        payer=reservation.payer,
        ref=TopupId(f"t{reservation.id}"),
        network=reservation.network,
        amount=reservation.amount,
        starts_at=reservation.starts_at,
        expires_at=reservation.ends_at,
        reserved_until=reservation.ends_at,
    )


@given(disjoint_reservations(), st.data())
def test_disjoint_reservations_leave_at_most_one_candidate(
    reserved: Sequence[Reservation], data: st.DataObject
) -> None:
    known = [claim_on(reservation) for reservation in reserved]
    aim = data.draw(st.sampled_from(known)) if known else data.draw(claims())
    deposit = data.draw(
        deposits(
            network=st.just(aim.network),
            amount=EDGES.map(lambda off: aim.amount + Usdt(off)),
            at=st.sampled_from([aim.starts_at, aim.expires_at, aim.expires_at - timedelta(seconds=1)]),
        )
    )
    candidates = [claim for claim in known if fits(deposit, claim)]
    found = match_deposit(deposit, known)
    assert len(candidates) <= 1
    assert ([found.claim] if isinstance(found, Matched) else []) == candidates
    assert not isinstance(found, Ambiguous)


@given(plain_deposits, claims(), st.lists(st.tuples(WITHIN, st.booleans()), min_size=2, max_size=5))
def test_website_orders_come_first_however_near_a_top_up_is(
    deposit: Deposit, claim: Claim, spread: list[tuple[int, bool]]
) -> None:
    known = [
        website_order(awaiting(deposit, claim, off), number)
        if website
        else topup_of(awaiting(deposit, claim, off), number, f"t{number}")
        for number, (off, website) in enumerate(spread)
    ]
    found = match_deposit(deposit, known)
    assert not isinstance(found, Unmatched)
    chosen = found.candidates if isinstance(found, Ambiguous) else (found.claim,)
    websites = any(website for _, website in spread)
    nearest = min(abs(off) for off, website in spread if website == websites)
    for winner in chosen:
        assert (winner.payer.purpose is Purpose.WEBSITE_ORDER) == websites
        assert abs(winner.amount.micros - deposit.amount.micros) == nearest


@given(plain_deposits, claims(), WITHIN, WITHIN)
def test_of_two_payers_the_nearer_and_between_equals_nobody(
    deposit: Deposit, claim: Claim, one: int, other: int
) -> None:
    ann = topup_of(awaiting(deposit, claim, one), 1, "ann")
    bob = topup_of(awaiting(deposit, claim, other), 2, "bob")
    found = match_deposit(deposit, [ann, bob])
    if abs(one) == abs(other):
        assert isinstance(found, Ambiguous)
        assert set(found.candidates) == {ann, bob}
    else:
        assert found == Matched(ann if abs(one) < abs(other) else bob)


@given(plain_deposits, claims(), st.permutations([0, 1, 2]))
def test_of_one_payers_equal_claims_the_oldest(deposit: Deposit, claim: Claim, ages: list[int]) -> None:
    known = [
        attrs.evolve(
            topup_of(awaiting(deposit, claim), 1, f"t{number}"), starts_at=deposit.at - timedelta(seconds=age)
        )
        for number, age in enumerate(ages)
    ]
    assert match_deposit(deposit, known) == Matched(known[ages.index(2)])


@given(arrivals(), st.data())
def test_the_order_of_candidates_is_irrelevant(arrival: Arrival, data: st.DataObject) -> None:
    deposit, known = arrival
    shuffled = data.draw(st.permutations(known))
    assert match_deposit(deposit, shuffled) == match_deposit(deposit, known)


@given(arrivals())
def test_a_match_is_the_only_best_and_ambiguity_names_all_equals(arrival: Arrival) -> None:
    deposit, known = arrival
    ranks = {
        claim.ref: (claim.payer.purpose.value, abs(claim.amount.micros - deposit.amount.micros))
        for claim in known
        if fits(deposit, claim)
    }
    best = {ref for ref, rank in ranks.items() if rank == min(ranks.values())}
    payers = {claim.payer for claim in known if claim.ref in best}
    match match_deposit(deposit, known):
        case Matched(claim):
            assert claim.ref in best
            assert len(payers) == 1
        case Ambiguous(candidates):
            assert {claim.ref for claim in candidates} == best
            assert len(payers) > 1
        case Unmatched():
            assert not ranks
