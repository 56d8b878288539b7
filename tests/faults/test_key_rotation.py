"""The master key is changed while the shop is open: nobody notices, and the old key is then worth nothing."""

from __future__ import annotations

import asyncio
import base64
from asyncio import to_thread
from pathlib import Path

import pytest

from tests.acceptance.server import until
from tests.faults import books
from tests.faults.load import ORDERS, Customers, client, headers
from tests.faults.processes import Command, Server
from tests.faults.shop import ADMIN_TOKEN, MASTER_KEY, UNITS, Database

pytestmark = pytest.mark.anyio

NEW_KEY = base64.b64encode(bytes(range(32))).decode()
ADMIN = {"Authorization": f"Bearer {ADMIN_TOKEN}"}
IN_STOCK = {"units": [{"login": "user-1-3", "password": "p"}]}
SECRETS_AND_UNITS = 2 + 5 * UNITS
#: The second to the fifth byte of a sealed text name its key.
SEALED_BY = """
    select encode(substring(sealed from 2 for 4), 'hex') as key, count(*) from (
        select sealed from stock_unit
        union all select sealed_secret from api_key where sealed_secret is not null
    ) as everything group by key
"""


async def test_the_master_key_is_changed_under_load(database: Database, folder: Path) -> None:
    (old,) = [row[0] for row in books.rows(database.dsn, SEALED_BY)]
    servers = [
        Server.on(folder, database.settings(MASTER_KEY=f"{first},{second}"))
        for first, second in ((MASTER_KEY, NEW_KEY), (NEW_KEY, MASTER_KEY))
    ]
    for server in servers:
        await to_thread(server.start)
    shoppers = Customers([server.url for server in servers], database.customers, seed=6)
    async with shoppers.busy(4):
        await asyncio.sleep(0.3)
        assert await _stock_again(servers) == [409, 409]
        said = await to_thread(_reseal, database, folder, f"{NEW_KEY},{MASTER_KEY}")
        assert f"{SECRETS_AND_UNITS} of {SECRETS_AND_UNITS} were sealed by a former master key" in said
        await asyncio.sleep(0.3)
        assert await _stock_again(servers) == [409, 409]
    await shoppers.insist()
    await to_thread(until, lambda: books.unfinished(database.dsn), lambda found: found == {})
    for server in servers:
        assert await to_thread(server.stop) == 0
    assert shoppers.surprises == []
    assert books.broken_rules(database.dsn) == {}
    ((new, count),) = books.rows(database.dsn, SEALED_BY)
    assert new != old
    assert count == SECRETS_AND_UNITS
    await _the_old_key_is_not_needed(database, folder, shoppers)


async def _the_old_key_is_not_needed(database: Database, folder: Path, shoppers: Customers) -> None:
    """Everybody signs, every delivered item opens, and what was in stock is known."""
    server = await to_thread(Server.on(folder, database.settings(MASTER_KEY=NEW_KEY)).start)
    shoppers.urls = [server.url]
    await shoppers.ask_again()
    async with client(server.url) as http:
        for attempt in [given for given in shoppers.given if given.path == ORDERS][-20:]:
            found = await http.get(ORDERS, headers=headers(attempt.customer))
            for order in found.json()["items"][:3]:
                told = await http.get(f"{ORDERS}/{order['order_id']}", headers=headers(attempt.customer))
                assert told.json()["items"][0]["password"] == "p"
    assert await _stock_again([server]) == [409]
    said = await to_thread(_reseal, database, folder, NEW_KEY)
    assert f"0 of {SECRETS_AND_UNITS} were" in said
    await to_thread(server.stop)
    assert shoppers.surprises == []


async def test_a_reseal_that_is_killed_is_taken_up_again(database: Database, folder: Path) -> None:
    settings = database.settings(MASTER_KEY=f"{NEW_KEY},{MASTER_KEY}")
    command = Command(_words(folder), settings, folder / "killed.log")
    command.spawn()
    while len(books.rows(database.dsn, SEALED_BY)) < 2:
        assert command.is_alive, command.printed
    command.kill()
    assert len(books.rows(database.dsn, SEALED_BY)) == 2
    await to_thread(_reseal, database, folder, f"{NEW_KEY},{MASTER_KEY}")
    assert [count for _, count in books.rows(database.dsn, SEALED_BY)] == [SECRETS_AND_UNITS]
    assert books.broken_rules(database.dsn) == {}


def test_without_the_old_key_it_says_which_one_is_missing(database: Database, folder: Path) -> None:
    said = _reseal(database, folder, NEW_KEY, fails=True)
    (old,) = [row[0] for row in books.rows(database.dsn, SEALED_BY)]
    assert f"the master key {old} sealed it; add that key at the end of YTMARKET_MASTER_KEY" in said


async def _stock_again(servers: list[Server]) -> list[int]:
    """What each server says to a unit that has been in stock since before."""
    said = []
    for server in servers:
        async with client(server.url) as http:
            told = await http.post("/api/admin/products/1/stock", json=IN_STOCK, headers=ADMIN)
            said.append(told.status_code)
    return said


def _words(folder: Path) -> list[str]:
    return ["keys", "reseal", "--data-dir", str(folder / "reseal")]


def _reseal(database: Database, folder: Path, keys: str, *, fails: bool = False) -> str:
    log = folder / "reseal.log"
    log.unlink(missing_ok=True)
    command = Command(_words(folder), database.settings(MASTER_KEY=keys), log)
    command.spawn()
    assert command.wait() == (1 if fails else 0), command.printed
    return " ".join(command.printed.split())
