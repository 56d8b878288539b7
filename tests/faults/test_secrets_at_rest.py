"""What must stay secret is in no dump, no file of the database, no log, and not in Redis."""

from __future__ import annotations

import asyncio
import base64
import json
import subprocess
from asyncio import to_thread
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

import attrs
import httpx2
import psycopg
import pytest
import redis
from psycopg.conninfo import conninfo_to_dict

from tests.acceptance.server import until
from tests.faults.cluster import Cluster
from tests.faults.load import ORDERS, TOPUPS, client, headers
from tests.faults.processes import Server
from tests.faults.shop import Customer
from tests.redis_server import redis_server
from ytmarket.adapters.postgres.embedded_binaries import INSTALLATION, find_wheel
from ytmarket.testing.contracts import loopback_receiver

pytestmark = [pytest.mark.anyio, pytest.mark.needs("redis-server")]

MASTER_KEY = base64.b64encode(b"canary master key of 32 letters!").decode()
ADMIN_TOKEN = "canary-admin-token-of-ours"
WEBHOOK_SECRET_IN_URL = "canary-token-in-the-url"
#: In clear by design: the proof that a canary would be found.
LABEL = "canary-label-in-clear"
GOODS = [f"canary-login-{number}:canary-password-{number}" for number in range(6)]


@attrs.frozen
class Scene:
    """What was done with secrets, and where it may have left traces."""

    secrets: dict[str, str]
    traces: dict[str, bytes]


@pytest.fixture(scope="module")
async def scene(the_cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Scene]:
    cluster, folder = the_cluster, tmp_path_factory.mktemp("secrets")
    cluster.start()
    dsn = cluster.new_database()
    with redis_server() as limits:
        settings = {
            "YTMARKET_DATABASE_URL": dsn,
            "YTMARKET_REDIS_URL": limits.url,
            "YTMARKET_MASTER_KEY": MASTER_KEY,
            "YTMARKET_ADMIN_TOKEN": f"ops:{ADMIN_TOKEN}",
            "YTMARKET_WEBHOOK_ALLOW_PRIVATE": "yes",
            "YTMARKET_MIN_ORDER_RUB": "0",
            "YTMARKET_SCAN_SECONDS": "0.2",
            "YTMARKET_REFUND_SWEEP_SECONDS": "0.2",
        }
        server = Server.on(folder, settings)
        server.log_level = "DEBUG"
        await to_thread(server.start)
        secrets = await _live(server, cluster, dsn)
        assert await to_thread(server.stop) == 0
        with redis.Redis.from_url(limits.url) as kept:
            kept.save()
        traces = {
            "dump": _dump(dsn),
            "data": _all_in(cluster.home / "cluster"),
            "log of the database": _all_in(cluster.home / "log"),
            "log of the server": server.log.read_bytes(),
            "redis": (limits.folder / "dump.rdb").read_bytes(),
            "data folder": _all_in(server.log.parent),
        }
    password = conninfo_to_dict(dsn)["password"]
    yield Scene(
        {
            **secrets,
            "admin token": ADMIN_TOKEN,
            "master key": MASTER_KEY,
            "master key's bytes": base64.b64decode(MASTER_KEY).decode(),
            "database's password": str(password),
            **{f"goods {number}": goods for number, goods in enumerate(GOODS)},
        },
        traces,
    )
    cluster.drop_database(dsn)


async def test_no_secret_is_anywhere(scene: Scene) -> None:
    found = [
        f"the {secret} as {form} in the {place}"
        for secret, text in scene.secrets.items()
        for form, sought in _forms(text)
        for place, trace in scene.traces.items()
        if sought in trace
    ]
    assert found == []


async def test_a_webhook_s_url_is_in_no_log(scene: Scene) -> None:
    """It is kept to be sent to; whoever reads logs need not know what stands in it."""
    token = WEBHOOK_SECRET_IN_URL.encode()
    assert [place for place, trace in scene.traces.items() if token in trace] == ["dump", "data"]


async def test_what_is_no_secret_is_found(scene: Scene) -> None:
    """Or else the search would prove nothing."""
    places = [place for place, trace in scene.traces.items() if LABEL.encode() in trace]
    assert places == ["dump", "data"]
    log = scene.traces["log of the server"]
    assert b'"level": "debug"' in log
    assert b"Traceback" in log
    assert b"does not exist" in scene.traces["log of the database"]
    assert b"ytmarket:rate:" in scene.traces["redis"]
    assert len(scene.secrets) > 10
    assert all(len(text) > 15 for text in scene.secrets.values())


