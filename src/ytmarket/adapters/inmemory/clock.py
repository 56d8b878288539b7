"""A clock that stands still until it is told to move."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from ytmarket.domain.errors import InvalidValue


class ManualClock:
    """The `Clock` port. It starts where it is told to and moves by `advance` and `set`."""

    def __init__(self, start: datetime) -> None:
        self._now = _utc(start)

    def now(self) -> datetime:
        return self._now

    def advance(self, by: timedelta) -> datetime:
        """Let so much time pass; answers the new time. Raises `InvalidValue` for a step back."""
        return self.set(self._now + by)

    def set(self, to: datetime) -> datetime:
        """Go to this moment. Raises `InvalidValue` for one that is past, or has no time zone."""
        moment = _utc(to)
        if moment < self._now:
            raise InvalidValue(f"a clock never goes back from {self._now} to {moment}")
        self._now = moment
        return moment


def _utc(moment: datetime) -> datetime:
    if moment.tzinfo is None:
        raise InvalidValue(f"give the time zone of {moment}, for instance datetime.UTC")
    return moment.astimezone(UTC)
