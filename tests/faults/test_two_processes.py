"""Servers and workers on one database do each thing once, and count a key's requests together."""

from __future__ import annotations

import asyncio
import time
from asyncio import to_thread
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest

from tests.acceptance.server import until
from tests.faults import books
from tests.faults.effort import times
from tests.faults.load import (
    ORDERS,
    Customers,
    client,
    everything_that_was_told_is_there,
    headers,
    problem_in,
)
from tests.faults.processes import Command, Server
from tests.faults.shop import Customer, Database
from tests.faults.wire import lines, request
from tests.redis_server import RedisServer, redis_server

pytestmark = pytest.mark.anyio

BALANCE = "/api/v1/balance"
LIMIT = 60
NOT_READ = """
    select devnet_transfer.id, devnet_transfer.tx_hash from devnet_transfer
    left join deposit using (network, tx_hash) where deposit.id is null
"""
CREDITED = "select status, count(*) from deposit group by status"


async def test_two_servers_and_two_workers_do_everything_once(database: Database, folder: Path) -> None:
    servers = [Server.on(folder, database.settings()) for _ in range(2)]
    workers = [
        Command(
            ["worker", "--data-dir", str(folder / f"worker-{number}")],
            database.settings(),
            folder / f"worker-{number}.log",
        )
        for number in range(2)
    ]
    for server in servers:
        await to_thread(server.start)
    for worker in workers:
        worker.spawn()
    shoppers = Customers([server.url for server in servers], database.customers, seed=3, topups=0.4)
    async with client(servers[0].url) as http, shoppers.busy(12):
        for mode in ("partial", "hold", "fail", "deliver"):
            assert (await http.post("/api/devnet/supplier", json={"mode": mode})).status_code == 200
            await asyncio.sleep(times(1, 15))
    await shoppers.insist()
    await shoppers.ask_again()
    await to_thread(until, lambda: books.rows(database.dsn, NOT_READ), lambda found: found == [])
    await to_thread(until, lambda: books.unfinished(database.dsn), lambda found: found == {})
    ended = [await to_thread(command.stop) for command in (*servers, *workers)]
    assert ended == [0] * 4
    assert shoppers.surprises == []
    assert books.broken_rules(database.dsn) == {}
    everything_that_was_told_is_there(database.dsn, shoppers)
    statuses = {row[0] for row in books.rows(database.dsn, "select distinct status from orders")}
    assert statuses == {"completed", "partial", "failed"}
    assert [row[0] for row in books.rows(database.dsn, CREDITED)] == ["credited_auto"]
    for command in (*servers, *workers):
        assert '"level": "error"' not in command.printed


@pytest.mark.parametrize(("product", "cents"), [(3, 337), (5, 537)])
async def test_equal_orders_at_two_servers_at_one_moment_take_each_price_once(
    database: Database, folder: Path, product: int, cents: int
) -> None:
    servers = [Server.on(folder, database.settings(), "--no-workers") for _ in range(2)]
    await asyncio.gather(*(to_thread(server.start) for server in servers))
    body = b'{"product_id": %d, "quantity": 1, "payment_method": "balance"}' % product
    buyers = [customer for customer in database.customers if customer.secret is None]
    async with lines([server.port for server in servers], 6 * len(buyers)) as everyone:
        asked = [
            line.ask(request("POST", ORDERS, headers(buyer), body))
            for buyer, line in zip(6 * buyers, everyone, strict=True)
        ]
        told = await asyncio.gather(*asked)
    for server in servers:
        server.end()
    assert {answer.status for answer in told} == {200}
    prices = [(cents * (100 + percent) + 50) // 100 for percent in range(11)]
    below = [(price, hits) for hits, price in enumerate(prices)]
    capped = [(prices[-1], 11)] * (len(told) - len(below))
    assert books.rows(database.dsn, "select price / 10000, hits from orders order by id") == below + capped
    assert books.broken_rules(database.dsn) == {}


@pytest.fixture
def redis() -> Iterator[RedisServer]:
    with redis_server() as server:
        yield server


@pytest.fixture
def limited(database: Database, redis: RedisServer, folder: Path) -> Iterator[list[Server]]:
    """Two servers that count together, in one Redis."""
    settings = database.settings(REDIS_URL=redis.url, RATE_LIMIT=str(LIMIT))
    started = [Server.on(folder, settings).start() for _ in range(2)]
    yield started
    for server in started:
        server.end()


@pytest.mark.needs("redis-server")
async def test_two_servers_and_one_redis_accept_sixty_in_all(
    database: Database, limited: list[Server]
) -> None:
    customer = database.customers[-1]
    asked = request("GET", BALANCE, headers(customer))
    async with lines([server.port for server in limited], 16) as everyone:
        begun = time.monotonic()
        told = [
            answer
            for _ in range(15)
            for answer in await asyncio.gather(*(line.ask(asked) for line in everyone))
        ]
        assert time.monotonic() - begun < 30
    assert Counter(answer.status for answer in told) == {200: LIMIT, 429: len(told) - LIMIT}
    for answer in told:
        assert answer.headers["ratelimit-policy"] == f'"default";q={LIMIT};w=60'
        if answer.status == 429:
            assert 30 <= int(answer.headers["retry-after"]) <= 60
    left = sorted(
        int(answer.headers["ratelimit"].split("r=")[1].split(";")[0])
        for answer in told
        if answer.status == 200
    )
    assert left == list(range(LIMIT))


@pytest.mark.needs("redis-server")
async def test_redis_away_is_told_in_time_and_forgotten_soon(
    database: Database, limited: list[Server], redis: RedisServer
) -> None:
    (customer, *_) = database.customers
    for server in limited:
        assert (await _balance(server, customer)).status_code == 200
    for go, come in ((redis.stop, redis.start), (redis.freeze, redis.thaw)):
        await to_thread(go)
        for server in limited:
            begun = time.monotonic()
            told = await _balance(server, customer)
            assert time.monotonic() - begun < 5
            assert (told.status_code, problem_in(told)["code"]) == (503, "unavailable")
            assert int(told.headers["Retry-After"]) > 0
        await to_thread(come)
        begun = time.monotonic()
        for server in limited:
            while (told := await _balance(server, customer)).status_code != 200:
                assert told.status_code == 503
                assert time.monotonic() - begun < 5
                await asyncio.sleep(0.1)


async def _balance(server: Server, customer: Customer) -> httpx2.Response:
    async with client(server.url) as http:
        return await http.get(BALANCE, headers=headers(customer))
