"""Leadership by advisory locks of one connection that is used for nothing else."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Final

import attrs
from psycopg import Error

from ytmarket.adapters.postgres.connections import Connection, ImpatientConnection, conninfo
from ytmarket.application.errors import Unavailable
from ytmarket.application.leading import Term
from ytmarket.application.ports.leadership import LeadershipLost

PAUSE_SECONDS: Final = 2.0
"""Between two attempts to become leader, and two looks at whether the connection still holds."""

PATIENCE_SECONDS: Final = 4.0

FAREWELL_SECONDS: Final = 1.0
"""For the round that is under way when the process stops: cut off, it would be a warning of psycopg's."""

# The server must notice that a machine is gone, and not only that a process has ended.
SETTINGS: Final = """
set statement_timeout = '3s';
set tcp_keepalives_idle = 5;
set tcp_keepalives_interval = 2;
set tcp_keepalives_count = 3;
"""
TRY: Final = "select pg_try_advisory_lock(hashtextextended('ytmarket leader ' || %s, 0))"
LET_GO: Final = "select pg_advisory_unlock(hashtextextended('ytmarket leader ' || %s, 0))"
LOOK: Final = "select 1"


@attrs.define(eq=False)
class _Seat:
    """Somebody who leads under this name, or waits to, or has just left and is to be unlocked."""

    name: str
    taken: asyncio.Future[None]
    term: Term = attrs.field(factory=Term)
    is_locked: bool = False
    is_left: bool = False


class PostgresLeadership:
    """The `Leadership` port. All names of a process share a connection, and are lost together with it.

    One task alone speaks on that connection, so that whoever is cancelled cuts nobody else off. Nobody
    waits inside a statement: that would hold a transaction open for as long as another process leads.
    """

    def __init__(self, dsn: str, *, pause: float = PAUSE_SECONDS) -> None:
        self._dsn = dsn
        self._pause = pause
        self._turns: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._seats: list[_Seat] = []
        self._wake = asyncio.Event()
        self._speaker: asyncio.Task[None] | None = None
        self._closes = False

    @asynccontextmanager
    async def lead(self, name: str) -> AsyncIterator[None]:
        async with self._turns[name]:
            seat = _Seat(name, asyncio.get_running_loop().create_future())
            self._seats.append(seat)
            try:
                self._stir()
                await seat.taken
                if seat not in self._seats:
                    raise LeadershipLost  # before it was noticed to be won
                async with seat.term:
                    yield
            finally:
                seat.is_left = True
                self._stir()

    async def close(self) -> None:
        """Lead nothing any more, and leave the database."""
        if self._speaker is None:
            return
        self._closes = True
        self._wake.set()
        try:
            await asyncio.wait({self._speaker}, timeout=FAREWELL_SECONDS)
        finally:
            self._speaker.cancel()
        with suppress(asyncio.CancelledError):
            await self._speaker
        self._closes = False

    def _stir(self) -> None:
        self._wake.set()
        if self._speaker is None or self._speaker.done():
            self._speaker = asyncio.create_task(self._speak(), name="leadership")

    async def _speak(self) -> None:
        try:
            while self._seats and not self._closes:
                trouble = await self._hold_a_connection()
                if trouble is not None:
                    self._dismiss(trouble)
        finally:
            self._dismiss(None)

    async def _hold_a_connection(self) -> Exception | None:
        """As long as there is anybody to hold it for; the trouble by which it was lost."""
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                connection = await _connected(self._dsn)
            try:
                while self._seats:
                    self._wake.clear()
                    async with asyncio.timeout(PATIENCE_SECONDS):
                        await self._go_round(connection)
                    if self._closes:
                        break
                    with suppress(TimeoutError):
                        await asyncio.wait_for(self._wake.wait(), self._pause)
            finally:
                await connection.close()
        except (Error, OSError) as trouble:  # a timeout is an OSError
            return trouble
        return None

    async def _go_round(self, connection: Connection) -> None:
        for seat in [seat for seat in self._seats if seat.is_left]:
            if seat.is_locked:
                await connection.execute(LET_GO, (seat.name,))
            self._seats.remove(seat)
        for seat in [seat for seat in self._seats if not seat.is_locked]:
            row = await (await connection.execute(TRY, (seat.name,))).fetchone()
            seat.is_locked = row is not None and bool(row[0])
            # Whoever gave up meanwhile is unlocked in the next round.
            if seat.is_locked and not seat.taken.done():
                seat.taken.set_result(None)
        await connection.execute(LOOK)

    def _dismiss(self, trouble: Exception | None) -> None:
        """The connection is gone, and every lock with it."""
        seats, self._seats = self._seats, []
        for seat in seats:
            seat.term.end()
            if not seat.taken.done():
                why = Unavailable("the database")
                why.__cause__ = trouble
                seat.taken.set_exception(why)


async def _connected(dsn: str) -> Connection:
    connection = await ImpatientConnection.connect(conninfo(dsn), autocommit=True)
    try:
        await connection.execute(SETTINGS)
    except BaseException:
        await connection.close()  # also where we are stopped while we begin
        raise
    return connection
