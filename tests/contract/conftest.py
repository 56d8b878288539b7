"""A database of its own for each test that asks for Postgres, on one server for the whole session."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager

import attrs
import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict
from psycopg.sql import SQL, Composed, Identifier, Literal

from ytmarket.adapters.postgres.database import PostgresDatabase
from ytmarket.adapters.postgres.migrate import migrate
from ytmarket.adapters.postgres.roles import let_in, make_server_role, server_of
from ytmarket.testing.postgres import TemporaryPostgres

CUT_OFF = SQL("select pg_terminate_backend(pid) from pg_stat_activity where datname = {}")
LET_IN = SQL("alter database {} allow_connections {}")


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[TemporaryPostgres]:
    with TemporaryPostgres(fast=True) as server:
        yield server


@pytest.fixture(scope="session")
def migrated(postgres_server: TemporaryPostgres) -> str:
    """A database with the shop's schema, to be copied."""
    dsn = postgres_server.new_database()
    migrate(dsn)
    make_server_role(dsn)
    let_in(dsn, server_of(dsn))
    return dsn


@attrs.frozen
class OpenDatabase:
    """A Postgres store under test, as servers use it, and what a test may do to it from outside.

    *dsn* is the owner's.
    """

    store: PostgresDatabase
    dsn: str
    server: TemporaryPostgres

    async def sever(self) -> None:
        """End all connections to the database, as a crash of the server would."""
        await self._from_outside(CUT_OFF.format(Literal(self._name)))

    @asynccontextmanager
    async def outage(self) -> AsyncIterator[None]:
        """Let nobody into the database for a while."""
        await self._from_outside(LET_IN.format(Identifier(self._name), SQL("false")))
        await self.sever()
        yield
        await self._from_outside(LET_IN.format(Identifier(self._name), SQL("true")))

    def vanish(self) -> None:
        """Be a database that is not there."""
        self.server.drop_database(self.dsn)

    @property
    def _name(self) -> str:
        return str(conninfo_to_dict(self.dsn)["dbname"])

    async def _from_outside(self, statement: Composed) -> None:
        async with await psycopg.AsyncConnection.connect(self.server.dsn, autocommit=True) as connection:
            await connection.execute(statement)


@pytest.fixture
async def postgres(postgres_server: TemporaryPostgres, migrated: str) -> AsyncIterator[OpenDatabase]:
    dsn = postgres_server.new_database(migrated)
    store = await PostgresDatabase.open(server_of(dsn), durable=False)
    yield OpenDatabase(store, dsn, postgres_server)
    await store.close()
    postgres_server.drop_database(dsn)
