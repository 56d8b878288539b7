"""Counting requests without a write for each: gathered here, and written together now and then."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from ytmarket.application.errors import ApplicationError
from ytmarket.application.ports.clock import Clock
from ytmarket.application.ports.queries import Queries
from ytmarket.application.ports.unit_of_work import NewUnitOfWork
from ytmarket.domain.api_keys import Usage
from ytmarket.domain.ids import ApiKeyId


class UsageMeter:
    """What each key asked of this process. A crash loses what was not flushed; a clean stop nothing."""

    def __init__(self, new_unit_of_work: NewUnitOfWork, queries: Queries, clock: Clock) -> None:
        self._new_unit_of_work = new_unit_of_work
        self._queries = queries
        self._clock = clock
        self._fresh: dict[ApiKeyId, _Tally] = {}
        self._flying: dict[ApiKeyId, _Tally] = {}

    def count(self, key: ApiKeyId, endpoint: str) -> None:
        """One request, just made."""
        now = self._clock.now()
        tally = self._fresh.get(key)
        if tally is None:
            self._fresh[key] = _Tally(now, endpoint)
        else:
            tally.requests += 1
            tally.last_used_at = now
            tally.last_endpoint = endpoint

    @property
    def backlog(self) -> int:
        """How many keys' latest requests are not written yet."""
        return len(self._fresh.keys() | self._flying.keys())

    async def usage(self, key: ApiKeyId) -> Usage | None:
        """What is written and what is not yet; None for a key that never asked."""
        written = await self._queries.usage(key)
        for tally in (self._flying.get(key), self._fresh.get(key)):
            if tally is not None:
                written = tally.usage if written is None else written.plus(tally.usage)
        return written

    async def flush(self) -> int:
        """Write what has gathered; of how many keys. What could not be written is kept."""
        if self._flying or not self._fresh:
            return 0
        self._flying, self._fresh = self._fresh, {}
        count = len(self._flying)
        try:
            await self._write_all()
        finally:
            self._take_back()
        return count

    async def _write_all(self) -> None:
        try:
            await self._write(tuple(self._flying))
        except ApplicationError:
            raise
        except Exception:  # noqa: BLE001 - whatever it is, it is told once more
            # One key's data broke it: write each by itself, so that no other key's count waits for it.
            await self._write_each()

    async def _write_each(self) -> None:
        broken: Exception | None = None
        for key in tuple(self._flying):
            try:
                await self._write((key,))
            except ApplicationError:
                raise
            except Exception as trouble:  # noqa: BLE001 - raised after the last
                broken = trouble
        if broken is not None:
            raise broken

    async def _write(self, keys: Sequence[ApiKeyId]) -> None:
        async with self._new_unit_of_work() as uow:
            await uow.api_keys.add_usage({key: self._flying[key].usage for key in keys})
            await uow.commit()
        for key in keys:
            del self._flying[key]

    def _take_back(self) -> None:
        for key, tally in self._flying.items():
            later = self._fresh.get(key)
            self._fresh[key] = tally if later is None else tally.then(later)
        self._flying = {}


class _Tally:
    """A count that grows in place: this is on the way of every request."""

    __slots__ = ("first_used_at", "last_endpoint", "last_used_at", "requests")

    def __init__(self, now: datetime, endpoint: str) -> None:
        self.requests = 1
        self.first_used_at = now
        self.last_used_at = now
        self.last_endpoint = endpoint

    @property
    def usage(self) -> Usage:
        return Usage(
            requests=self.requests,
            first_used_at=self.first_used_at,
            last_used_at=self.last_used_at,
            last_endpoint=self.last_endpoint,
        )

    def then(self, later: _Tally) -> _Tally:
        self.requests += later.requests
        self.last_used_at = later.last_used_at
        self.last_endpoint = later.last_endpoint
        return self
