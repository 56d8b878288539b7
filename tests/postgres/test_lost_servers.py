"""A server that hangs, dies or goes away is told of in time, and nothing is left half done."""

from __future__ import annotations

import asyncio
import gc
import os
import signal
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from pathlib import Path

import anyio
import attrs
import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from psycopg.sql import SQL, Identifier

from tests.contract.conftest import OpenDatabase
from ytmarket.adapters.postgres import database
from ytmarket.adapters.postgres.connections import ImpatientConnection, conninfo, lent
from ytmarket.adapters.postgres.database import PostgresDatabase, UnfitDatabase
from ytmarket.adapters.postgres.errors import Collided, is_lost, refusal, unknown_outcome
from ytmarket.application.errors import OutcomeUnknown, Unavailable
from ytmarket.domain.ids import AccountId
from ytmarket.testing.contracts.world import NOW, World
from ytmarket.testing.postgres import TemporaryPostgres

pytestmark = pytest.mark.anyio

SOON = 12.0  # seconds by the client's clock: what is promised, and other work of the machine
BACKENDS = "select pid from pg_stat_activity where datname = %s and pid <> pg_backend_pid()"
END_BACKENDS = f"select pg_terminate_backend(pid, 3000) from ({BACKENDS}) as others"


@contextmanager
def hanging(postgres: OpenDatabase) -> Iterator[None]:
    """Every connection that there is gets no answer any more."""
    with psycopg.connect(postgres.server.dsn, autocommit=True) as connection:
        name = conninfo_to_dict(postgres.dsn)["dbname"]
        pids = [row[0] for row in connection.execute(BACKENDS, [name])]
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for pid in pids:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGCONT)


def end_connections(postgres: OpenDatabase) -> None:
    """Every connection that there is comes to its end, while nobody uses it."""
    with psycopg.connect(postgres.server.dsn, autocommit=True) as connection:
        connection.execute(END_BACKENDS, [conninfo_to_dict(postgres.dsn)["dbname"]])


@contextmanager
def soon() -> Iterator[None]:
    begun = time.monotonic()
    yield
    assert time.monotonic() - begun < SOON


async def accounts(dsn: str) -> int:
    async with await psycopg.AsyncConnection.connect(dsn) as connection:
        row = await (await connection.execute("select count(*) from account")).fetchone()
        assert row is not None
        return int(row[0])


async def test_a_server_that_hangs_is_unavailable_in_time(postgres: OpenDatabase, world: World) -> None:
    with soon(), pytest.raises(Unavailable) as told:
        async with postgres.store.unit_of_work() as uow:
            await uow.accounts.create("ann", NOW)
            with hanging(postgres):
                await uow.accounts.create("bob", NOW)
    assert not isinstance(told.value, OutcomeUnknown)
    await world.customer(1)
    assert await accounts(postgres.dsn) == 1


async def test_a_server_that_hangs_in_a_question_is_unavailable_in_time(postgres: OpenDatabase) -> None:
    with hanging(postgres), soon(), pytest.raises(Unavailable):
        await postgres.store.queries.totals([AccountId(1)])
    assert await postgres.store.queries.totals([AccountId(1)]) == {}


async def test_a_server_that_hangs_in_the_commit_leaves_the_outcome_unknown(postgres: OpenDatabase) -> None:
    with soon(), pytest.raises(OutcomeUnknown):
        async with postgres.store.unit_of_work() as uow:
            await uow.accounts.create("ann", NOW)
            with hanging(postgres):
                await uow.commit()


async def test_connections_that_died_while_idle_are_not_noticed(postgres: OpenDatabase, world: World) -> None:
    await world.customer(1)
    for _ in range(3):
        end_connections(postgres)
        await world.customer(1)
        assert await postgres.store.queries.totals([AccountId(1)])


async def test_connections_known_to_be_closed_are_replaced(postgres: OpenDatabase) -> None:
    store = await PostgresDatabase.open(postgres.dsn, writers=1, durable=False)
    for _ in range(3):
        connection = await store.writing.getconn()
        await store.writing.putconn(connection)
        connection.pgconn.finish()
        async with store.unit_of_work() as uow:
            await uow.accounts.create("ann", NOW)
            await uow.commit()
    await store.close()
    assert await accounts(postgres.dsn) == 3


