"""The figures for Prometheus: true, bounded, read by its own parser, and closed to strangers."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx2
import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.http.shop import METRICS_TOKEN, NOW, World, as_sent, open_world
from tests.http.test_admission import code_of
from ytmarket.adapters.http.app import ShopHolder, build_app
from ytmarket.adapters.http.watching import BUCKETS, RequestTally
from ytmarket.domain.alarms import Alarm, AlarmKind
from ytmarket.domain.api_keys import parse_range
from ytmarket.domain.networks import Network

ROOT = Path(__file__).resolve().parents[2]
LOOPBACK = "127.0.0.1"
BEARER = {"Authorization": f"Bearer {METRICS_TOKEN}"}
ORDER = as_sent({"product_id": 1, "quantity": 1, "payment_method": "balance"})

Labels = frozenset[tuple[str, str]]


class Figures:
    """What one answer told, by name and labels."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.families = {family.name: family for family in text_string_to_metric_families(text)}
        self._values: dict[tuple[str, Labels], float] = {}
        for family in self.families.values():
            for sample in family.samples:
                name = (sample.name, frozenset(sample.labels.items()))
                assert name not in self._values, f"{name} is told twice"
                self._values[name] = sample.value

    def __call__(self, name: str, **labels: str) -> float:
        return self._values[f"ytmarket_{name}", frozenset(labels.items())]

    def labels(self) -> set[str]:
        return {value for _, labels in self._values for _, value in labels}


async def figures(world: World, app: Any = None) -> Figures:
    world.services.watching._fresh_until = 0.0
    async with world.client(app=app) as client:
        answer = await client.get("/metrics", headers=BEARER)
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"].startswith("text/plain; version=")
    return Figures(answer.text)


async def test_requests_are_counted_by_route_method_and_status_with_their_times() -> None:
    world = open_world()
    app = world.app()
    await world.product(1, "8")
    key = await world.rich()
    async with world.client(key, app=app) as client:
        placed = [await client.post("/api/v1/orders", content=ORDER) for _ in range(3)]
        for number in (1, 2, 99):
            await client.get(f"/api/v1/orders/{number}")
        await client.request("BREW", "/api/v1/coffee")
        await client.request("POT", "/elsewhere")
    assert [answer.status_code for answer in placed] == [200] * 3
    told = await figures(world, app)
    name = "http_request_duration_seconds"
    orders = {"route": "/api/v1/orders", "method": "POST", "status": "200"}
    assert told(f"{name}_count", **orders) == 3
    assert 0 < told(f"{name}_sum", **orders) < 60
    buckets = [told(f"{name}_bucket", **orders, le=le) for le in (*map(str, BUCKETS), "+Inf")]
    assert buckets == sorted(buckets)
    assert buckets[-1] == 3
    one = {"route": "/api/v1/orders/{id}", "method": "GET"}
    assert told(f"{name}_count", **one, status="200") == 2
    assert told(f"{name}_count", **one, status="404") == 1
    assert told(f"{name}_count", route="/api/v1/{path:path}", method="other", status="404") == 1
    assert told(f"{name}_count", route="/{path:path}", method="other", status="404") == 1


def test_a_time_stands_in_the_bucket_that_it_fits_into() -> None:
    tally = RequestTally()
    for seconds in (0.0, BUCKETS[0], BUCKETS[0] + 1e-9, 4.9, 5.0, 5.1, 1e9):
        tally.count(("/", "GET", 200), seconds)
    ((_, counts, total),) = tally.series()
    assert (counts[0], counts[1], counts[-2], counts[-1], sum(counts)) == (2, 1, 2, 2, 7)
    assert total > 1e9


async def test_orders_money_networks_and_alarms_are_told() -> None:
    world = open_world()
    await world.product(1, "8")
    key = await world.rich()
    async with world.client(key) as client:
        for _ in range(2):
            assert (await client.post("/api/v1/orders", content=ORDER)).status_code == 200
    world.clock.advance(timedelta(seconds=70))
    told = await figures(world)
    assert told("orders_open", status="processing") == 2
    assert told("orders_open_oldest_age_seconds", status="processing") == 70
    assert told("orders_processing", at_least_seconds="60") == 2
    assert told("orders_processing", at_least_seconds="300") == 0
    assert told("order_events_total", event="processing") == 2
    assert told("usage_backlog_keys") == 1
    assert told("state_known") == 1
    assert told("books_in_balance") == 1
    assert "books_checked" not in told.text
    assert await world.services.books.watch() == []
    checked_at = world.clock.now()
    await world.services.usage.flush()
    await world.services.scan.watch([world.devnet.reader(network) for network in Network])
    await world.work()
    await world.services.scan.note_trouble(world.devnet.reader(Network.TON), "no answer", stopped=True)
    await world.services.alarms.ring(Alarm(AlarmKind.BOOKS_UNBALANCED, "account:7", "a secret detail"))
    await world.services.presence.beat()
    world.clock.advance(timedelta(seconds=30))
    told = await figures(world)
    assert told("order_events_total", event="completed") == 2
    assert "ytmarket_orders_open{" not in told.text
    assert told("usage_backlog_keys") == 0
    assert told("books_in_balance") == 0
    assert told("books_checked_timestamp_seconds") == checked_at.timestamp()
    assert told("alarms_ringing", kind="books_unbalanced") == 1
    assert told("alarms_ringing", kind="network_lagging") == 0
    assert 30 <= told("scanner_lag_seconds", network="usdt_trc_20") < 120
    assert told("scanner_last_success_timestamp_seconds", network="usdt_trc_20") > NOW.timestamp()
    assert (told("scanner_in_trouble", network="usdt_ton"), told("scanner_stopped", network="usdt_ton")) == (
        1,
        1,
    )
    assert told("scanner_stopped", network="usdt_trc_20") == 0
    assert told("processes", role="embedded") == 1
    assert "secret detail" not in told.text


