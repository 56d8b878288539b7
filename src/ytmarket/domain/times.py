"""Time as chains and clients count it: whole seconds since 1970, in UTC."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Final

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_SECOND: Final = timedelta(seconds=1)


def epoch_seconds(at: datetime) -> int:
    """Unix time, rounded down; computed in integers."""
    return (at - _EPOCH) // _SECOND


def from_epoch(seconds: int) -> datetime:
    """The moment of a Unix time."""
    return _EPOCH + _SECOND * seconds


def whole_second(at: datetime) -> datetime:
    """The moment rounded down to its second."""
    return at.replace(microsecond=0)
