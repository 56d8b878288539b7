"""While PostgreSQL is away clients are told so, in time and in one way; when it is back, so is the shop."""

from __future__ import annotations

import asyncio
import time
from asyncio import to_thread
from collections.abc import Callable, Coroutine, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import attrs
import httpx2
import psycopg
import pytest
from psycopg.conninfo import make_conninfo
from psycopg.sql import SQL, Identifier

from tests.acceptance.server import until
from tests.faults import books
from tests.faults.cluster import Cluster, name_of
from tests.faults.conftest import a_copy
from tests.faults.effort import times
from tests.faults.load import ORDERS, REFUSALS, TOPUPS, Customers, client, headers, problem_in
from tests.faults.processes import Server
from tests.faults.proxy import Proxy
from tests.faults.shop import ADMIN_TOKEN, Database

pytestmark = pytest.mark.anyio

#: What is told within four and a half seconds, and probes within two, on a machine that has other work too.
ANSWER_SECONDS = 12
PROBE_SECONDS = 8
RECOVERY_SECONDS = 5
ORDER = b'{"product_id": 2, "quantity": 1, "payment_method": "balance"}'
TOPUP = b'{"amount_usdt": 12.5, "network": "usdt_polygon"}'
ROLE = "shopkeeper"
ROLE_RIGHTS = [
    SQL("create role {} login password 'secret'"),
    SQL("grant all on schema public to {}"),
    SQL("grant all on all tables in schema public to {}"),
    SQL("grant all on all sequences in schema public to {}"),
]
OPERATOR = {"Authorization": f"Bearer {ADMIN_TOKEN}"}


@attrs.frozen
class Served:
    """A server on a database, and what a test may do to the latter."""

    cluster: Cluster
    database: Database
    server: Server


@pytest.fixture(scope="module")
def served(
    the_cluster: Cluster, stocked: Database, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Served]:
    the_cluster.start()
    with a_copy(the_cluster, stocked) as database:
        dsn = _as_an_ordinary_role(database.dsn)
        server = Server.on(tmp_path_factory.mktemp("away"), database.settings(DATABASE_URL=dsn)).start()
        yield Served(the_cluster, database, server)
        server.end()


def _as_an_ordinary_role(dsn: str) -> str:
    """For which a limit of connections holds, unlike for a superuser."""
    with psycopg.connect(dsn, autocommit=True) as connection:
        for statement in ROLE_RIGHTS:
            connection.execute(statement.format(Identifier(ROLE)))
    return make_conninfo(dsn, user=ROLE, password="secret")


@contextmanager
def stopped(served: Served) -> Iterator[None]:
    served.cluster.stop()
    yield
    served.cluster.start()


@contextmanager
def killed(served: Served) -> Iterator[None]:
    served.cluster.kill()
    yield
    served.cluster.start()


@contextmanager
def frozen(served: Served) -> Iterator[None]:
    with served.cluster.frozen():
        yield


@contextmanager
def read_only(served: Served) -> Iterator[None]:
    """As a former primary is; who is connected already is told by the next write."""
    name = Identifier(name_of(served.database.dsn))
    served.cluster.run(SQL("alter database {} set default_transaction_read_only = on").format(name))
    served.cluster.end_backends(served.database.dsn)
    yield
    served.cluster.run(SQL("alter database {} reset default_transaction_read_only").format(name))


@contextmanager
def crowded(served: Served) -> Iterator[None]:
    """There are too many connections already, and those there were have ended."""
    served.cluster.run(SQL("alter role {} connection limit 0").format(Identifier(ROLE)))
    served.cluster.end_backends(served.database.dsn)
    yield
    served.cluster.run(SQL("alter role {} connection limit -1").format(Identifier(ROLE)))


Outage = Callable[[Served], AbstractContextManager[None]]


