"""The time of this machine."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from threading import Lock

import attrs


def _machine_time() -> datetime:
    return datetime.now(UTC)


@attrs.define
class SystemClock:
    """The Clock port on the machine's clock; when that is set back, it stands still until it is caught up."""

    _read: Callable[[], datetime] = _machine_time
    _latest: datetime = attrs.field(default=datetime.min.replace(tzinfo=UTC), init=False)
    _lock: Lock = attrs.field(factory=Lock, init=False, repr=False, eq=False)

    def now(self) -> datetime:
        with self._lock:
            self._latest = max(self._latest, self._read())
            return self._latest
