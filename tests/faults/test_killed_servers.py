"""Servers and databases that are killed again and again, while customers order, top up and pay."""

from __future__ import annotations

import asyncio
import json
import random
import time
from asyncio import to_thread
from collections import defaultdict
from pathlib import Path

import pytest

from tests.acceptance.server import until
from tests.faults import books
from tests.faults.cluster import Cluster
from tests.faults.effort import times
from tests.faults.load import Customers, client, everything_that_was_told_is_there
from tests.faults.processes import Server
from tests.faults.shop import Database
from ytmarket.testing.contracts import LoopbackReceiver, loopback_receiver

pytestmark = pytest.mark.anyio

SUPPLIER_MODES = ("deliver", "deliver", "fail", "partial", "hold")
#: What no worker may leave behind for longer than a claim or a lease lasts.
SETTLED_SECONDS = 120
# A worker that was killed holds its claims for a minute more; the test lets that minute pass at once.
LET_CLAIMS_END = "update event set leased_until = null where delivery = 'pending' returning id"


@pytest.mark.parametrize("seed", range(times(1, 4)))
async def test_a_server_that_is_killed_loses_nothing_and_does_nothing_twice(
    database: Database, folder: Path, seed: int
) -> None:
    chance = random.Random(seed)
    server = Server.on(folder, database.settings(WEBHOOK_ALLOW_PRIVATE="yes"))
    async with loopback_receiver() as receiver:
        shoppers = Customers(
            [server.url], database.customers, seed=chance.randrange(10**6), webhook_url=receiver.url
        )
        async with shoppers.busy(8):
            for _ in range(times(15, 60)):
                await _live_and_die(server, chance)
                assert await to_thread(books.broken_rules, database.dsn) == {}
        await to_thread(server.start)
        await _supplier(server, "deliver")
        await shoppers.insist()
        await shoppers.ask_again()
        await to_thread(_all_settled, database.dsn)
        await to_thread(_all_sent, database.dsn)
        assert await to_thread(server.stop) == 0
    assert shoppers.surprises == []
    assert len(shoppers.given) > 100
    assert books.broken_rules(database.dsn) == {}
    everything_that_was_told_is_there(database.dsn, shoppers)
    _every_event_arrived_in_its_order(database.dsn, receiver)


async def test_a_database_that_is_killed_loses_nothing_that_was_promised(
    cluster: Cluster, database: Database, folder: Path
) -> None:
    chance = random.Random(5)
    server = await to_thread(Server.on(folder, database.settings()).start)
    shoppers = Customers([server.url], database.customers, seed=5)
    async with shoppers.busy(8):
        for _ in range(times(4, 50)):
            await asyncio.sleep(chance.uniform(0.2, 0.8))
            await to_thread(cluster.kill)
            begun = time.monotonic()
            await to_thread(cluster.start)
            assert time.monotonic() - begun < 30
            assert await to_thread(books.broken_rules, database.dsn) == {}
    await shoppers.insist()
    await shoppers.ask_again()
    await to_thread(_all_settled, database.dsn)
    server.end()
    assert shoppers.surprises == [], [line for line in server.printed.splitlines() if "error" in line][-5:]
    assert books.broken_rules(database.dsn) == {}
    everything_that_was_told_is_there(database.dsn, shoppers)


async def _live_and_die(server: Server, chance: random.Random) -> None:
    """Sometimes it dies before it has begun to serve."""
    if chance.random() < 0.15:
        server.spawn()
        await asyncio.sleep(chance.uniform(0, 0.5))
    else:
        await to_thread(server.start)
        await _supplier(server, chance.choice(SUPPLIER_MODES))
        await asyncio.sleep(chance.uniform(0, 0.5))
    await to_thread(server.kill)


async def _supplier(server: Server, mode: str) -> None:
    async with client(server.url) as http:
        told = await http.post("/api/devnet/supplier", json={"mode": mode})
    assert told.status_code == 200, told.text


def _all_settled(dsn: str) -> None:
    until(lambda: books.unfinished(dsn), lambda found: found == {}, seconds=SETTLED_SECONDS)


def _all_sent(dsn: str) -> None:
    books.rows(dsn, LET_CLAIMS_END)
    pending = "select id, order_id, status, attempts from event where delivery = 'pending' limit 5"
    until(lambda: books.rows(dsn, pending), lambda found: found == [], seconds=SETTLED_SECONDS)


def _every_event_arrived_in_its_order(dsn: str, receiver: LoopbackReceiver) -> None:
    happened: dict[int, list[tuple[str, str]]] = defaultdict(list)
    for order, event, status in books.rows(dsn, "select order_id, id, status from event order by id"):
        happened[order].append((f"evt_{event}", status))
    arrived: dict[int, list[tuple[str, str]]] = defaultdict(list)
    for hook in receiver.arrived:
        told = json.loads(hook.body)
        seen = arrived[told["order_id"]]
        event = (hook.headers["x-webhook-id"], told["status"])
        if seen[-1:] != [event]:  # the same once more: its sender died before it had written it down
            seen.append(event)
    assert arrived == happened
