"""Dynamic pricing: equal amounts drift apart, so that payments can be told apart.

A candidate price is *hit* when it is within two cents of an amount that an order of any channel
took in the last quarter of an hour. Candidates are tried from +0% to +10% in steps of one percent;
the first that is not hit is the price.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from collections.abc import Set as AbstractSet
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Final

import attrs

from ytmarket.domain.errors import InvalidValue
from ytmarket.domain.money import CENT, Usdt
from ytmarket.domain.reservations import STEP

WINDOW: Final = timedelta(minutes=15)
STEP_PERCENT: Final = 1
CAP_PERCENT: Final = 10
NEAR: Final = Usdt.of("0.02")

_NEAR_CENTS: Final = NEAR.micros // CENT.micros
_OFFSETS: Final = tuple(CENT * cents for cents in range(-_NEAR_CENTS, _NEAR_CENTS + 1))


@attrs.frozen(kw_only=True)
class Quote:
    """What an order costs, and how many candidates were hit before (`dp_hits` on the wire)."""

    amount: Usdt
    hits: int


def base_price(unit_price: Usdt, quantity: int) -> Usdt:
    """Unit price times quantity, to the cent, and never nothing."""
    return max((unit_price * quantity).to_cent(), CENT)


def candidates(base: Usdt) -> Iterator[Usdt]:
    """The eleven prices that an order at this base may have, cheapest first."""
    for percent in range(0, CAP_PERCENT + 1, STEP_PERCENT):
        yield base.plus_percent(percent)


def near(amount: Usdt) -> tuple[Usdt, ...]:
    """The whole-cent amounts that hit this one."""
    return tuple(amount + offset for offset in _OFFSETS)


def amounts_that_matter(base: Usdt) -> set[Usdt]:
    """All amounts that can decide the price at this base: what to look up before `quote`."""
    return {amount for candidate in candidates(base) for amount in near(candidate)}


@lru_cache(maxsize=1024)
def _ladder(base: Usdt) -> tuple[tuple[Usdt, frozenset[Usdt]], ...]:
    """Each candidate with the amounts that hit it. Kept, because shops sell the same things all day."""
    return tuple((amount, frozenset(near(amount))) for amount in candidates(base))


def quote(base: Usdt, taken: AbstractSet[Usdt]) -> Quote:
    """The price of an order paid from a balance: at the cap it is +10% whether hit or not.

    *taken* holds the whole-cent amounts taken within the window.
    """
    hits = 0
    for amount, hitting in _ladder(base):
        if hitting.isdisjoint(taken):
            return Quote(amount=amount, hits=hits)
        hits += 1
    return Quote(amount=base.plus_percent(CAP_PERCENT), hits=hits)


def website_quote(base: Usdt, taken: AbstractSet[Usdt], is_free: Callable[[Usdt], bool]) -> Quote | None:
    """The price of an order that is paid on chain, hence needs an amount of its own.

    *is_free* tells whether the amount can be reserved. When every candidate is hit or reserved, it
    is the lowest free amount above the base in steps of 0.03, up to +10%; None when there is none.
    """
    hits = 0
    for amount, hitting in _ladder(base):
        if hitting.isdisjoint(taken) and is_free(amount):
            return Quote(amount=amount, hits=hits)
        hits += 1
    amount, cap = base + STEP, base.plus_percent(CAP_PERCENT)
    while amount <= cap:
        if is_free(amount):
            return Quote(amount=amount, hits=hits)
        amount += STEP
    return None


class PriceWindow:
    """The amounts taken in the last quarter of an hour, for embedders who keep them in memory."""

    def __init__(self) -> None:
        self._taken: dict[Usdt, list[datetime]] = {}

    def take(self, amount: Usdt, at: datetime) -> None:
        """An order took this amount. Raises `InvalidValue` unless it is in whole cents."""
        if not amount.is_whole_cents:
            raise InvalidValue(f"an order takes whole cents, not {amount}")
        self._taken.setdefault(amount, []).append(at)

    def release(self, amount: Usdt, at: datetime) -> None:
        """The order that took it then has ended without delivery: it counts no more."""
        times = self._taken.get(amount, [])
        if at in times:
            times.remove(at)

    def taken(self, now: datetime) -> frozenset[Usdt]:
        """What counts now. An amount is forgotten exactly fifteen minutes after it was taken."""
        oldest = now - WINDOW
        for amount in list(self._taken):
            self._taken[amount] = [at for at in self._taken[amount] if at > oldest]
            if not self._taken[amount]:
                del self._taken[amount]
        return frozenset(self._taken)
