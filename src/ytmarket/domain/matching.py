"""Whose deposit is it? The amount tells; where it does not, the matcher never guesses."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Final, TypeAlias

import attrs

from ytmarket.domain.deposits import DUST, ENDED_LOOKBACK, Deposit, UnmatchedReason
from ytmarket.domain.ids import OrderId, ReservationId, TopupId
from ytmarket.domain.money import Usdt
from ytmarket.domain.networks import Network
from ytmarket.domain.reservations import Payer, Purpose, within_tolerance


@attrs.frozen(kw_only=True)
class Claim:
    """A payment that is, or was, awaited: a top-up or an unpaid website order.

    It is open to deposits with `starts_at` ≤ time < `expires_at`. Until `reserved_until` its amount
    is kept from other payers.
    """

    payer: Payer
    ref: TopupId | OrderId
    network: Network
    amount: Usdt
    starts_at: datetime
    expires_at: datetime
    reserved_until: datetime
    pending: bool = True
    paid: bool = False
    reservation_id: ReservationId | None = None

    def is_open(self, at: datetime) -> bool:
        return self.pending and self.starts_at <= at < self.expires_at

    def is_live(self, at: datetime) -> bool:
        return self.starts_at <= at < self.reserved_until

    def has_ended(self, at: datetime) -> bool:
        """Whether its time was over then, or it was closed unpaid before: cancelled, say."""
        closed = not self.pending and not self.paid and self.starts_at <= at
        return closed or self.expires_at <= at

    def takes(self, amount: Usdt) -> bool:
        return within_tolerance(amount, self.amount)

    def distance(self, amount: Usdt) -> Usdt:
        return abs(amount - self.amount)


@attrs.frozen
class Matched:
    """The deposit settles this claim."""

    claim: Claim


@attrs.frozen(kw_only=True)
class Unmatched:
    """Nobody awaits this deposit. A person decides; here is what it was probably meant for."""

    reason: UnmatchedReason
    candidate: Claim | None = None

    def distance(self, deposit: Deposit) -> Usdt | None:
        return None if self.candidate is None else self.candidate.distance(deposit.amount)


@attrs.frozen
class Ambiguous:
    """More than one payer has the best claim to it, so an operator has to choose."""

    candidates: tuple[Claim, ...]


Match: TypeAlias = Matched | Unmatched | Ambiguous


def match_deposit(deposit: Deposit, claims: Iterable[Claim]) -> Match:
    """Website orders first, then the nearest amount, then a payer's oldest; never a guess.

    Claims of any network, time and state may be given; their order does not matter.
    """
    known = tuple(claims)
    fitting = [
        claim
        for claim in known
        if claim.network is deposit.network and claim.takes(deposit.amount) and claim.is_open(deposit.at)
    ]
    if not fitting:
        return explain(deposit, known)

    def rank(claim: Claim) -> tuple[Purpose, Usdt]:
        return claim.payer.purpose, claim.distance(deposit.amount)

    best_rank = min(map(rank, fitting))
    best = sorted((claim for claim in fitting if rank(claim) == best_rank), key=_age)
    if len({claim.payer for claim in best}) > 1:
        return Ambiguous(tuple(best))
    return Matched(best[0])


def explain(deposit: Deposit, claims: Iterable[Claim]) -> Unmatched:
    """Why nobody gets the deposit: the first reason that fits, with the nearest candidate."""
    known = tuple(claims)
    nearest = _nearest(deposit, known, _live_here(deposit))
    if deposit.amount < DUST:
        return Unmatched(reason=UnmatchedReason.DUST, candidate=nearest)
    for reason, fits in _REASONS:
        candidate = _nearest(deposit, known, fits(deposit))
        if candidate is not None:
            return Unmatched(reason=reason, candidate=candidate)
    if nearest is None or nearest.takes(deposit.amount):
        return Unmatched(reason=UnmatchedReason.NO_SUCH_AMOUNT, candidate=nearest)
    under = deposit.amount < nearest.amount
    return Unmatched(
        reason=UnmatchedReason.UNDER if under else UnmatchedReason.OVER,
        candidate=nearest,
    )


_Filter: TypeAlias = Callable[[Claim], bool]


def _already_credited(deposit: Deposit) -> _Filter:
    return lambda claim: (
        claim.network is deposit.network
        and claim.paid
        and claim.takes(deposit.amount)
        and claim.is_live(deposit.at)
    )


def _expired(deposit: Deposit) -> _Filter:
    oldest = deposit.at - ENDED_LOOKBACK
    return lambda claim: (
        claim.network is deposit.network
        and claim.takes(deposit.amount)
        and oldest <= claim.expires_at
        and claim.has_ended(deposit.at)
    )


def _wrong_network(deposit: Deposit) -> _Filter:
    return lambda claim: (
        claim.network is not deposit.network and claim.takes(deposit.amount) and claim.is_live(deposit.at)
    )


def _live_here(deposit: Deposit) -> _Filter:
    return lambda claim: claim.network is deposit.network and claim.is_live(deposit.at)


_REASONS: Final[tuple[tuple[UnmatchedReason, Callable[[Deposit], _Filter]], ...]] = (
    (UnmatchedReason.ALREADY_CREDITED, _already_credited),
    (UnmatchedReason.EXPIRED, _expired),
    (UnmatchedReason.WRONG_NETWORK, _wrong_network),
)


def _nearest(deposit: Deposit, claims: Iterable[Claim], fits: _Filter) -> Claim | None:
    """Of those that fit, the nearest in amount; of equally near ones the newest."""
    candidates = sorted(filter(fits, claims), key=_age, reverse=True)
    return min(candidates, key=lambda claim: claim.distance(deposit.amount), default=None)


def _age(claim: Claim) -> tuple[datetime, datetime, str, Payer]:
    # All of it, down to the payer, so that no two claims are a tie that their order would decide.
    return claim.starts_at, claim.expires_at, str(claim.ref), claim.payer
