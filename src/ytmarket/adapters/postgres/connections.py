"""Connections to PostgreSQL: how they are made, lent out, and given up when they do not answer."""

from __future__ import annotations

import asyncio
import os
import select
import socket
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from traceback import clear_frames
from typing import Any, Final, Self, TypeAlias

from psycopg import AsyncConnection, AsyncCursor, Error, ProgrammingError
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from psycopg.pq import TransactionStatus
from psycopg.rows import TupleRow
from psycopg_pool import AsyncConnectionPool

from ytmarket.adapters.postgres.errors import is_lost, tell

Connection: TypeAlias = AsyncConnection[TupleRow]
Cursor: TypeAlias = AsyncCursor[TupleRow]
Pool: TypeAlias = AsyncConnectionPool[Connection]

PATIENCE_SECONDS: Final = 4.2
"""How long a store may take to answer, lending of the connection included."""

POOL_TIMEOUT_SECONDS: Final = 3.0
RECONNECT_SECONDS: Final = 2.0
"""How long one attempt to connect is repeated; after that the next who wants a connection makes another.

The pool waits longer and longer between the repetitions, which must not keep it away from a server that
is back.
"""

OPEN_TIMEOUT_SECONDS: Final = 10.0
CONNECTION_LIFETIME_SECONDS: Final = 900.0

NOTHING_TO_UNDO: Final = (TransactionStatus.IDLE, TransactionStatus.UNKNOWN)
"""Committed already, or without a connection."""

DEFAULTS: Final[dict[str, str]] = {
    "connect_timeout": "3",
    "application_name": "ytmarket",
    "keepalives_idle": "5",
    "keepalives_interval": "2",
    "keepalives_count": "3",
    "tcp_user_timeout": "5000",
}

LOCK_TIMEOUT: Final = "3s"

SETTINGS: Final = f"""
set session characteristics as transaction isolation level read committed;
set statement_timeout = '4s';
set lock_timeout = '{LOCK_TIMEOUT}';
set idle_in_transaction_session_timeout = '10s';
set timezone = 'UTC';
set jit = off;
"""

FEW_ROWS: Final = """
set plan_cache_mode = force_generic_plan;
set enable_seqscan = off;
set enable_hashjoin = off;
set enable_mergejoin = off;
"""
"""For units of work: every statement of theirs reaches a few rows by an index.

Plans are made once, and stay good when tables grow faster than their statistics.
"""


class TranslatingCursor(AsyncCursor[TupleRow]):
    """A cursor whose errors are the domain's refusals and the application's troubles."""

    async def execute(self, *args: Any, **options: Any) -> TranslatingCursor:
        # The base class's long signature would be repeated here for nothing: the arguments pass through.
        try:
            await super().execute(*args, **options)
        except Error as error:
            tell(error)
        return self

    async def executemany(self, *args: Any, **options: Any) -> None:
        try:
            await super().executemany(*args, **options)
        except Error as error:
            tell(error)


class ImpatientConnection(AsyncConnection[TupleRow]):
    """A connection that is given up at once when whoever used it waits no longer."""

    @classmethod
    async def connect(cls, *args: Any, **options: Any) -> Self:
        try:
            return await super().connect(*args, **options)
        except Error as error:
            # The library keeps an attempt that took too long in its frame, which the error is a part of:
            # the socket would stay open until the collector comes by, and with it a place at the server.
            clear_frames(error.__traceback__)
            raise

    async def cancel_safe(self, *, timeout: float = 0) -> None:  # noqa: ARG002, ASYNC109 - the base class's
        # To cancel a statement one waits for the server, which may be what was not answering. The
        # transaction ends with its connection, at the latest when the statement's own time is up.
        _cut(self)


