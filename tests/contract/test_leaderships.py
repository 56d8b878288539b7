"""Leadership in memory and on PostgreSQL keep the promises of the port."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import AsyncIterator

import psycopg
import pytest

from tests.contract.conftest import OpenDatabase
from ytmarket.adapters.inmemory.leadership import InMemoryLeadership
from ytmarket.adapters.postgres.leadership import PostgresLeadership
from ytmarket.application.errors import Unavailable
from ytmarket.testing.contracts.leadership import Depose, LeadershipContract, Reign
from ytmarket.testing.postgres import TemporaryPostgres

HELD = "select count(*) from pg_locks where locktype = 'advisory' and granted"
LONG_TRANSACTIONS = """
    select count(*) from pg_stat_activity
    where datname = current_database() and pid <> pg_backend_pid() and state like '%in transaction%'
"""


class TestLeadershipInMemory(LeadershipContract):
    @pytest.fixture
    def leadership(self) -> InMemoryLeadership:
        return InMemoryLeadership()

    @pytest.fixture
    def elsewhere(self, leadership: InMemoryLeadership) -> InMemoryLeadership:
        return leadership

    @pytest.fixture
    def depose(self, leadership: InMemoryLeadership) -> Depose:
        async def depose(name: str) -> None:
            leadership.depose(name)

        return depose

    @pytest.fixture
    def unreachable(self) -> InMemoryLeadership:
        leadership = InMemoryLeadership()
        leadership.is_down = True
        return leadership


class TestLeadershipOnPostgres(LeadershipContract):
    @pytest.fixture
    async def leadership(self, postgres: OpenDatabase) -> AsyncIterator[PostgresLeadership]:
        leadership = PostgresLeadership(postgres.dsn, pause=0.05)
        yield leadership
        await leadership.close()

    @pytest.fixture
    async def elsewhere(self, postgres: OpenDatabase) -> AsyncIterator[PostgresLeadership]:
        leadership = PostgresLeadership(postgres.dsn, pause=0.05)
        yield leadership
        await leadership.close()

    @pytest.fixture
    def depose(self, postgres: OpenDatabase) -> Depose:
        async def depose(name: str) -> None:
            assert name
            await postgres.sever()

        return depose

    @pytest.fixture
    async def unreachable(self, postgres_server: TemporaryPostgres) -> AsyncIterator[PostgresLeadership]:
        dsn = postgres_server.new_database()
        postgres_server.drop_database(dsn)
        leadership = PostgresLeadership(dsn)
        yield leadership
        await leadership.close()

    async def test_nobody_waits_in_a_transaction_and_nothing_stays_locked(
        self, postgres: OpenDatabase, leadership: PostgresLeadership, elsewhere: PostgresLeadership
    ) -> None:
        leader = Reign(leadership, "scan")
        await leader.begun()
        waiting = Reign(elsewhere, "scan")  # only now, so that it is clear which of the two leads
        async with await psycopg.AsyncConnection.connect(postgres.dsn, autocommit=True) as outside:
            for _ in range(5):
                assert await _count(outside, LONG_TRANSACTIONS) == 0
            leader.leave.set()
            await leader.ended()
            await waiting.begun()
            assert await _count(outside, HELD) == 1
            waiting.leave.set()
            await waiting.ended()
            await leadership.close()
            await elsewhere.close()
            while await _count(outside, HELD):
                pass


async def _count(connection: psycopg.AsyncConnection[tuple[int]], statement: str) -> int:
    row = await (await connection.execute(statement.encode())).fetchone()
    assert row is not None
    return row[0]


async def test_a_connection_that_cannot_be_set_up_is_closed(
    postgres: OpenDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Python tells of a connection that nobody has closed, and pytest makes that an error."""
    monkeypatch.setattr("ytmarket.adapters.postgres.leadership.SETTINGS", "set no_such_setting = 1")
    leadership = PostgresLeadership(postgres.dsn)
    with pytest.raises(Unavailable):
        async with leadership.lead("somebody"):
            pytest.fail("it leads")
    await leadership.close()
    gc.collect()


async def test_closing_cuts_no_statement_off(
    postgres: OpenDatabase, caplog: pytest.LogCaptureFixture
) -> None:
    """Whatever the speaker is at when the process stops; psycopg warns of what was cut off."""
    for turns in range(8):
        leadership = PostgresLeadership(postgres.dsn)
        reign = Reign(leadership, "scan")
        await reign.begun()
        reign.leave.set()
        await reign.ended()
        for _ in range(turns):
            await asyncio.sleep(0)
        await leadership.close()
    assert [record.getMessage() for record in caplog.records if record.name == "psycopg"] == []


async def test_closing_waits_for_no_database_that_hangs(
    postgres: OpenDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ytmarket.adapters.postgres.leadership.LET_GO", "select pg_sleep(60), %s")
    monkeypatch.setattr("ytmarket.adapters.postgres.leadership.PATIENCE_SECONDS", 60.0)
    monkeypatch.setattr("ytmarket.adapters.postgres.leadership.SETTINGS", "set statement_timeout = '60s'")
    monkeypatch.setattr("ytmarket.adapters.postgres.leadership.FAREWELL_SECONDS", 0.05)
    leadership = PostgresLeadership(postgres.dsn)
    reign = Reign(leadership, "scan")
    await reign.begun()
    reign.leave.set()
    await reign.ended()
    async with asyncio.timeout(30):
        await leadership.close()
