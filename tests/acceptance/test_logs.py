"""What a server writes about a customer's whole day tells of every request, and of no secret."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import attrs
import httpx2
import pytest

from tests.acceptance.conftest import HOOKED, OPERATED, QUICK, ROOMY
from tests.acceptance.receiver import Receiver
from tests.acceptance.server import Server
from tests.acceptance.shop import TOKEN, Customer, Shop, told

METRICS_TOKEN = "acceptance-watcher-token"
WATCHED = {"YTMARKET_METRICS_TOKEN": METRICS_TOKEN, "YTMARKET_LOG_LEVEL": "debug"}
UNITS = [{"login": f"canary-login-{n}", "password": f"canary-password-{n}"} for n in range(4)]
CODE = "canary-code-of-the-hook"
GUESS = "ytm_canary-guess-of-a-key-0123456789"


@attrs.define
class Day:
    """What was asked, what was answered, and what nobody may read of it."""

    answers: list[httpx2.Response] = attrs.field(factory=list)
    secrets: set[str] = attrs.field(factory=set)

    def keep(self, response: httpx2.Response) -> None:
        request = response.request
        self.answers.append(response)
        self.secrets |= {
            value
            for name in ("x-api-key", "x-signature")
            if (value := request.headers.get(name)) is not None and len(value) > 8
        }


@pytest.fixture(scope="module")
def day() -> Day:
    return Day()


@pytest.fixture(scope="module")
def watched(shop: Shop, day: Day) -> Iterator[Shop]:
    """The same shop through a server that says all it can say."""
    server = Server(
        shop.server.data_dir, settings=OPERATED | QUICK | ROOMY | HOOKED | WATCHED, demo=False
    ).start()
    with httpx2.Client(
        base_url=server.url, trust_env=False, timeout=20, event_hooks={"response": [day.keep]}
    ) as http:
        yield Shop(server=server, http=http)


@pytest.fixture(scope="module")
def lines(watched: Shop, day: Day, receiver: Receiver) -> list[dict[str, Any]]:
    """All that was logged, once the day is over and the server has ended."""
    try:
        live_through(watched, day, receiver)
    finally:
        watched.server.stop()
    return [json.loads(line) for line in watched.server.printed.splitlines() if line.startswith("{")]


def live_through(shop: Shop, day: Day, receiver: Receiver) -> None:
    """Everything that goes well, and everything that is refused."""
    product = shop.product("9.90", units=0)
    told(shop.operate("POST", f"/products/{product}/stock", json={"units": UNITS}))
    customer = shop.customer(100, secret=True)
    hook = f"{receiver.url('logs')}?code={CODE}"
    order = customer.order(product, 2, webhook_url=hook)["order_id"]
    assert len(customer.ended(order)["items"]) == 2
    receiver.wait(f"logs?code={CODE}", 1)
    failed = customer.order(product, 1, webhook_url=f"http://127.0.0.1:9/{CODE}")["order_id"]
    customer.ended(failed)
    refused(shop, customer, product)
    rotated = told(shop.operate("POST", f"/api-keys/{customer.fp}/rotate-secret"))
    day.secrets |= {text for text in (customer.secret, rotated["secret"]) if text is not None}


def refused(shop: Shop, customer: Customer, product: int) -> None:
    assert customer.buy(product, 1_000).status_code == 409
    assert customer.send("GET", "/orders", {"X-API-Key": GUESS}).status_code == 401
    body = json.dumps({"product_id": UNITS[0]["password"], "quantity": UNITS[0]["login"]}).encode()
    assert customer.post("/orders", body).status_code == 422
    assert customer.post("/orders", b"{}", {"X-Signature": "0" * 64}).status_code == 401
    assert customer.get(f"/{GUESS}").status_code == 404
    assert shop.http.get(f"/{GUESS}?key={GUESS}").status_code == 404
    assert shop.http.request("PROPFIND", f"/api/admin/api-keys/{GUESS}/revoke").status_code == 401
    wrong = {"Authorization": f"Bearer {GUESS}"}
    assert shop.http.get("/api/admin/api-audit", headers=wrong).status_code == 401
    assert shop.http.get("/metrics", headers=wrong).status_code == 401
    assert shop.http.get("/metrics", headers={"Authorization": f"Bearer {METRICS_TOKEN}"}).status_code == 200
    assert shop.http.get("/readyz").status_code == 200


def test_no_secret_of_the_day_is_in_the_log(lines: list[dict[str, Any]], day: Day, watched: Shop) -> None:
    data = watched.server.data_dir
    secrets = day.secrets | {TOKEN, METRICS_TOKEN, CODE, GUESS, GUESS[4:]}
    secrets |= {value for unit in UNITS for value in unit.values()}
    secrets |= {(data / "master.key").read_text().strip()}
    secrets |= {path.read_text().strip() for path in data.glob("postgres/password")}
    assert len(secrets) > 20
    text = "\n".join(map(json.dumps, lines))
    assert [secret for secret in secrets if secret in text] == []


def test_each_request_has_one_line_with_its_id(lines: list[dict[str, Any]], day: Day) -> None:
    access = [line for line in lines if line["logger"] == "ytmarket.access"]
    by_id = {line["request_id"]: line for line in access}
    assert len(by_id) == len(access)
    probes = {"/livez", "/readyz", "/metrics"}
    found = {
        answer.headers["x-request-id"]: answer
        for answer in day.answers
        if answer.status_code >= 400 or answer.request.url.path not in probes
    }
    assert found.keys() - by_id.keys() == set()
    assert len(found) > 20
    for name, answer in found.items():
        line = by_id[name]
        assert line["status"] == answer.status_code
        assert line["method"] == answer.request.method or line["method"] == "other"
        assert 0 < line["ms"] < 30_000
    routes = {line["route"] for line in access}
    assert {"/api/v1/orders", "/api/v1/orders/{id}", "/api/admin/api-keys/{fp}/rotate-secret"} <= routes
    assert all("canary" not in route for route in routes)


def test_a_line_says_whose_request_it_was(lines: list[dict[str, Any]]) -> None:
    access = [line for line in lines if line["logger"] == "ytmarket.access"]
    callers = {
        line["caller"] for line in access if line["route"] == "/api/v1/orders" and line["status"] == 200
    }
    assert len(callers) == 1
    assert all(caller and len(caller) == 12 for caller in callers)
    assert {line["caller"] for line in access if line["route"].startswith("/api/admin/")} == {"admin", None}
    refused = [line for line in access if line["status"] == 401 and line["route"] == "/api/v1/orders"]
    assert {line["caller"] for line in refused} == {None, *callers}
