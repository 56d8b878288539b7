"""Amounts, moments and networks, aimed at the edges where rules change.

Uniformly random amounts hardly ever differ by exactly a cent, so a tolerance that is one micro too
wide would live through millions of them. The figures here are written out rather than taken from
the domain: a rule that is changed by mistake must not move its own edges.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Final

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from ytmarket.domain.money import Usdt
from ytmarket.domain.networks import Network

NOON: Final = datetime(2026, 1, 15, 12, tzinfo=UTC)
"""Where generated time begins, unless told otherwise."""

_CENT: Final = 10_000
_SMALLEST: Final = Usdt(1)
_LARGEST: Final = Usdt.of(100_000)
_OFFSETS: Final = sorted(
    (cents * _CENT + micros for cents in range(-3, 4) for micros in (-1, 0, 1)),
    key=lambda micros: (abs(micros), micros),
)


def cents(*, min_value: Usdt = _SMALLEST, max_value: Usdt = _LARGEST) -> SearchStrategy[Usdt]:
    """Whole-cent amounts, as prices and requested amounts are."""
    return st.integers(-(-min_value.micros // _CENT), max_value.micros // _CENT).map(Usdt.cents)


def amounts(*, min_value: Usdt = _SMALLEST, max_value: Usdt = _LARGEST) -> SearchStrategy[Usdt]:
    """Amounts to the micro: whole cents, half cents, their neighbours and anything else."""
    low, high = min_value.micros, max_value.micros

    def within(micros: int) -> Usdt:
        return Usdt(min(max(micros, low), high))

    beside = st.sampled_from((-1, 1, _CENT // 2 - 1, _CENT // 2, _CENT // 2 + 1))
    edges = st.builds(
        lambda count, offset: within(count * _CENT + offset), st.integers(low // _CENT, high // _CENT), beside
    )
    return (
        edges | st.integers(low, high).map(Usdt)
        if -(-low // _CENT) > high // _CENT
        else cents(min_value=min_value, max_value=max_value) | edges | st.integers(low, high).map(Usdt)
    )


def neighbours(amount: Usdt) -> SearchStrategy[Usdt]:
    """Amounts up to three cents away: at each cent, and a micro either side of it."""
    return st.sampled_from([Usdt(amount.micros + offset) for offset in _OFFSETS])


def networks() -> SearchStrategy[Network]:
    """All six networks."""
    return st.sampled_from(Network)


def moments(
    *,
    min_value: datetime = NOON,
    max_value: datetime = NOON + timedelta(hours=2),
    whole_seconds: bool = False,
) -> SearchStrategy[datetime]:
    """Aware moments in UTC, most of them at the turn of a second; by default within two hours."""
    span = (max_value - min_value) // timedelta(seconds=1)
    whole = st.integers(0, span).map(lambda seconds: min_value + timedelta(seconds=seconds))
    if whole_seconds:
        return whole
    parts = st.sampled_from((0, 0, 1, 999_999)) | st.integers(0, 999_999)
    return st.builds(lambda at, part: min(at + timedelta(microseconds=part), max_value), whole, parts)


def around(*marks: datetime) -> SearchStrategy[datetime]:
    """Moments at these marks, and a microsecond and a second either side of each."""
    steps = (timedelta(0), timedelta.resolution, timedelta(seconds=1))
    return st.sampled_from([mark + sign * step for mark in marks for step in steps for sign in (-1, 1)])