async def _live(server: Server, cluster: Cluster, dsn: str) -> dict[str, str]:
    """Everything that handles a secret is done once, well and badly."""
    admin = {"Authorization": f"Bearer {ADMIN_TOKEN}"}
    async with client(server.url) as http, loopback_receiver() as receiver:
        product = {"sku": "s", "title": "T", "category": "C", "price_usdt": 1.5, "min_quantity": 1}
        assert (await http.put("/api/admin/products/1", json=product, headers=admin)).status_code == 200
        units = {"units": [{"login": goods.partition(":")[0], "all": goods} for goods in GOODS]}
        for status in (200, 409):
            added = await http.post("/api/admin/products/1/stock", json=units, headers=admin)
            assert added.status_code == status, added.text
        minted = (await http.post("/api/admin/api-keys", json={"label": LABEL}, headers=admin)).json()
        path = f"/api/admin/api-keys/{minted['fp']}"
        rotated = (await http.post(f"{path}/rotate-secret", headers=admin)).json()
        listed = await http.get("/api/admin/api-keys", headers=admin)
        assert minted["fp"] in listed.text
        assert minted["key"] not in listed.text
        replaced = (await http.post(f"{path}/replace", headers=admin)).json()
        customer = Customer(key=replaced["key"], secret=replaced["secret"], fp=replaced["fp"])
        once = {**admin, "Idempotency-Key": "gift"}
        gift = await http.post(
            f"/api/admin/api-keys/{customer.fp}/credit",
            json={"amount_usdt": 100, "reason": "to spend"},
            headers=once,
        )
        assert gift.status_code == 200, gift.text
        bought = await _buy(http, customer, f"{receiver.url}?token={WEBHOOK_SECRET_IN_URL}")
        await to_thread(until, lambda: receiver.arrived, lambda all_of_them: len(all_of_them) >= 4)
        told = await http.get(f"{ORDERS}/{bought}", headers=headers(customer))
        assert {item["all"] for item in told.json()["items"]} <= set(GOODS)
        await _go_wrong(http, customer, admin)
        cluster.end_backends(dsn)
        with _broken(dsn):
            again = await http.get(f"{ORDERS}/{bought}", headers=headers(customer))
            added = await http.post("/api/admin/products/1/stock", json=units, headers=admin)
            assert [again.status_code, added.status_code] == [500, 500]
    return {
        "key": minted["key"],
        "secret": minted["secret"],
        "rotated secret": rotated["secret"],
        "other key": replaced["key"],
        "other secret": replaced["secret"],
    }


async def _buy(http: httpx2.AsyncClient, customer: Customer, webhook_url: str) -> int:
    """Top up, pay, and order what is delivered; and one order that is refunded."""
    topup = b'{"amount_usdt": 25, "network": "usdt_ton"}'
    opened = await http.post(TOPUPS, content=topup, headers=headers(customer, body=topup))
    assert opened.status_code == 200, opened.text
    sent = {"network": "usdt_ton", "amount_usdt": opened.json()["amount_usdt"]}
    assert (await http.post("/api/devnet/transfers", json=sent)).status_code == 200
    bought = 0
    for mode in ("fail", "deliver"):
        assert (await http.post("/api/devnet/supplier", json={"mode": mode})).status_code == 200
        body = json.dumps(
            {"product_id": 1, "quantity": 2, "payment_method": "balance", "webhook_url": webhook_url}
        ).encode()
        told = {**headers(customer, body=body), "Idempotency-Key": f"order-{mode}"}
        placed = await http.post(ORDERS, content=body, headers=told)
        again = await http.post(ORDERS, content=body, headers=told)
        assert [placed.status_code, again.status_code] == [200, 200], placed.text
        bought = placed.json()["order_id"]
        await _ended(http, customer, bought)
    return bought


async def _ended(http: httpx2.AsyncClient, customer: Customer, order: int) -> None:
    status = "processing"
    while status == "processing":
        await asyncio.sleep(0.1)
        status = (await http.get(f"{ORDERS}/{order}", headers=headers(customer))).json()["status"]


async def _go_wrong(http: httpx2.AsyncClient, customer: Customer, admin: dict[str, str]) -> None:
    """Every way to be refused with a secret in one's hand."""
    body = json.dumps({"product_id": 1, "password": GOODS[0]}).encode()
    signed = headers(customer, body=body)
    nearly = {"Authorization": f"Bearer {ADMIN_TOKEN}x"}
    statuses = [
        (await http.post(ORDERS, content=body, headers=signed)).status_code,
        (await http.post(ORDERS, content=body, headers=signed)).status_code,
        (await http.post(ORDERS, content=body + b" ", headers=signed)).status_code,
        (await http.post(ORDERS, content=f'{{"{customer.secret}'.encode(), headers=signed)).status_code,
        (await http.get(f"/api/v1/nowhere?key={customer.key}", headers=signed)).status_code,
        (await http.get(ORDERS, headers={"X-API-Key": f"{customer.key}x"})).status_code,
        (await http.post("/api/admin/api-keys", content=body, headers=nearly)).status_code,
        (await http.post("/api/admin/api-keys", content=body, headers=admin)).status_code,
        (await http.post("/api/admin/products/1/stock", content=body, headers=admin)).status_code,
    ]
    assert statuses == [422, 401, 401, 401, 404, 401, 401, 422, 422]


@contextmanager
def _broken(dsn: str) -> Iterator[None]:
    """So that the shop stumbles with secrets in its hands, and writes down how."""
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute("alter table stock_unit rename to gone")
        yield
        connection.execute("alter table gone rename to stock_unit")


def _dump(dsn: str) -> bytes:
    site, _ = find_wheel()
    given = conninfo_to_dict(dsn)
    password = str(given.pop("password"))
    said = " ".join(f"{name}='{value}'" for name, value in given.items() if name != "requirepeer")
    dumped = subprocess.run(
        [site / INSTALLATION / "bin" / "pg_dump", "--inserts", f"--dbname={said}"],
        env={"PGPASSWORD": password},
        capture_output=True,
        check=False,
    )
    assert dumped.returncode == 0, dumped.stderr
    return dumped.stdout


def _all_in(folder: Path) -> bytes:
    """Every byte of every file: tables, their write-ahead log, logs."""
    return b"\n".join(file.read_bytes() for file in sorted(folder.rglob("*")) if file.is_file())


def _forms(text: str) -> Iterator[tuple[str, bytes]]:
    plain = text.encode()
    yield "it is", plain
    yield "hexadecimals", plain.hex().encode()
    yield "part of a URL", quote(text, safe="").encode()
    # Inside a longer text the base64 of these bytes begins at one of three places.
    for lead in range(3):
        middle = base64.b64encode(bytes(lead) + plain)[4:-4]
        yield f"base64 after {lead}", middle