async def test_webhooks_are_counted_by_outcome_once_they_are_written_down() -> None:
    world = open_world()
    await world.product(1, "8")
    key = await world.rich()
    body = as_sent(
        {"product_id": 1, "quantity": 1, "payment_method": "balance", "webhook_url": "https://a.example/hook"}
    )
    async with world.client(key) as client:
        assert (await client.post("/api/v1/orders", content=body)).status_code == 200
    told = await figures(world)
    assert (told("outbox_events"), told("outbox_oldest_age_seconds")) == (1, 0)
    await world.services.webhooks.deliver_due()
    assert not await world.services.watching.count()
    await world.services.watching.count()
    told = await figures(world)
    assert told("webhook_attempts_total", outcome="delivered") == 1
    assert told("outbox_events") == 0


async def test_no_label_tells_of_a_customer() -> None:
    world = open_world()
    app = world.app()
    await world.product(1, "8")
    minted = await world.rich(secret=True)
    async with world.client(minted, app=app) as client:
        for path in ("/api/v1/balance", f"/api/v1/orders/{minted.record.fp}", f"/{minted.key}"):
            await client.get(path)
        await client.request(minted.record.fp.upper(), "/api/v1/balance")
    told = await figures(world, app)
    for secret in (minted.key, minted.secret, minted.record.fp, minted.record.fp.upper(), "Ann"):
        assert secret is not None
        assert secret not in told.text
    for value in told.labels():
        assert re.fullmatch(r"[a-z0-9_./{}:+ -]+|GET|POST|\+Inf|[\w.+ ()\[\],]{1,60}", value), value


async def test_while_the_database_is_away_the_process_tells_of_itself() -> None:
    world = open_world()
    app = world.app()
    await figures(world, app)
    world.database.is_down = True
    told = await figures(world, app)
    assert told("state_known") == 0
    assert told("http_request_duration_seconds_count", route="/metrics", method="GET", status="200") == 1
    assert "ytmarket_order" not in told.text


async def test_the_state_is_asked_for_once_for_many_who_watch() -> None:
    world = open_world()
    first = await world.services.watching.state()
    world.clock.advance(timedelta(hours=1))
    assert await world.services.watching.state() is first
    world.services.watching._fresh_until = 0.0
    assert (await world.services.watching.state()).at > first.at


@pytest.mark.parametrize(
    ("address", "headers", "status"),
    [
        (LOOPBACK, {}, 200),
        ("::1", {}, 200),
        ("192.0.2.7", {}, 404),
        ("10.0.0.1", {}, 404),
        ("testclient", {}, 404),
        (LOOPBACK, {"X-Forwarded-For": "127.0.0.1"}, 404),
        (LOOPBACK, {"Forwarded": "for=127.0.0.1"}, 404),
        (LOOPBACK, {"X-Real-IP": "127.0.0.1"}, 404),
        (LOOPBACK, {"Via": "1.1 proxy"}, 404),
        ("192.0.2.7", BEARER, 404),
    ],
)
async def test_without_a_token_configured_loopback_alone_reads(
    address: str, headers: Mapping[str, str], status: int
) -> None:
    world = open_world()
    app = world.app(tokens=False, trusted_proxies=[parse_range("127.0.0.1", "")])
    async with world.client(app=app, address=address) as client:
        assert (await client.get("/metrics", headers=dict(headers))).status_code == status


@pytest.mark.parametrize("token", ["", "wrong", f"{METRICS_TOKEN}x", METRICS_TOKEN[:-1], "\xff"])
async def test_with_a_token_configured_it_is_asked_for_everywhere(token: str) -> None:
    world = open_world()
    async with world.client(address=LOOPBACK) as client:
        assert code_of(await client.get("/metrics")) == (401, "invalid_metrics_token")
        answer = await client.get(
            "/metrics", headers={b"Authorization": b"Bearer " + token.encode("latin-1")}
        )
        assert code_of(answer) == (401, "invalid_metrics_token")
        assert answer.headers["www-authenticate"].startswith("Bearer")
        assert (await client.get("/metrics", headers=BEARER)).status_code == 200


async def test_guessing_the_token_has_a_limit() -> None:
    world = open_world(refusals=3)
    async with world.client() as client:
        told = [(await client.get("/metrics")).status_code for _ in range(5)]
    assert told == [401, 401, 401, 429, 429]


async def test_before_the_shop_has_opened_there_is_nothing_to_tell() -> None:
    app = build_app(holder=ShopHolder(), metrics_token=METRICS_TOKEN)
    transport = httpx2.ASGITransport(app=app)
    async with httpx2.AsyncClient(transport=transport, base_url="http://shop") as client:
        assert (await client.get("/metrics", headers=BEARER)).status_code == 503


async def test_head_is_answered_too() -> None:
    world = open_world()
    async with world.client() as client:
        assert (await client.head("/metrics", headers=BEARER)).status_code == 200


async def test_the_pages_speak_of_metrics_that_there_are() -> None:
    world = open_world()
    app = world.app()
    await world.product(1, "8")
    key = await world.rich()
    async with world.client(key, app=app) as client:
        assert (await client.post("/api/v1/orders", content=ORDER)).status_code == 200
    assert await world.services.books.watch() == []
    told = (await figures(world, app)).text
    known = {line.split()[2] for line in told.splitlines() if line.startswith("# TYPE")}
    named = set(re.findall(r"\bytmarket_[a-z_]+", (ROOT / "docs/operating.md").read_text("utf-8")))
    assert len(named) > 10
    assert {name.removesuffix("_count") for name in named} <= known
