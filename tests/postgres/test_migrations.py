"""A new database and one that came through every step are the same, and migrating twice is migrating once."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Iterator

import psycopg
import pytest
from alembic import command

from tests.postgres.schema_facts import schema_facts
from ytmarket.adapters.postgres import migrate as migrating
from ytmarket.adapters.postgres.migrate import UnknownSchema, is_current, migrate
from ytmarket.adapters.postgres.schema_version import is_newest
from ytmarket.application.errors import Unavailable
from ytmarket.domain.further_networks import source_of
from ytmarket.domain.networks import Network
from ytmarket.testing.postgres import TemporaryPostgres


@pytest.fixture
def empty(postgres_server: TemporaryPostgres) -> Iterator[str]:
    dsn = postgres_server.new_database()
    yield dsn
    postgres_server.drop_database(dsn)


def take_every_step(dsn: str) -> None:
    """What a database has lived through that is as old as the first release."""
    with migrating._connected(dsn) as connection, migrating._config(connection) as config:
        command.upgrade(config, "head")


def run(dsn: str, statement: str) -> None:
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute(statement.encode())


def test_a_new_schema_and_one_that_took_every_step_are_equal(migrated: str, empty: str) -> None:
    take_every_step(empty)
    assert is_current(empty)
    new, old = schema_facts(migrated), schema_facts(empty)
    assert len(new) > 200
    assert old == new


@pytest.mark.parametrize(
    "difference",
    [
        "alter table orders add column note text",
        "alter table orders alter column webhook_url set not null",
        "alter table orders alter column settled set default 1",
        "alter table orders drop constraint order_money_bounded",
        "alter table orders set (fillfactor = 70)",
        "drop index orders_open",
        "drop trigger transfer_immutable on transfer",
        "create or replace function catalog_changes() returns trigger language plpgsql as 'begin end'",
        "alter sequence order_number increment 2",
        "create table forgotten (id bigint)",
        "create type mood as enum ('good')",
        "update catalog_version set version = 2",
    ],
)
def test_the_comparison_sees_a_difference(
    postgres_server: TemporaryPostgres, migrated: str, difference: str
) -> None:
    changed = postgres_server.new_database(migrated)
    run(changed, difference)
    assert schema_facts(changed) != schema_facts(migrated)
    postgres_server.drop_database(changed)


EQ = "EQD1sWUiSli3kd9q8dgwPmHNxLuGw9HEJxA8NExBiesvHnK-"
UQ = "UQD1sWUiSli3kd9q8dgwPmHNxLuGw9HEJxA8NExBiesvHi97"
OTHER_EQ = "EQD__________________________________________0vo"
PLAIN_EQ = OTHER_EQ.replace("_", "/")
MISTYPED = EQ[:-1] + "A"


def test_what_was_read_of_ton_comes_under_one_spelling_of_its_wallet(empty: str) -> None:
    with migrating._connected(empty) as connection, migrating._config(connection) as config:
        command.upgrade(config, "0009")
    run(
        empty,
        f"""
        insert into network_progress values
            ('usdt_ton', '{EQ}', 'lower', '2026-05-01Z', '2026-05-01Z'),
            ('usdt_ton', '{UQ}', 'higher', '2026-05-03Z', '2026-05-03Z'),
            ('usdt_ton', '{PLAIN_EQ}', 'other', '2026-05-02Z', '2026-05-02Z'),
            ('usdt_ton', 'devnet', 'devnet', '2026-05-02Z', '2026-05-02Z'),
            ('usdt_tron', '{EQ}', 'tron', '2026-05-02Z', '2026-05-02Z');
        insert into network_state values
            ('usdt_ton', '{EQ}', 'old', false, '2026-05-01Z'),
            ('usdt_ton', '{UQ}', null, false, '2026-05-03Z'),
            ('usdt_ton', '{MISTYPED}', 'mistyped', true, '2026-05-01Z');
        insert into network_coverage values
            ('usdt_ton', '{EQ}', 5, 10, 'a', 'b', '2026-05-01Z', '2026-05-02Z'),
            ('usdt_ton', '{UQ}', 5, 7, 'a', 'c', '2026-05-03Z', '2026-05-03Z'),
            ('usdt_ton', '{UQ}', 11, 20, 'd', 'e', '2026-05-03Z', '2026-05-04Z'),
            ('usdt_ton', '{EQ}', 30, 40, 'f', 'g', '2026-05-01Z', '2026-05-02Z'),
            ('usdt_ton', '{PLAIN_EQ}', 21, 29, 'h', 'i', '2026-05-01Z', '2026-05-02Z');
        """,
    )
    take_every_step(empty)
    one, other = source_of(Network.TON, EQ), source_of(Network.TON, PLAIN_EQ)
    assert (one, other) == (UQ, source_of(Network.TON, OTHER_EQ))
    assert rows(empty, "select network, wallet, cursor from network_progress") == {
        ("usdt_ton", UQ, "lower"),
        ("usdt_ton", other, "other"),
        ("usdt_ton", "devnet", "devnet"),
        ("usdt_tron", EQ, "tron"),
    }
    assert rows(empty, "select wallet, trouble from network_state") == {(UQ, None), (MISTYPED, "mistyped")}
    spans = "select wallet, first, last, first_hash, last_hash from network_coverage"
    assert rows(empty, spans) == {
        (UQ, 5, 20, "a", "e"),
        (UQ, 30, 40, "f", "g"),
        (other, 21, 29, "h", "i"),
    }


def test_orders_that_were_placed_before_know_their_receivers(empty: str) -> None:
    with migrating._connected(empty) as connection, migrating._config(connection) as config:
        command.upgrade(config, "0011")
    run(
        empty,
        """
        insert into orders (id, channel, account_id, api_key_id, product_id, quantity, price, hits, charged,
            status, webhook_url, created_at, updated_at, deadline_at)
        select number, 'api', 1, 1, 1, 1, 100, 0, 100, 'processing', url, now(), now(), now()
        from (values
            (1, 'https://Ä.Example.:443?order=1'), (2, 'https://ä.example/'), (3, 'https://ä.example/'),
            (4, null), (5, 'no URL')
        ) as given (number, url)
        """,
    )
    take_every_step(empty)
    ours = "xn--4ca.example"
    assert rows(empty, "select id, receiver from orders") == {
        (1, ours),
        (2, ours),
        (3, ours),
        (4, None),
        (5, ""),
    }


def rows(dsn: str, query: str) -> set[tuple[object, ...]]:
    with psycopg.connect(dsn) as connection:
        return set(connection.execute(query.encode()).fetchall())


def test_migrating_again_changes_nothing(empty: str) -> None:
    assert not is_current(empty)
    migrate(empty)
    assert is_current(empty)
    run(empty, "insert into account (label, created_at) values ('somebody', now())")
    migrate(empty)
    assert is_current(empty)
    with psycopg.connect(empty) as connection:
        assert connection.execute("select label from account").fetchall() == [("somebody",)]


def test_processes_that_start_together_migrate_once(empty: str) -> None:
    troubles: list[BaseException] = []

    def start() -> None:
        try:
            migrate(empty)
        except BaseException as trouble:  # noqa: BLE001 - told by the main thread
            troubles.append(trouble)

    threads = [threading.Thread(target=start) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert troubles == []
    assert is_current(empty)


def test_a_migration_that_breaks_off_leaves_nothing(empty: str) -> None:
    run(empty, "create table used_signature (mine text)")
    with pytest.raises(Exception, match="used_signature"):
        migrate(empty)
    with psycopg.connect(empty) as connection:
        found = connection.execute("select relname from pg_class where relnamespace = 'public'::regnamespace")
        assert found.fetchall() == [("used_signature",)]


def test_a_schema_from_the_future_is_left_alone(empty: str) -> None:
    migrate(empty)
    run(empty, "update alembic_version set version_num = '9999'")
    with pytest.raises(UnknownSchema, match="newer"):
        migrate(empty)
    with pytest.raises(UnknownSchema):
        is_current(empty)


def test_a_database_that_does_not_answer_is_unavailable(
    postgres_server: TemporaryPostgres, empty: str
) -> None:
    postgres_server.drop_database(empty)
    with pytest.raises(Unavailable, match="does not exist"):
        migrate(empty)


def test_a_start_tells_a_schema_of_this_version_from_any_other(migrated: str, empty: str) -> None:
    assert is_newest(migrated)
    assert not is_newest(empty)
    take_every_step(empty)
    assert is_newest(empty)
    for other in ("0001", "9999"):
        run(empty, f"update alembic_version set version_num = '{other}'")
        assert not is_newest(empty)
    assert not is_newest("host=127.0.0.1 port=1 dbname=nobody connect_timeout=1")


def test_a_command_on_a_schema_of_this_version_loads_no_migrations() -> None:
    told = "import sys, ytmarket.entrypoints.cli; print({'alembic', 'sqlalchemy'} & set(sys.modules))"
    program = [sys.executable, "-c", told]
    assert subprocess.run(program, capture_output=True, text=True, check=True).stdout == "set()\n"
