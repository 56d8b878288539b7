"""How often a caller may ask, counted in memory."""

from __future__ import annotations

from collections import deque
from datetime import datetime, timedelta
from typing import Final

from ytmarket.application.errors import Unavailable
from ytmarket.application.ports.clock import Clock
from ytmarket.application.ports.rate_limiter import Allowance
from ytmarket.domain import limits

WINDOW: Final = timedelta(seconds=60)
_SECOND: Final = timedelta(seconds=1)


class InMemoryRateLimiter:
    """The `RateLimiter` port: the times of each caller's accepted requests, for one process."""

    def __init__(self, clock: Clock, *, limit: int = limits.REQUESTS_PER_MINUTE) -> None:
        self._clock = clock
        self._limit = limit
        # By the time of each caller's latest accepted request, the longest ago first.
        self._accepted: dict[str, deque[datetime]] = {}
        self.is_down = False
        """Set it to rehearse what happens while the limiter does not answer."""

    @property
    def callers(self) -> int:
        """How many callers are remembered."""
        return len(self._accepted)

    @property
    def limit(self) -> int:
        return self._limit

    async def hit(self, caller: str) -> Allowance:
        if self.is_down:
            raise Unavailable("the limiter in memory was switched off")
        now = self._clock.now()
        self._forget_idle(now)
        times = self._accepted.get(caller, deque())
        while times and times[0] <= now - WINDOW:
            times.popleft()
        if len(times) >= self._limit:
            wait = _seconds_until(times[0], now)
            return Allowance(limit=self._limit, remaining=0, reset_after=wait, retry_after=wait)
        times.append(now)
        self._accepted.pop(caller, None)
        self._accepted[caller] = times
        return Allowance(
            limit=self._limit,
            remaining=self._limit - len(times),
            reset_after=_seconds_until(times[0], now),
        )

    def _forget_idle(self, now: datetime) -> None:
        """Drop callers who have not asked for a minute, so that memory does not fill with them."""
        while self._accepted:
            caller = next(iter(self._accepted))
            if self._accepted[caller][-1] > now - WINDOW:
                return
            del self._accepted[caller]


def _seconds_until(oldest: datetime, now: datetime) -> int:
    """Until the oldest request no longer counts, rounded up."""
    return -(-(oldest + WINDOW - now) // _SECOND)
