"""The shop's database: open it once, share it everywhere, close it at the end."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from typing import Final, Self

import attrs
import psycopg
from psycopg_pool import PoolTimeout

from ytmarket.adapters.postgres.clock import PostgresClock
from ytmarket.adapters.postgres.connections import (
    FEW_ROWS,
    OPEN_TIMEOUT_SECONDS,
    Pool,
    lent,
    open_pool,
)
from ytmarket.adapters.postgres.queries import PostgresQueries
from ytmarket.adapters.postgres.unit_of_work import patient_units_of_work, units_of_work
from ytmarket.adapters.postgres.verify import PostgresBooks
from ytmarket.application.errors import ApplicationError, Unavailable
from ytmarket.application.ports.unit_of_work import NewUnitOfWork

VERSION_MIN: Final = 150_000
POOL_FACTS: Final = {
    "pool_size": "open",
    "pool_max": "most",
    "pool_available": "idle",
    "requests_waiting": "waiting",
}
DURABLE: Final = ("fsync", "full_page_writes", "synchronous_commit")
LOOK: Final = """
    select current_setting('server_version_num')::integer, pg_is_in_recovery(),
        current_setting('fsync'), current_setting('full_page_writes'), current_setting('synchronous_commit')
"""


class UnfitDatabase(ApplicationError):
    """This database cannot be trusted with money."""


@attrs.frozen(kw_only=True)
class PostgresDatabase:
    """Units of work, questions, the clock and the books of one database. `open` makes it."""

    unit_of_work: NewUnitOfWork
    patient_unit_of_work: NewUnitOfWork
    queries: PostgresQueries
    clock: PostgresClock
    server: str  # its name and version
    books: PostgresBooks
    reading: Pool = attrs.field(repr=False)
    writing: Pool = attrs.field(repr=False)
    _clockwork: asyncio.Task[None] = attrs.field(repr=False)

    @classmethod
    async def open(cls, dsn: str, *, writers: int = 8, readers: int = 4, durable: bool = True) -> Self:
        """Connect to a migrated database, with so many connections at most for either purpose.

        `durable=False` accepts a server that could lose what it has promised: for tests.

        Raises:
            Unavailable: It does not answer.
            UnfitDatabase: It answers, and must not be used; the text says what to change.
        """
        writing = open_pool(dsn, name="writing", max_size=writers, autocommit=False, settings=FEW_ROWS)
        reading = open_pool(dsn, name="reading", max_size=readers, autocommit=True)
        try:
            for pool in (writing, reading):
                await pool.open()
                await pool.wait(OPEN_TIMEOUT_SECONDS)
            version = await _check(reading, durable=durable)
            clock = PostgresClock(reading)
            await clock.read()
        except PoolTimeout as error:
            await _close(writing, reading)
            raise Unavailable("the database") from error
        except BaseException:
            await _close(writing, reading)
            raise
        return cls(
            unit_of_work=units_of_work(writing),
            patient_unit_of_work=patient_units_of_work(writing),
            queries=PostgresQueries(reading),
            clock=clock,
            server=f"PostgreSQL {version // 10_000}.{version % 10_000}",
            books=PostgresBooks(dsn),
            reading=reading,
            writing=writing,
            clockwork=asyncio.create_task(clock.keep_reading(), name="read the database's clock"),
        )

    def pools(self) -> dict[str, dict[str, int]]:
        """How the connections of this process fare, by pool."""
        return {pool.name: _told(pool.get_stats()) for pool in (self.writing, self.reading)}

    async def close(self) -> None:
        """Leave the database; what is under way is given a moment to end."""
        self._clockwork.cancel()
        with suppress(asyncio.CancelledError):
            await self._clockwork
        await _close(self.writing, self.reading)


def _told(stats: Mapping[str, int]) -> dict[str, int]:
    return {told: stats.get(name, 0) for name, told in POOL_FACTS.items()}


async def _close(*pools: Pool) -> None:
    for pool in pools:
        await pool.close()


async def _check(pool: Pool, *, durable: bool) -> int:
    """Its version, as PostgreSQL writes it in one number."""
    async with lent(pool) as connection:
        row = await (await connection.execute(LOOK)).fetchone()
    if row is None:
        raise psycopg.DataError("a select without a table answered no row")
    version, standby, *switches = row
    if version < VERSION_MIN:
        raise UnfitDatabase(f"it is PostgreSQL {version // 10_000}; use {VERSION_MIN // 10_000} or newer")
    if standby:
        raise UnfitDatabase("it is a standby; name its primary")
    off = [name for name, state in zip(DURABLE, switches, strict=True) if state == "off"]
    if durable and off:
        raise UnfitDatabase(f"it may forget what it has promised: turn on {', '.join(off)}")
    return int(version)
