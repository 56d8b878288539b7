"""Deposits, and the claims, reservations and top-ups that may await them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

from hypothesis import strategies as st
from hypothesis.strategies import DrawFn, SearchStrategy

from ytmarket.domain.deposits import Deposit
from ytmarket.domain.ids import AccountId, DepositId, OrderId, ReservationId, TopupId
from ytmarket.domain.matching import Claim
from ytmarket.domain.money import Usdt
from ytmarket.domain.networks import Network
from ytmarket.domain.reservations import Payer, Purpose, Reservation
from ytmarket.domain.topups import Topup, TopupStatus
from ytmarket.testing.strategies.amounts import NOON, amounts, cents, moments, neighbours, networks

_BAND: Final = 10_000
_ANY_NETWORK: Final = networks()
_ANY_AMOUNT: Final = amounts()
_ASKED: Final = cents(min_value=Usdt.of(1))
_ANY_STATUS: Final = st.sampled_from(TopupStatus)
_WHOLE: Final = moments(whole_seconds=True)
_LIFETIMES: Final = st.sampled_from([timedelta(minutes=15), timedelta(hours=1)])


@st.composite
def deposits(
    draw: DrawFn,
    *,
    network: SearchStrategy[Network] = _ANY_NETWORK,
    amount: SearchStrategy[Usdt] = _ANY_AMOUNT,
    at: SearchStrategy[datetime] = _WHOLE,
) -> Deposit:
    """Final transfers. Raw amounts of more than six decimals carry digits that are floored away."""
    chain = draw(network)
    decimals = chain.facts.decimals
    micro = 10 ** (decimals - 6)
    rest = draw(st.sampled_from([0, micro - 1]) | st.integers(0, micro - 1))
    height = draw(st.integers(1, 99))
    return Deposit(
        network=chain,
        tx_hash=draw(st.sampled_from(["a1", "b2", "c3"])),
        event_index=draw(st.integers(0, 2)),
        sender=draw(st.none() | st.just("sender")),
        recipient="wallet",
        raw=draw(amount).micros * micro + rest,
        decimals=decimals,
        height=height,
        block_ref=f"block-{height}",
        at=draw(at),
    )


def payers() -> SearchStrategy[Payer]:
    """A few accounts that top up, and a few website orders."""
    return st.builds(Payer, st.sampled_from(Purpose), st.integers(1, 3))


_ANYBODY: Final = payers()


@st.composite
def claims(
    draw: DrawFn,
    *,
    network: SearchStrategy[Network] = _ANY_NETWORK,
    amount: SearchStrategy[Usdt] = _ASKED,
    payer: SearchStrategy[Payer] = _ANYBODY,
    starts_at: SearchStrategy[datetime] = _WHOLE,
) -> Claim:
    """Payments that are awaited, were paid, or were closed unpaid."""
    who = draw(payer)
    number = draw(st.integers(1, 9))
    start = draw(starts_at)
    end = start + draw(_LIFETIMES)
    pending, paid = draw(st.sampled_from([(True, False)] * 3 + [(False, True), (False, False)]))
    kept = timedelta(0) if paid else draw(st.sampled_from([timedelta(0), timedelta(hours=23)]))
    return Claim(
        payer=who,
        ref=OrderId(number) if who.purpose is Purpose.WEBSITE_ORDER else TopupId(f"topup-{number}"),
        network=draw(network),
        amount=draw(amount),
        starts_at=start,
        expires_at=end,
        reserved_until=end + kept,
        pending=pending,
        paid=paid,
        reservation_id=ReservationId(number),
    )


@st.composite
def arrivals(draw: DrawFn) -> tuple[Deposit, Sequence[Claim]]:
    """A deposit, and claims crowded around its amount and its time: most tests of matching need both.

    The claims' bands may overlap, as an application's may that keeps no reservations.
    """
    centre = draw(st.sampled_from([Usdt.of("0.99"), Usdt.of(100)]) | cents(min_value=Usdt.of(1)))
    ties = st.sampled_from([centre, centre, centre - Usdt(_BAND), centre + Usdt(_BAND)])
    chain, amount, starts_at = st.just(Network.TRON), ties, st.just(NOON)
    if draw(st.booleans()):  # not a contest between equals, but the edges of everything
        chain = st.sampled_from([Network.TRON, Network.TRON, Network.TRON, Network.BSC])
        far = st.sampled_from([centre - Usdt.of("0.5"), centre + Usdt.of(3)])
        amount = ties | neighbours(centre) | far
        starts_at = st.sampled_from([NOON, NOON + timedelta(seconds=1), NOON + timedelta(hours=1)])
    crowd = draw(
        st.lists(
            claims(network=chain, amount=amount, starts_at=starts_at),
            min_size=draw(st.sampled_from([0, 2, 3, 4])),
            max_size=6,
            unique_by=lambda claim: claim.ref,
        )
    )
    aim = draw(st.sampled_from(crowd)) if crowd else None
    second, minute, month = timedelta(seconds=1), timedelta(minutes=1), timedelta(days=30)
    moment = aim.starts_at + minute if aim else NOON
    if aim and draw(st.booleans()):
        edge = draw(
            st.sampled_from([aim.starts_at, aim.expires_at, aim.reserved_until, aim.expires_at + month])
        )
        moment = edge + draw(st.sampled_from([0, 1, -1])) * second
    return draw(deposits(network=chain, amount=ties | neighbours(centre), at=st.just(moment))), crowd


@st.composite
def reservations(
    draw: DrawFn,
    *,
    network: SearchStrategy[Network] = _ANY_NETWORK,
    amount: SearchStrategy[Usdt] = _ASKED,
    starts_at: SearchStrategy[datetime] = _WHOLE,
) -> Reservation:
    """Bands of amounts, each held by one payer for a while."""
    start = draw(starts_at)
    return Reservation(
        id=ReservationId(draw(st.integers(1, 99))),
        network=draw(network),
        amount=draw(amount),
        payer=draw(payers()),
        starts_at=start,
        ends_at=start + draw(_LIFETIMES),
    )


@st.composite
def disjoint_reservations(draw: DrawFn, *, max_size: int = 8) -> Sequence[Reservation]:
    """Reservations crowded into a few cents and two hours, of which no two overlap."""
    centre = draw(cents(min_value=Usdt.of(1)))
    crowded = reservations(
        network=st.sampled_from([Network.TRON, Network.BSC]),
        amount=st.integers(0, 12).map(lambda count: centre + Usdt(count * _BAND)),
    )
    kept: list[Reservation] = []
    for one in draw(st.lists(crowded, max_size=3 * max_size)):
        if len(kept) < max_size and not any(_overlap(one, other) for other in kept):
            kept.append(one)
    return kept


def _overlap(one: Reservation, other: Reservation) -> bool:
    return (
        one.network == other.network
        and abs(one.amount.micros - other.amount.micros) <= 2 * _BAND
        and max(one.starts_at, other.starts_at) < min(one.ends_at, other.ends_at)
    )


@st.composite
def topups(
    draw: DrawFn,
    *,
    network: SearchStrategy[Network] = _ANY_NETWORK,
    status: SearchStrategy[TopupStatus] = _ANY_STATUS,
    created_at: SearchStrategy[datetime] = _WHOLE,
) -> Topup:
    """Top-ups of one hour, in any state; credited ones name their deposit."""
    chain, created = draw(network), draw(created_at)
    number = draw(st.integers(1, 99))
    requested = draw(cents(min_value=Usdt.of(1)))
    state = draw(status)
    return Topup(
        id=TopupId(f"topup-{number}"),
        account_id=AccountId(draw(st.integers(1, 3))),
        reservation_id=ReservationId(number),
        network=chain,
        address="wallet",
        requested=requested,
        amount=requested + Usdt(draw(st.integers(0, 33)) * 3 * _BAND),
        created_at=created,
        starts_at=created - chain.facts.start_skew,
        expires_at=created + timedelta(hours=1),
        status=state,
        deposit_id=DepositId(number) if state.startswith("credited") else None,
    )