async def test_a_transaction_that_the_server_gave_up_is_unavailable(postgres: OpenDatabase) -> None:
    async with lent(postgres.store.writing) as connection:
        with pytest.raises(Unavailable) as told:
            await connection.execute("set local idle_in_transaction_session_timeout = '50ms'")
            await asyncio.sleep(0.5)
            await connection.execute("select 1")
    assert not isinstance(told.value, OutcomeUnknown)
    assert await accounts(postgres.dsn) == 0


async def test_a_connection_that_dies_in_use_is_the_only_one_lost(
    postgres: OpenDatabase, world: World
) -> None:
    with pytest.raises(Unavailable) as told:
        async with postgres.store.unit_of_work() as uow:
            await uow.accounts.create("ann", NOW)
            await postgres.sever()
            await uow.accounts.create("bob", NOW)
    assert not isinstance(told.value, OutcomeUnknown)
    for _ in range(3):
        await world.customer(1)
    assert await accounts(postgres.dsn) == 3


async def test_who_waits_too_long_for_a_lock_is_told_in_time(postgres: OpenDatabase, world: World) -> None:
    customer = await world.customer(1)
    async with postgres.store.unit_of_work() as first:
        await first.accounts.lock([customer.account])
        with soon(), pytest.raises(Unavailable):
            async with postgres.store.unit_of_work() as second:
                await second.accounts.lock([customer.account])


async def test_who_waits_too_long_for_a_connection_is_told_in_time(postgres: OpenDatabase) -> None:
    store = await PostgresDatabase.open(postgres.dsn, writers=1, durable=False)
    async with store.unit_of_work():
        with soon(), pytest.raises(Unavailable):
            async with store.unit_of_work():
                pass
    await store.close()


async def test_of_two_in_a_deadlock_one_is_told_to_try_again(postgres: OpenDatabase, world: World) -> None:
    ann, bob = (await world.customer(1)).account, (await world.customer(1)).account
    met = [anyio.Event(), anyio.Event()]
    told: list[BaseException] = []

    async def cross(mine: int, first: AccountId, second: AccountId) -> None:
        try:
            async with postgres.store.unit_of_work() as uow:
                await uow.accounts.lock([first])
                met[mine].set()
                await met[1 - mine].wait()
                await uow.accounts.lock([second])
                await uow.commit()
        except Unavailable as trouble:
            told.append(trouble)

    with anyio.fail_after(SOON):
        async with anyio.create_task_group() as group:
            group.start_soon(cross, 0, ann, bob)
            group.start_soon(cross, 1, bob, ann)
    assert [type(trouble) for trouble in told] == [Collided]


async def test_a_former_primary_is_unavailable(postgres: OpenDatabase, world: World) -> None:
    name = Identifier(str(conninfo_to_dict(postgres.dsn)["dbname"]))
    async with await psycopg.AsyncConnection.connect(postgres.server.dsn, autocommit=True) as outside:
        await outside.execute(SQL("alter database {} set default_transaction_read_only = on").format(name))
        end_connections(postgres)
        with pytest.raises(Unavailable):
            await world.customer(1)
        await outside.execute(SQL("alter database {} reset default_transaction_read_only").format(name))
    with suppress(Unavailable):
        await world.customer(1)  # the pool may have connected anew before the reset
    await world.customer(1)


@attrs.define
class Proxy:
    """A server's socket, with a way to lose what the server says."""

    folder: Path
    deaf: bool = False

    @asynccontextmanager
    async def before(self, dsn: str) -> AsyncIterator[str]:
        """The way to the database through this proxy."""
        socket = Path(str(conninfo_to_dict(dsn)["host"])) / ".s.PGSQL.5432"

        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            back, forth = await asyncio.open_unix_connection(str(socket))
            await asyncio.gather(self._pass(reader, forth), self._answer(back, writer))

        server = await asyncio.start_unix_server(serve, str(self.folder / socket.name))
        async with server:
            given = {name: value for name, value in conninfo_to_dict(dsn).items() if name != "requirepeer"}
            yield make_conninfo("", **given | {"host": str(self.folder)})

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while said := await reader.read(1 << 16):
            writer.write(said)
            await writer.drain()
        writer.close()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while said := await reader.read(1 << 16):
            if self.deaf:
                break  # the server has done its work, and nobody will hear of it
            writer.write(said)
            await writer.drain()
        writer.close()


