"""PostgreSQL's clock, told between its readings by the machine's own steady one."""

from __future__ import annotations

import asyncio
import time
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Final

import attrs

from ytmarket.adapters.postgres.connections import Pool, lent
from ytmarket.application.errors import Unavailable

READ_CLOCK: Final = "select clock_timestamp()"
EVERY_SECONDS: Final = 10


@attrs.define
class PostgresClock:
    """The `Clock` port: every process that shares a database shares its clock.

    Between readings nothing is asked of the database: the machine's steady clock counts on. A
    database that does not answer leaves the last reading in force.
    """

    _pool: Pool
    _read_at: int = 0  # the steady clock then, in nanoseconds
    _reading: datetime | None = None
    _last: datetime | None = None

    def now(self) -> datetime:
        if self._reading is None:
            raise Unavailable("the database's clock has not been read yet")
        passed = time.monotonic_ns() - self._read_at
        now = self._reading + timedelta(microseconds=passed // 1000)
        if self._last is not None and now < self._last:
            return self._last  # the database's clock was put back: stand still until it has caught up
        self._last = now
        return now

    async def read(self) -> None:
        """Set it by the database's clock. Raises `Unavailable`."""
        async with lent(self._pool) as connection:
            before = time.monotonic_ns()
            row = await (await connection.execute(READ_CLOCK)).fetchone()
            after = time.monotonic_ns()
        assert row is not None  # noqa: S101 - a select without a table answers one row
        # The answer was given at some time between: the middle is off by half the way at most.
        self._read_at, self._reading = (before + after) // 2, row[0]

    async def keep_reading(self) -> None:
        """Set it again and again, until cancelled."""
        while True:
            await asyncio.sleep(EVERY_SECONDS)
            with suppress(Unavailable):
                await self.read()
