"""Of two workers one reads each network; when it is killed the other goes on, and nothing is read twice."""

from __future__ import annotations

from asyncio import to_thread
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.acceptance.server import until
from tests.faults import books
from tests.faults.processes import Command
from tests.faults.shop import Database
from ytmarket.application.ports.devnet import DevnetTransfer
from ytmarket.domain.money import Usdt
from ytmarket.domain.networks import Network
from ytmarket.entrypoints.bootstrap import open_shop
from ytmarket.entrypoints.settings import Settings

pytestmark = pytest.mark.anyio

# By their names: others lock for a moment, as who covers a span or rings an alarm does.
LEADERS = """
    select pg_locks.pid, count(*) from pg_locks join unnest(array[{names}]) as led (name)
        on hashtextextended('ytmarket leader ' || name, 0) = (classid::bigint << 32 | objid::bigint)
    where locktype = 'advisory' and objsubid = 1 and granted and pg_locks.database = (
        select oid from pg_database where datname = current_database()
    )
    group by pg_locks.pid
""".format(names=", ".join(f"'scan:{network}'" for network in Network))
TRANSFERS = "select network, status from deposit order by network"
WORKERS = "select count(*) from heartbeat where role = 'worker'"
SOUND = "select count(*) from network_state where trouble is null and not stopped"


@pytest.fixture
def workers(database: Database, folder: Path) -> Iterator[list[Command]]:
    commands = [
        Command(
            ["worker", "--data-dir", str(folder / f"worker-{number}")],
            database.settings(),
            folder / f"worker-{number}.log",
        )
        for number in range(2)
    ]
    yield commands
    for command in commands:
        command.end()


async def pay(database: Database, folder: Path, amount: str) -> None:
    """Send it on every network."""
    settings = Settings.from_environment(database.settings(DATA_DIR=str(folder / "payer")))
    async with open_shop(settings) as shop:
        assert shop.services.devnet is not None
        for network in Network:
            transfer = DevnetTransfer(network=network, amount=Usdt.of(amount), sender="somebody")
            await shop.services.devnet.send(transfer)


async def test_when_the_leader_is_killed_another_goes_on(
    database: Database, folder: Path, workers: list[Command]
) -> None:
    leader, other = workers
    leader.spawn()
    await to_thread(until, lambda: leader.printed.count('"leads"'), lambda count: count == len(Network))
    await to_thread(until, lambda: books.rows(database.dsn, SOUND), lambda rows: rows == [(6,)])
    other.spawn()
    await pay(database, folder, "5")
    seen = [(str(network), "unmatched") for network in sorted(Network, key=str)]
    await to_thread(until, lambda: books.rows(database.dsn, TRANSFERS), lambda rows: rows == seen)
    assert [count for _, count in books.rows(database.dsn, LEADERS)] == [len(Network)]
    await to_thread(until, lambda: books.rows(database.dsn, WORKERS), lambda rows: rows == [(2,)])
    assert '"leads"' not in other.printed
    await to_thread(leader.kill)
    await to_thread(until, lambda: other.printed.count('"leads"'), lambda count: count == len(Network))
    await pay(database, folder, "6")
    twice = sorted(seen * 2)
    await to_thread(until, lambda: books.rows(database.dsn, TRANSFERS), lambda rows: rows == twice)
    assert [count for _, count in books.rows(database.dsn, LEADERS)] == [len(Network)]
    assert await to_thread(other.stop) == 0
    await to_thread(until, lambda: books.rows(database.dsn, LEADERS), lambda rows: rows == [])
    assert books.broken_rules(database.dsn) == {}