@attrs.define
class Witness:
    """Asks for everything that the shop has, over and over, and writes down what it was told."""

    served: Served
    told: list[tuple[str, float, httpx2.Response]] = attrs.field(factory=list)
    probed: list[tuple[str, float, httpx2.Response]] = attrs.field(factory=list)

    async def look(self, seconds: float) -> None:
        """Once around every half second, nobody waiting for the others."""
        async with client(self.served.server.url) as http:
            rounds: list[asyncio.Future[object]] = []
            for _ in range(round(2 * seconds)):
                rounds += [asyncio.ensure_future(one) for one in self._round(http)]
                await asyncio.sleep(0.5)
            await asyncio.gather(*rounds)

    def _round(self, http: httpx2.AsyncClient) -> Iterator[Coroutine[object, object, None]]:
        customer = self.served.database.customers[-1]
        own = headers(customer)
        for path in (
            "health",
            "balance",
            "products",
            "products/1",
            "categories",
            "orders",
            "orders/1",
            "usage",
        ):
            yield self._ask(http, "GET", f"/api/v1/{path}", own)
        for customer in (self.served.database.customers[0], self.served.database.customers[-1]):
            for path, body in ((ORDERS, ORDER), (TOPUPS, TOPUP), (ORDERS, b"{}")):
                yield self._ask(http, "POST", path, headers(customer, body=body), body)
        yield self._ask(http, "POST", "/api/admin/api-keys", OPERATOR, b'{"label": "newcomer"}')
        yield self._ask(http, "POST", "/api/devnet/supplier", {}, b'{"mode": "deliver"}')
        sent = b'{"network": "usdt_ton", "amount_usdt": 3.21}'
        yield self._ask(http, "POST", "/api/devnet/transfers", {}, sent)
        for path in ("/livez", "/readyz"):
            yield self._ask(http, "GET", path, {})

    async def _ask(
        self, http: httpx2.AsyncClient, method: str, path: str, given: dict[str, str], body: bytes = b""
    ) -> None:
        begun = time.monotonic()
        response = await http.request(method, path, headers=given, content=body)
        heard = self.told if path.startswith("/api/") else self.probed
        heard.append((f"{method} {path}", time.monotonic() - begun, response))


@pytest.mark.parametrize(
    ("outage", "seconds"),
    [(stopped, 6), (killed, 4), (frozen, 7), (read_only, 4), (crowded, 4)],
    ids=["stopped", "killed", "frozen", "read-only", "crowded"],
)
async def test_clients_are_told_in_time_and_the_shop_comes_back(
    served: Served, outage: Outage, seconds: int
) -> None:
    shoppers = Customers([served.server.url], served.database.customers, seed=sum(outage.__name__.encode()))
    witness = Witness(served)
    async with shoppers.busy(4):
        away = outage(served)
        await to_thread(away.__enter__)
        await witness.look(seconds)
        await to_thread(away.__exit__, None, None, None)
        came_back = time.monotonic()
        await orders_are_taken(served)
        assert time.monotonic() - came_back < RECOVERY_SECONDS
        await asyncio.sleep(0.5)
    assert unlike_an_outage(witness, reads=outage is read_only) == []
    assert misjudged(witness) == []
    await to_thread(until, lambda: is_ready(served), lambda ready: ready, seconds=RECOVERY_SECONDS)
    assert {shoppers.told["InternalServerError"], shoppers.told["internal_error"]} == {0}
    assert shoppers.slowest < ANSWER_SECONDS
    await shoppers.insist()
    await shoppers.ask_again()
    assert shoppers.surprises == []
    await to_thread(until, lambda: books.unfinished(served.database.dsn), lambda found: found == {})
    assert books.broken_rules(served.database.dsn) == {}