def open_pool(dsn: str, *, name: str, max_size: int, autocommit: bool, settings: str = "") -> Pool:
    """A pool that is not open yet, so that nothing connects before an event loop runs.

    *settings* are run on every new connection, after those that all have.

    Connections are not checked when lent: a check costs a round trip each time, and on a dead
    server it walks through all of them. A lost one empties the whole pool instead (`lent`).
    """

    async def configure(connection: Connection) -> None:
        await connection.set_autocommit(True)
        await connection.execute(SETTINGS + settings)
        await connection.set_autocommit(autocommit)

    return AsyncConnectionPool(
        conninfo(dsn),
        connection_class=ImpatientConnection,
        kwargs={"autocommit": autocommit, "cursor_factory": TranslatingCursor, "prepare_threshold": 2},
        min_size=1,
        max_size=max_size,
        timeout=POOL_TIMEOUT_SECONDS,
        reconnect_timeout=RECONNECT_SECONDS,
        max_lifetime=CONNECTION_LIFETIME_SECONDS,
        configure=configure,
        open=False,
        name=name,
    )


def is_conninfo(text: str) -> bool:
    """Whether it names a server in the one or the other of PostgreSQL's two ways."""
    try:
        conninfo_to_dict(text)
    except (ProgrammingError, UnicodeEncodeError):
        return False
    return True


def conninfo(dsn: str) -> str:
    """The connection string with what it leaves unsaid."""
    given = conninfo_to_dict(dsn)
    wanted: dict[str, Any] = dict(DEFAULTS)
    if not _is_on_this_machine(given):
        # A former primary that still answers must not be taken for the primary.
        wanted["target_session_attrs"] = "read-write"
    return make_conninfo(dsn, **{name: value for name, value in wanted.items() if name not in given})


def _is_on_this_machine(given: Mapping[str, Any]) -> bool:
    """Whether only sockets of this machine are named, by the string or by libpq's environment."""
    named = (
        given.get("host") or given.get("hostaddr") or os.environ.get("PGHOST", os.environ.get("PGHOSTADDR"))
    )
    if named is None:
        return not (given.get("service") or os.environ.get("PGSERVICE"))
    return all(host.startswith((os.sep, "@")) for host in str(named).split(","))


@asynccontextmanager
async def lent(pool: Pool, *, patience: float = PATIENCE_SECONDS) -> AsyncIterator[Connection]:
    """Borrow a connection; its troubles come out as `Unavailable`, and within *patience*, in seconds.

    What was not committed when the block ends is rolled back. A server that does not answer at all
    ends the wait through the socket: to cancel a query one needs an answer as well.
    """
    loop = asyncio.get_running_loop()
    patience_ends = loop.time() + patience
    try:
        connection = await _living(pool)
        watchdog = loop.call_at(patience_ends, _cut, connection)
        try:
            yield connection
        finally:
            try:
                await _give_back(pool, connection)
            finally:
                watchdog.cancel()
    except Error as error:
        if is_lost(error):
            await _drain(pool)
        tell(error)
    except Exception as error:
        if is_lost(error.__cause__):
            await _drain(pool)
        raise


async def _living(pool: Pool) -> Connection:
    """A connection that was not closed from the other side while nobody used it."""
    loop = asyncio.get_running_loop()
    patience_ends = loop.time() + POOL_TIMEOUT_SECONDS
    connection = await pool.getconn()
    while _has_news(connection):
        await connection.close()
        await pool.putconn(connection)
        await _drain(pool)
        connection = await pool.getconn(patience_ends - loop.time())
    return connection


def _has_news(connection: Connection) -> bool:
    if connection.closed:
        return True
    # An idle server has nothing to say but that it goes; to look costs no round trip.
    looking = select.poll()
    looking.register(connection.fileno(), select.POLLIN)
    return bool(looking.poll(0))


async def _give_back(pool: Pool, connection: Connection) -> None:
    try:
        if connection.pgconn.transaction_status not in NOTHING_TO_UNDO:
            with suppress(Error):  # the first trouble is the one to tell; the pool keeps nothing unclean
                await connection.rollback()
    finally:
        await pool.putconn(connection)


async def _drain(pool: Pool) -> None:
    """One connection is lost: the others probably are too."""
    with suppress(Exception):  # the pool may be closing, and the first trouble is the one to tell
        await pool.drain()


def _cut(connection: Connection) -> None:
    """End all waiting for the server: it has had its time."""
    if connection.closed:
        return
    with suppress(OSError), socket.socket(fileno=os.dup(connection.fileno())) as wire:
        wire.shutdown(socket.SHUT_RDWR)
