"""A commit whose answer is lost: a repetition tells what happened, and it happened once."""

from __future__ import annotations

from asyncio import to_thread
from collections.abc import Iterator
from pathlib import Path

import attrs
import httpx2
import pytest

from tests.acceptance.server import until
from tests.faults import books
from tests.faults.cluster import Cluster
from tests.faults.conftest import a_copy
from tests.faults.load import (
    ORDERS,
    TOPUPS,
    Attempt,
    Customers,
    everything_that_was_told_is_there,
    headers,
    problem_in,
)
from tests.faults.processes import Server
from tests.faults.proxy import Fate, Proxy
from tests.faults.shop import Database

pytestmark = pytest.mark.anyio

WANTED = {
    ORDERS: b'{"product_id": 1, "quantity": 2, "payment_method": "balance"}',
    TOPUPS: b'{"amount_usdt": 77.77, "network": "usdt_ton"}',
}
TABLES = {ORDERS: "orders", TOPUPS: "topup"}


@attrs.frozen
class Proxied:
    """A server and what stands between it and its database."""

    database: Database
    proxy: Proxy
    server: Server


@pytest.fixture(scope="module")
def proxied(
    the_cluster: Cluster, stocked: Database, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Proxied]:
    the_cluster.start()
    with a_copy(the_cluster, stocked) as database, Proxy.before(database.dsn) as proxy:
        settings = database.settings(DATABASE_URL=proxy.dsn)
        server = Server.on(tmp_path_factory.mktemp("proxied"), settings, "--no-workers").start()
        yield Proxied(database, proxy, server)
        server.end()


@pytest.mark.parametrize("fate", [Fate.LOSE_ANSWER, Fate.LOSE_COMMIT])
@pytest.mark.parametrize("path", [ORDERS, TOPUPS])
@pytest.mark.parametrize("signs", [False, True])
def test_the_outcome_is_unknown_and_a_repetition_tells(
    proxied: Proxied, path: str, fate: Fate, *, signs: bool
) -> None:
    (customer, *_) = [c for c in proxied.database.customers if (c.secret is not None) == signs]
    attempt = Attempt(customer, path, WANTED[path], f"one-{TABLES[path]}-{fate}")
    url = proxied.server.url + path
    before = books.count(proxied.database.dsn, TABLES[path])
    with httpx2.Client(trust_env=False, timeout=15) as client:
        proxied.proxy.lose(fate)
        lost = client.post(url, content=attempt.body, headers=headers(customer, attempt))
        proxied.proxy.lose_nothing()
        assert lost.status_code == 503
        assert problem_in(lost)["code"] == "outcome_unknown"
        assert "Idempotency-Key" in problem_in(lost)["detail"]
        assert int(lost.headers["Retry-After"]) > 0
        there = books.count(proxied.database.dsn, TABLES[path]) - before
        assert there == (fate is Fate.LOSE_ANSWER)
        told = [client.post(url, content=attempt.body, headers=headers(customer, attempt)) for _ in range(3)]
    assert [answer.status_code for answer in told] == [200] * 3
    assert len({answer.content for answer in told}) == 1
    assert told[-1].headers["Idempotent-Replayed"] == "true"
    assert (told[0].headers.get("Idempotent-Replayed") == "true") == (fate is Fate.LOSE_ANSWER)
    assert books.count(proxied.database.dsn, TABLES[path]) - before == 1
    assert books.broken_rules(proxied.database.dsn) == {}


def test_without_a_key_nobody_can_tell_and_the_customer_is_told_so(proxied: Proxied) -> None:
    """What an Idempotency-Key is for: without one, the careless repetition is a second order."""
    customer = proxied.database.customers[-1]
    before = books.count(proxied.database.dsn, "orders")
    with httpx2.Client(base_url=proxied.server.url, trust_env=False, timeout=15) as client:
        proxied.proxy.lose(Fate.LOSE_ANSWER)
        lost = client.post(ORDERS, content=WANTED[ORDERS], headers=headers(customer))
        proxied.proxy.lose_nothing()
        told = client.post(ORDERS, content=WANTED[ORDERS], headers=headers(customer))
    assert [lost.status_code, told.status_code] == [503, 200]
    assert books.count(proxied.database.dsn, "orders") - before == 2
    assert books.broken_rules(proxied.database.dsn) == {}


async def test_many_lost_answers_under_load(database: Database, folder: Path) -> None:
    """Workers included: a third of all commits is lost on one of its two ways."""
    with Proxy.before(database.dsn) as proxy:
        settings = database.settings(DATABASE_URL=proxy.dsn)
        server = await to_thread(Server.on(folder, settings).start)
        shoppers = Customers([server.url], database.customers, seed=1)
        async with shoppers.busy():
            for seed, fate in enumerate([Fate.LOSE_ANSWER, Fate.LOSE_COMMIT] * 2):
                proxy.lose(fate, share=1 / 3, seed=seed)
                await to_thread(_wait_for, proxy, fate, 25 * (1 + seed // 2))
        proxy.lose_nothing()
        await shoppers.insist()
        await shoppers.ask_again()
        await to_thread(until, lambda: books.unfinished(database.dsn), lambda found: found == {})
        assert server.stop() == 0
    assert shoppers.surprises == []
    assert shoppers.told["outcome_unknown"] >= 20
    assert shoppers.slowest < 10  # nobody was left hanging
    assert books.broken_rules(database.dsn) == {}
    everything_that_was_told_is_there(database.dsn, shoppers)


def _wait_for(proxy: Proxy, fate: Fate, times: int) -> None:
    until(lambda: proxy.happened[fate], lambda happened: happened >= times, seconds=60)