async def test_a_commit_whose_answer_is_lost_is_kept_and_said_to_be_unknown(postgres: OpenDatabase) -> None:
    with tempfile.TemporaryDirectory() as folder:
        proxy = Proxy(Path(folder))
        async with proxy.before(postgres.dsn) as dsn:
            store = await PostgresDatabase.open(dsn, durable=False)
            with pytest.raises(OutcomeUnknown):
                async with store.unit_of_work() as uow:
                    await uow.accounts.create("ann", NOW)
                    proxy.deaf = True
                    await uow.commit()
            proxy.deaf = False
            await store.close()
    assert await accounts(postgres.dsn) == 1


def test_what_libpq_says_itself_is_a_lost_connection() -> None:
    """It has no class of its own, unlike what a server says."""
    error = psycopg.DatabaseError("no connection to the server")
    assert isinstance(refusal(error), Unavailable)
    assert isinstance(unknown_outcome(error), OutcomeUnknown)
    assert is_lost(error)
    assert refusal(mistake := psycopg.ProgrammingError("no such column")) is mistake


async def test_a_server_that_may_forget_is_refused(postgres_server: TemporaryPostgres, migrated: str) -> None:
    dsn = postgres_server.new_database(migrated)
    with pytest.raises(UnfitDatabase, match="turn on fsync"):
        await PostgresDatabase.open(dsn)
    postgres_server.drop_database(dsn)


async def test_an_attempt_to_connect_that_took_too_long_leaves_nothing_open() -> None:
    """A server that stood still would otherwise find its places taken by those who have long given up."""
    gone = asyncio.Event()

    async def say_nothing(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        gone.set()
        writer.close()

    server = await asyncio.start_server(say_nothing, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    gc.disable()
    try:
        with pytest.raises(psycopg.errors.ConnectionTimeout):
            await ImpatientConnection.connect(host="127.0.0.1", port=port, user="x", connect_timeout=2)
        with anyio.fail_after(SOON):
            await gone.wait()
    finally:
        gc.enable()
        server.close()


async def test_a_server_that_is_not_there_is_unavailable(
    postgres_server: TemporaryPostgres, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database, "OPEN_TIMEOUT_SECONDS", 1)
    missing = make_conninfo(postgres_server.dsn, dbname="missing")
    with pytest.raises(Unavailable):
        await PostgresDatabase.open(missing, durable=False)


def test_a_remote_server_must_take_writes() -> None:
    assert "target_session_attrs" not in conninfo("host=/run/postgresql dbname=shop")
    assert "target_session_attrs" not in conninfo("dbname=shop")
    remotes = (
        "host=db.example",
        "postgresql://db1.example,db2.example/shop",
        "host=/run/postgresql,db2.example",
        "hostaddr=192.0.2.7",
        "service=shop",
    )
    for remote in remotes:
        assert conninfo_to_dict(conninfo(remote))["target_session_attrs"] == "read-write"


@pytest.mark.parametrize(
    ("name", "value", "is_remote"),
    [
        ("PGHOST", "db.example", True),
        ("PGHOST", "/run/postgresql", False),
        ("PGHOSTADDR", "192.0.2.7", True),
        ("PGSERVICE", "shop", True),
    ],
)
def test_a_server_that_the_environment_names_must_take_writes(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, *, is_remote: bool
) -> None:
    monkeypatch.setenv(name, value)
    assert ("target_session_attrs" in conninfo("dbname=shop")) is is_remote


def test_what_a_connection_string_says_stays_as_it_is() -> None:
    given = conninfo_to_dict(conninfo("host=db.example connect_timeout=9 target_session_attrs=any"))
    assert given["connect_timeout"] == "9"
    assert given["target_session_attrs"] == "any"
    assert given["application_name"] == "ytmarket"


async def test_a_plain_mistake_keeps_its_name(postgres: OpenDatabase) -> None:
    with pytest.raises(psycopg.DataError) as told:
        async with postgres.store.unit_of_work() as uow:
            await uow.accounts.create("a\0b", NOW)
    assert told.value.__cause__ is None
