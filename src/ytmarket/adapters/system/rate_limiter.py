"""Rate limits within one process."""

from __future__ import annotations

import math
import time
from collections import OrderedDict
from collections.abc import Callable
from typing import Final

import attrs
from limits import RateLimitItemPerSecond
from limits.aio.storage import MemoryStorage
from limits.aio.strategies import MovingWindowRateLimiter

from ytmarket.application.ports.rate_limiter import Allowance
from ytmarket.domain.limits import REQUESTS_PER_MINUTE

WINDOW_SECONDS: Final = 60
CALLERS_MAX: Final = 100_000
SWEPT_AT_ONCE: Final = 4  # more than one new caller a hit, so that the old ones never pile up

Seconds = Callable[[], float]


class Limit(RateLimitItemPerSecond):
    """So many in so many seconds; a caller's name alone is the key, as there is one limit to a log."""

    def key_for(self, *identifiers: bytes | str | float) -> str:
        return str(identifiers[0])


class SlidingLog(MemoryStorage):
    """The library's storage in memory, with its moving window kept another way.

    Its own goes by the wall clock, so that a clock set forward lets a caller begin anew; and it looks at
    every caller's log, in a thread, whenever it tidies up. This one goes by a clock that is never set,
    and keeps the callers in the order of their newest hit, so that whoever has nothing left to count
    stands in front and is forgotten in passing. Beyond *callers_max* it forgets the one longest silent.
    """

    def __init__(self, *, now: Seconds = time.monotonic, callers_max: int = CALLERS_MAX) -> None:
        super().__init__()
        self._now = now
        self._callers_max = callers_max
        self._hits: OrderedDict[str, list[float]] = OrderedDict()  # for each caller, the oldest first

    def __len__(self) -> int:
        return len(self._hits)

    async def acquire_entry(self, key: str, limit: int, expiry: int, amount: int = 1) -> bool:
        cutoff = (now := self._now()) - expiry
        self._sweep(cutoff)
        hits = self._hits.get(key)
        if hits is None:
            hits = []
        else:
            _forget(hits, cutoff)
        if len(hits) + amount > limit:
            return False
        hits.extend([now] * amount)
        self._hits[key] = hits
        self._hits.move_to_end(key)
        return True

    async def get_moving_window(self, key: str, limit: int, expiry: int) -> tuple[float, int]:  # noqa: ARG002 - the library's signature
        """The time of the oldest hit that counts, and how many do."""
        now = self._now()
        hits = self._hits.get(key, [])
        _forget(hits, now - expiry)
        return (hits[0] if hits else now), len(hits)

    def window(self, key: str) -> tuple[float, int]:
        """The same of a caller whose hit was just taken or refused, so that there is nothing to forget."""
        hits = self._hits[key]
        return hits[0], len(hits)

    async def clear(self, key: str) -> None:
        self._hits.pop(key, None)
        await super().clear(key)

    async def reset(self) -> int | None:
        count = len(self._hits)
        self._hits.clear()
        await super().reset()
        return count

    def _sweep(self, cutoff: float) -> None:
        for _ in range(SWEPT_AT_ONCE):
            if not self._hits:
                return
            key = next(iter(self._hits))
            hits = self._hits[key]
            if hits and hits[-1] > cutoff and len(self._hits) < self._callers_max:
                return
            del self._hits[key]


@attrs.define
class InProcessRateLimiter:
    """The RateLimiter port for a server of one process; each process would allow the limit anew."""

    _item: Limit
    _now: Seconds
    _log: SlidingLog
    _limiter: MovingWindowRateLimiter

    @classmethod
    def of(
        cls,
        limit: int = REQUESTS_PER_MINUTE,
        *,
        window_seconds: int = WINDOW_SECONDS,
        callers_max: int = CALLERS_MAX,
        now: Seconds = time.monotonic,
    ) -> InProcessRateLimiter:
        """*now* counts seconds from any start and never runs backwards."""
        log = SlidingLog(now=now, callers_max=callers_max)
        item = Limit(limit, window_seconds)
        return cls(item, now, log, MovingWindowRateLimiter(log))

    @property
    def callers(self) -> int:
        """How many callers are remembered."""
        return len(self._log)

    @property
    def limit(self) -> int:
        amount: int = self._item.amount
        return amount

    async def hit(self, caller: str) -> Allowance:
        accepted = await self._limiter.hit(self._item, caller)
        oldest, count = self._log.window(caller)
        limit, window_seconds = self._item.amount, self._item.get_expiry()
        reset_after = max(1, math.ceil(oldest + window_seconds - self._now()))
        return Allowance(
            limit=limit,
            remaining=limit - count if accepted else 0,
            reset_after=reset_after,
            retry_after=None if accepted else reset_after,
        )


def _forget(hits: list[float], cutoff: float) -> None:
    """Drop the hits that count no longer: a hit counts for less than the window."""
    count = 0
    while count < len(hits) and hits[count] <= cutoff:
        count += 1
    if count:
        del hits[:count]
