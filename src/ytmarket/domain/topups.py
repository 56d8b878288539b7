"""Top-ups: a customer says which amount it will send, and has an hour to send it."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from enum import StrEnum

import attrs

from ytmarket.domain import limits
from ytmarket.domain.deposits import Deposit
from ytmarket.domain.errors import (
    InvalidRequest,
    TooManyOpenTopups,
    TooManyUnpaidTopups,
)
from ytmarket.domain.ids import AccountId, DepositId, ReservationId, TopupId
from ytmarket.domain.money import CENT, Usdt
from ytmarket.domain.networks import Network, WalletFamily
from ytmarket.domain.reservations import may_take
from ytmarket.domain.times import epoch_seconds, whole_second


class TopupStatus(StrEnum):
    """`expired` is final: a later payment is credited by hand, never turned back."""

    PENDING = "pending"
    CREDITED_AUTO = "credited_auto"
    CREDITED_MANUAL = "credited_manual"
    EXPIRED = "expired"


@attrs.frozen(kw_only=True)
class TopupTerms:
    """How long top-ups and their reservations live, and how many one account may hold.

    *skews* replace what the networks of a family have by themselves.
    """

    lifetime: timedelta = timedelta(hours=1)
    quarantine: timedelta = timedelta(hours=24)
    max_open: int = 20
    max_unpaid: int = 20
    tags: bool = False
    skews: Mapping[WalletFamily, timedelta] = attrs.field(factory=dict, hash=False)

    def skew_of(self, network: Network) -> timedelta:
        """How much earlier than its making a top-up begins, as chain clocks may run behind ours."""
        return self.skews.get(network.facts.family, network.facts.start_skew)


@attrs.frozen(kw_only=True)
class Topup:
    """A payment awaited from one account: `amount` is what must be sent, to the micro."""

    id: TopupId
    account_id: AccountId
    reservation_id: ReservationId
    network: Network
    address: str
    requested: Usdt
    amount: Usdt
    created_at: datetime
    starts_at: datetime
    expires_at: datetime
    status: TopupStatus = TopupStatus.PENDING
    deposit_id: DepositId | None = None

    def holds(self, at: datetime) -> bool:
        """Whether a payment of that time can be for this top-up."""
        return self.starts_at <= at < self.expires_at

    @property
    def is_credited(self) -> bool:
        return self.status in (TopupStatus.CREDITED_AUTO, TopupStatus.CREDITED_MANUAL)


@attrs.frozen(kw_only=True)
class TopupTimes:
    """When a top-up made now begins and ends, and until when its amount stays reserved."""

    created_at: datetime
    starts_at: datetime
    expires_at: datetime
    reserved_until: datetime

    @classmethod
    def of(cls, network: Network, terms: TopupTerms, now: datetime) -> TopupTimes:
        """Whole seconds, the start rounded down, as chains count."""
        created = whole_second(now)
        return cls(
            created_at=created,
            starts_at=whole_second(created - terms.skew_of(network)),
            expires_at=created + terms.lifetime,
            reserved_until=created + max(terms.quarantine, terms.lifetime),
        )


def reserved_until(topups: Iterable[Topup], terms: TopupTerms) -> datetime:
    """Until when the reservation that these top-ups share must stay closed to other payers.

    Each keeps it until its end, whatever lifetime it was made with, and an unpaid one through its
    quarantine as well. At least one top-up is needed.
    """
    return max(
        topup.expires_at if topup.is_credited else max(topup.expires_at, topup.created_at + terms.quarantine)
        for topup in topups
    )


def check_amount(amount: Usdt) -> None:
    """Raises `InvalidRequest` unless this can be asked for: 1 to 100,000 USDT in whole cents."""
    problem = None
    if not limits.TOPUP_MIN <= amount <= limits.TOPUP_MAX:
        problem = f"must be from {limits.TOPUP_MIN} to {limits.TOPUP_MAX} USDT"
    elif not amount.is_whole_cents:
        problem = "must have at most two decimals"
    if problem is not None:
        raise InvalidRequest(pointer="/amount_usdt", problem=problem)


def check_room(*, open_topups: int, terms: TopupTerms) -> None:
    """Whether the account may open one more."""
    if open_topups >= terms.max_open:
        raise TooManyOpenTopups(limit=terms.max_open)


def check_reservations(*, unpaid: int, terms: TopupTerms) -> None:
    """Whether the account may reserve another amount: *unpaid* are in quarantine without an open top-up."""
    if unpaid >= terms.max_unpaid:
        raise TooManyUnpaidTopups(limit=terms.max_unpaid)


def payable(topups: Collection[Topup], at: datetime) -> Topup | None:
    """Of top-ups that share a reservation, the one a payment of that time settles: the oldest."""
    fitting = [t for t in topups if t.status is TopupStatus.PENDING and t.holds(at)]
    return min(fitting, key=lambda t: (t.created_at, t.id), default=None)


def nearest_unpaid(
    topups: Iterable[Topup], deposit: Deposit, *, candidate: TopupId | None = None
) -> Topup | None:
    """Of an account's unpaid top-ups, the one that a deposit is credited to by hand.

    The nearest amount; of equals the *candidate* that matching found, then one on the deposit's own
    network, then the newest.
    """

    def distance(topup: Topup) -> tuple[int, bool, bool, int]:
        off = abs(topup.amount - deposit.amount).micros
        return (
            off,
            topup.id != candidate,
            topup.network is not deposit.network,
            -epoch_seconds(topup.created_at),
        )

    return min(topups, key=distance, default=None)


def tagged(asked: Usdt, *, own: Collection[Usdt], others: Collection[Usdt]) -> Sequence[Usdt]:
    """Of the amount asked for plus 1 to 99 cents, what may be taken, so that a round amount awaits nobody."""
    amounts = [asked + CENT * cents for cents in range(1, 100)]
    return [amount for amount in amounts if may_take(amount, own=own, others=others)]