async def test_connections_that_end_are_made_anew_and_few_notice(served: Served) -> None:
    shoppers = Customers([served.server.url], served.database.customers, seed=1)
    async with shoppers.busy(8):
        for _ in range(times(8, 80)):
            await asyncio.sleep(0.2)
            await to_thread(served.cluster.end_backends, served.database.dsn)
        await asyncio.sleep(0.2)
    assert shoppers.told["given"] > 5 * (shoppers.told["unavailable"] + shoppers.told["outcome_unknown"])
    assert shoppers.slowest < ANSWER_SECONDS
    await shoppers.insist()
    await shoppers.ask_again()
    assert shoppers.surprises == []
    await to_thread(until, lambda: books.unfinished(served.database.dsn), lambda found: found == {})
    assert books.broken_rules(served.database.dsn) == {}


@pytest.mark.parametrize("seconds", [1, 7])
async def test_a_network_that_stalls(database: Database, folder: Path, seconds: int) -> None:
    """Nothing is lost and nothing is refused; what is said arrives late, or nobody waits any more."""
    with Proxy.before(database.dsn) as proxy:
        settings = database.settings(DATABASE_URL=proxy.dsn)
        server = await to_thread(Server.on(folder, settings).start)
        shoppers = Customers([server.url], database.customers, seed=2)
        async with shoppers.busy(8):
            for _ in range(2 if seconds == 1 else 1):
                await asyncio.sleep(0.3)
                proxy.hold()
                await asyncio.sleep(seconds)
                proxy.release()
            await asyncio.sleep(1)
        assert shoppers.slowest < ANSWER_SECONDS
        if seconds == 1:
            assert set(shoppers.told) <= {"given", *REFUSALS}  # nobody noticed
        await shoppers.insist(RECOVERY_SECONDS)
        await shoppers.ask_again()
        await to_thread(until, lambda: books.unfinished(database.dsn), lambda found: found == {})
        server.end()
    assert shoppers.surprises == []
    assert books.broken_rules(database.dsn) == {}


async def orders_are_taken(served: Served) -> None:
    customer = served.database.customers[0]
    async with client(served.server.url) as http:
        while True:
            told = await http.post(ORDERS, content=ORDER, headers=headers(customer, body=ORDER))
            if told.status_code == 200:
                return
            assert told.status_code == 503, told.text
            await asyncio.sleep(0.1)


def unlike_an_outage(witness: Witness, *, reads: bool) -> list[str]:
    """What was told otherwise than a client is promised."""
    assert len(witness.told) > 50
    return [
        f"{what} after {took:.2f} s: {told.status_code} {told.headers} {told.text[:300]}"
        for what, took, told in witness.told
        if took > ANSWER_SECONDS or not _is_outage(what, told, reads=reads)
    ]


def misjudged(witness: Witness) -> list[str]:
    """What probes were told otherwise than that the process lives and the shop is not ready."""
    lives = [answer for what, _, answer in witness.probed if what.endswith("livez")]
    ready = [answer for what, _, answer in witness.probed if what.endswith("readyz")]
    found = [f"livez: {answer.text}" for answer in lives if answer.status_code != 200]
    # What was found out holds for a second, so the first to ask may hear of the time before.
    found += [
        f"readyz: {answer.text}"
        for answer in ready[3:]
        if answer.status_code != 503 or problem_in(answer)["not_ready"] != ["database"]
    ]
    found += [f"{what} took {took:.2f} s" for what, took, _ in witness.probed if took > PROBE_SECONDS]
    return found if len(ready) > 5 else ["nobody asked"]


def is_ready(served: Served) -> bool:
    return httpx2.get(f"{served.server.url}/readyz", trust_env=False).status_code == 200


def _is_outage(what: str, told: httpx2.Response, *, reads: bool) -> bool:
    if reads and told.status_code in {200, 404, 422} and not (told.status_code == 200 and "POST" in what):
        return True
    retry_after = told.headers.get("Retry-After", "")
    known = problem_in(told)["code"] in {"unavailable", "outcome_unknown"}
    return told.status_code == 503 and known and retry_after.isdigit() and int(retry_after) > 0
