"""The running shop's connections cannot change what was posted or written down, and need not to."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from tests.contract.conftest import OpenDatabase
from tests.postgres.test_migrations import run
from ytmarket.adapters.postgres.connections import Pool, lent
from ytmarket.adapters.postgres.migrate import NotTheOwner, migrate
from ytmarket.adapters.postgres.roles import ONLY_GROW, SERVER, RoleTooMighty, let_in, server_of
from ytmarket.domain import ledger
from ytmarket.domain.audit import AuditEntry
from ytmarket.domain.money import Usdt
from ytmarket.entrypoints.bootstrap import made_ready
from ytmarket.entrypoints.settings import Settings
from ytmarket.testing.contracts import World
from ytmarket.testing.contracts.world import NOW
from ytmarket.testing.postgres import TemporaryPostgres

#: Whatever one might try on a table that only grows; the column is one that it has.
TRIES: Final = (
    "update {table} set {column} = {column}",
    "delete from {table}",
    "truncate {table}",
    "truncate {table} cascade",
    "alter table {table} disable trigger {table}_immutable",
    "alter table {table} disable trigger all",
    "drop trigger {table}_immutable on {table}",
    "create or replace trigger {table}_immutable before insert on {table} execute function quarter_day()",
    "create rule nothing as on delete to {table} do instead nothing",
    "alter table {table} rename to nothing",
    "drop table {table} cascade",
    "alter table {table} owner to current_user",
)
MIGHTY: Final = (
    "create or replace function row_is_immutable() returns trigger language sql as 'select 1'",
    "set session_replication_role = replica",
    "set role ytmarket",
    "set session authorization ytmarket",
    "alter role current_user superuser",
    "create role another superuser",
    "create table nothing ()",
)
COLUMNS: Final = {"api_audit_log": "actor", "transfer": "amount", "delivery": "at"}
ATTEMPTS: Final = [
    *(attempt.format(table=table, column=COLUMNS[table]) for table in ONLY_GROW for attempt in TRIES),
    *MIGHTY,
]


async def _work(world: World) -> None:
    customer, product = await world.customer(10), await world.product(1, units=1)
    await world.order(customer, product)
    async with world.unit_of_work() as uow:
        await uow.audit.append(AuditEntry(at=NOW, actor="a", action="b", target="c"))
        await uow.accounts.post([ledger.adjustment("x", customer.account, Usdt.of(1), NOW, "why")])
        await uow.commit()


async def test_no_connection_of_a_shop_can_change_what_only_grows(
    postgres: OpenDatabase, world: World
) -> None:
    await _work(world)
    for pool in (postgres.store.writing, postgres.store.reading):
        assert await _refused(pool) == ATTEMPTS
    with psycopg.connect(postgres.dsn) as owner:
        kept = [owner.execute(f"select count(*) from {table}".encode()).fetchone() for table in ONLY_GROW]
    assert kept == [(1,), (3,), (0,)]


async def _refused(pool: Pool) -> list[str]:
    """Which of the attempts were refused for want of a right."""
    refused = []
    for attempt in ATTEMPTS:
        async with lent(pool) as connection:
            try:
                await connection.execute(attempt.encode())
            except psycopg.errors.InsufficientPrivilege:
                refused.append(attempt)
    return refused


def test_all_tables_that_are_guarded_by_trigger_are_guarded_by_role(migrated: str) -> None:
    with psycopg.connect(migrated) as owner:
        guarded = owner.execute(
            "select tgrelid::regclass::text from pg_trigger where tgfoid = 'row_is_immutable'::regproc"
        )
        assert {row[0] for row in guarded} == set(ONLY_GROW)


@pytest.fixture
def owned(postgres_server: TemporaryPostgres) -> Iterator[tuple[str, str]]:
    """An operator's database, empty, and the connection strings of an owner and of another role."""
    dsn = postgres_server.new_database()
    name = conninfo_to_dict(dsn)["dbname"]
    run(dsn, f"create role {name}_owner login password 'o'")
    run(dsn, f"create role {name}_server login password 's'")
    run(dsn, f"alter database {name} owner to {name}_owner")
    yield (
        make_conninfo(dsn, user=f"{name}_owner", password="o"),
        make_conninfo(dsn, user=f"{name}_server", password="s"),
    )
    postgres_server.drop_database(dsn)
    run(postgres_server.dsn, f"drop role {name}_owner")
    run(postgres_server.dsn, f"drop role {name}_server")


def rows(dsn: str, question: str) -> list[tuple[Any, ...]]:
    with psycopg.connect(dsn) as connection:
        return connection.execute(question.encode()).fetchall()


def test_an_operators_owner_migrates_and_lets_the_servers_role_in(owned: tuple[str, str]) -> None:
    owner, server = owned
    settings = Settings(database_url=server, database_owner_url=owner)
    with pytest.raises(NotTheOwner, match="YTMARKET_DATABASE_OWNER_URL"):
        made_ready(Settings(database_url=server), server)
    assert made_ready(settings, server) == server
    # From now on a server needs to know its own role only.
    assert made_ready(Settings(database_url=server), server) == server
    assert rows(server, "select count(*) from transfer") == [(0,)]
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        run(server, "truncate transfer")
    # A table that a later version brings is let in too, and what is right is left as it is.
    run(owner, "create table novelty (id bigint generated always as identity)")
    made_ready(settings, server)
    run(server, "insert into novelty default values")
    before = rows(owner, "select xmin from pg_class where relname = 'novelty'")
    made_ready(settings, server)
    assert rows(owner, "select xmin from pg_class where relname = 'novelty'") == before


def test_a_database_that_was_made_under_one_role_can_get_another(owned: tuple[str, str]) -> None:
    owner, server = owned
    assert made_ready(Settings(database_url=owner), owner) == owner
    run(owner, f"grant all on all tables in schema public to {conninfo_to_dict(server)['user']}")
    made_ready(Settings(database_url=server, database_owner_url=owner), server)
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        run(server, "delete from api_audit_log")


def test_a_role_that_could_all_the_same_is_refused(
    owned: tuple[str, str], postgres_server: TemporaryPostgres
) -> None:
    owner, server = owned
    names = [str(conninfo_to_dict(dsn)["user"]) for dsn in owned]
    run(postgres_server.dsn, f"grant {names[0]} to {names[1]}")
    migrate(owner)
    with pytest.raises(RoleTooMighty, match=names[1]):
        let_in(owner, server)


def test_servers_on_the_embedded_database_use_a_role_of_their_own(migrated: str) -> None:
    server = made_ready(Settings(), migrated)
    assert server == server_of(migrated)
    told = conninfo_to_dict(server)
    assert told["user"] == SERVER
    assert told["password"] != conninfo_to_dict(migrated)["password"]
    ((superuser, creates, members),) = rows(
        server,
        "select rolsuper, rolcreaterole, (select count(*) from pg_auth_members where member = pg_roles.oid)"
        " from pg_roles where rolname = current_user",
    )
    assert (superuser, creates, members) == (False, False, 0)
