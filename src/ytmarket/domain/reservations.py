"""Reservations: for a while, a band of amounts on one network belongs to one payer.

All payers send to the same wallet, so the amount tells them apart. A payment may miss its amount by
a cent either way; two live reservations whose bands overlap would make such a payment ambiguous, so
there never are two (the database's exclusion constraint holds this for every process at once).
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from datetime import datetime
from enum import IntEnum
from typing import Final

import attrs

from ytmarket.domain.ids import ReservationId
from ytmarket.domain.money import Usdt
from ytmarket.domain.networks import Network

TOLERANCE: Final = Usdt.of("0.01")
STEP: Final = Usdt.of("0.03")  # the least distance at which two bands do not touch
REACH: Final = Usdt.of(1)  # how far above the amount asked for a free one is looked for


class Purpose(IntEnum):
    """What a payment is for; the lower one takes precedence."""

    WEBSITE_ORDER = 1
    TOPUP = 2


@attrs.frozen(order=True)
class Payer:
    """Whose payment is awaited: an account topping up, or the buyer of one website order."""

    purpose: Purpose
    id: int


@attrs.frozen(kw_only=True)
class Reservation:
    """A band around one exact amount, held from `starts_at` until just before `ends_at`."""

    id: ReservationId
    network: Network
    amount: Usdt
    payer: Payer
    starts_at: datetime
    ends_at: datetime

    def is_live(self, at: datetime) -> bool:
        return self.starts_at <= at < self.ends_at

    def overlaps(self, other: Reservation) -> bool:
        """Whether one payment could be meant by both."""
        return (
            self.network is other.network
            and touches(self.amount, other.amount)
            and self.starts_at < other.ends_at
            and other.starts_at < self.ends_at
        )


def within_tolerance(amount: Usdt, expected: Usdt) -> bool:
    """A cent either way, and not a micro more."""
    return abs(amount - expected) <= TOLERANCE


def touches(one: Usdt, other: Usdt) -> bool:
    """Whether the bands around two amounts share a micro."""
    return abs(one - other) <= TOLERANCE + TOLERANCE


def ladder(asked: Usdt, reach: Usdt = REACH) -> Iterator[Usdt]:
    """The amount asked for, then each step above it within reach."""
    amount = asked
    while amount <= asked + reach:
        yield amount
        amount += STEP


def choose_amount(
    asked: Usdt, *, own: Collection[Usdt], others: Collection[Usdt], reach: Usdt = REACH
) -> Usdt | None:
    """The first amount of the ladder that is the payer's own already, or free.

    *own* and *others* are the amounts of the live reservations nearby. None: all are taken.
    """
    return next((amount for amount in ladder(asked, reach) if may_take(amount, own=own, others=others)), None)


def may_take(amount: Usdt, *, own: Collection[Usdt], others: Collection[Usdt]) -> bool:
    """Whether this very amount is the payer's own already, or its band touches nobody's."""
    return amount in own or not any(touches(amount, taken) for held in (own, others) for taken in held)
