"""Section 11: every error of the table, in the one shape that all have."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import httpx2
import pytest

from tests.acceptance.conftest import OPERATED
from tests.acceptance.server import Server, free_port
from tests.acceptance.shop import API, Customer, Shop, fresh_price, told
from tests.redis_server import redis_server


@pytest.fixture(scope="module")
def customer(shop: Shop) -> Customer:
    return shop.customer(1_500)


@pytest.fixture(scope="module")
def product(shop: Shop) -> int:
    return shop.product("9.50", units=3)


def is_problem(answer: httpx2.Response, status: int, code: str) -> Any:
    found = told(answer, status)
    assert answer.headers["content-type"] == "application/problem+json"
    assert set(found) >= {"type", "title", "status", "detail", "code", "request_id"}
    assert (found["status"], found["code"]) == (status, code)
    assert found["type"] == f"/api/docs#{code}"
    assert found["request_id"] == answer.headers["x-request-id"]
    assert found["title"] and found["detail"]
    return found


def test_401_for_an_invalid_key(shop: Shop) -> None:
    answer = shop.http.get(f"{API}/balance", headers={"X-API-Key": "nonsense"})
    is_problem(answer, 401, "invalid_api_key")


def test_402_for_a_balance_that_is_too_small(shop: Shop, product: int) -> None:
    found = is_problem(shop.customer().buy(product), 402, "insufficient_balance")
    assert {"balance_usdt", "required_usdt", "shortfall_usdt", "topup_path"} <= set(found)


def test_404_for_an_unknown_product_and_an_unknown_order(customer: Customer) -> None:
    is_problem(customer.get("/products/987654"), 404, "product_not_found")
    is_problem(customer.buy(987654), 404, "product_not_found")
    is_problem(customer.get("/orders/987654"), 404, "order_not_found")
    is_problem(customer.get("/balance/topup/nothing"), 404, "topup_not_found")
    is_problem(customer.get("/nowhere"), 404, "path_not_found")


def test_409_for_more_than_is_in_stock(customer: Customer, product: int) -> None:
    found = is_problem(customer.buy(product, 4), 409, "insufficient_stock")
    assert found["available"] == 3


NOT_ORDERS: dict[bytes, str] = {
    b"": "",
    b"{": "",
    b"[]": "",
    b'"order"': "",
    b"null": "",
    b"\xff\xfe": "",
    b"{}": "/product_id",
    b'{"quantity":1,"payment_method":"balance"}': "/product_id",
    b'{"product_id":1,"payment_method":"balance"}': "/quantity",
    b'{"product_id":1,"quantity":1}': "/payment_method",
    b'{"product_id":1,"quantity":1,"payment_method":"card"}': "/payment_method",
    b'{"product_id":1,"quantity":1,"payment_method":null}': "/payment_method",
    b'{"product_id":"1","quantity":1,"payment_method":"balance"}': "/product_id",
    b'{"product_id":true,"quantity":1,"payment_method":"balance"}': "/product_id",
    b'{"product_id":0,"quantity":1,"payment_method":"balance"}': "/product_id",
    b'{"product_id":1,"quantity":1,"payment_method":"balance","coupon":"X"}': "/coupon",
    b'{"product_id":1,"product_id":1,"quantity":1,"payment_method":"balance"}': "/product_id",
    b'{"product_id":1,"quantity":NaN,"payment_method":"balance"}': "/quantity",
    b'{"product_id":1,"quantity":1e0,"payment_method":"balance"}': "/quantity",
    b'{"product_id":1,"quantity":1,"payment_method":"balance","max_price_usdt":0}': "/max_price_usdt",
}


@pytest.mark.parametrize("body", NOT_ORDERS)
def test_422_for_a_body_that_is_no_order(customer: Customer, body: bytes) -> None:
    found = is_problem(customer.post("/orders", body), 422, "invalid_request")
    assert found["errors"][0]["pointer"] == NOT_ORDERS[body]
    assert found["errors"][0]["detail"]


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        (b"{}", "/amount_usdt"),
        (b'{"amount_usdt":100}', "/network"),
        (b'{"amount_usdt":100,"network":"usdt_erc_20"}', "/network"),
        (b'{"amount_usdt":true,"network":"usdt_ton"}', "/amount_usdt"),
        (b'{"amount_usdt":"a hundred","network":"usdt_ton"}', "/amount_usdt"),
        (b'{"amount_usdt":100,"network":"usdt_ton","exact":"yes"}', "/exact"),
    ],
)
def test_422_for_a_body_that_is_no_top_up(customer: Customer, body: bytes, pointer: str) -> None:
    found = is_problem(customer.post("/balance/topup", body), 422, "invalid_request")
    assert found["errors"][0]["pointer"] == pointer


def test_429_beyond_the_limit(plain: Shop) -> None:
    customer = plain.customer()
    for _ in range(60):
        customer.get("/health")
    answer = customer.get("/health")
    is_problem(answer, 429, "rate_limited")
    assert 1 <= int(answer.headers["retry-after"]) <= 60


def test_501_for_an_invoice(customer: Customer, product: int) -> None:
    answer = customer.buy(product, payment_method="invoice")
    is_problem(answer, 501, "invoice_not_implemented")


def test_400_403_405_and_413_have_the_same_shape(shop: Shop, customer: Customer) -> None:
    least = is_problem(customer.buy(shop.product("0.50"), 14), 400, "below_minimum")
    assert least["min_quantity"] == 15
    is_problem(shop.customer(allow=("192.0.2.1",)).get("/health"), 403, "ip_not_allowed")
    is_problem(customer.send("DELETE", "/balance"), 405, "method_not_allowed")
    is_problem(customer.post("/orders", b" " * 70_000), 413, "body_too_large")


def test_a_refused_request_changes_nothing(customer: Customer, product: int) -> None:
    before = customer.ask("/balance"), customer.ask("/orders")["total"], customer.ask(f"/products/{product}")
    for body in NOT_ORDERS:
        customer.post("/orders", body)
    customer.buy(product, 4)
    customer.buy(product, payment_method="invoice")
    after = customer.ask("/balance"), customer.ask("/orders")["total"], customer.ask(f"/products/{product}")
    assert before == after


@pytest.fixture(scope="module")
def without_redis(shop: Shop) -> Iterator[Shop]:
    """The same shop through a server whose Redis is named, and is not there."""
    settings = OPERATED | {"YTMARKET_REDIS_URL": f"redis://127.0.0.1:{free_port()}/0"}
    server = Server(shop.server.data_dir, settings=settings, demo=False, workers=False, greeting=503)
    with Shop.served(server) as found:
        yield found


def test_503_while_redis_is_down(shop: Shop, without_redis: Shop) -> None:
    customer = shop.customer(1_700)
    product = shop.product(fresh_price())
    there = without_redis.beside(customer)
    answers = [
        there.get("/health"),
        there.get("/products"),
        there.buy(product),
        there.post("/balance/topup", {"amount_usdt": 5, "network": "usdt_ton"}),
    ]
    for answer in answers:
        is_problem(answer, 503, "unavailable")
        assert answer.elapsed.total_seconds() < 5
        assert int(answer.headers["retry-after"]) >= 1
    # Nothing happened, and a server that needs no Redis serves the same customer.
    assert customer.ask("/orders")["total"] == 0
    assert customer.ask("/balance")["total_spent_usdt"] == 0
    assert customer.buy(product).status_code == 200


@pytest.mark.needs("redis-server")
def test_service_returns_with_redis_by_itself(shop: Shop) -> None:
    with redis_server() as redis:
        settings = OPERATED | {"YTMARKET_REDIS_URL": redis.url}
        server = Server(shop.server.data_dir, settings=settings, demo=False, workers=False)
        with Shop.served(server) as there:
            customer = there.customer()
            assert customer.get("/health").status_code == 200
            redis.stop()
            is_problem(customer.get("/health"), 503, "unavailable")
            redis.start()
            deadline = time.monotonic() + 5
            while customer.get("/health").status_code != 200:
                assert time.monotonic() < deadline, "it does not come back"
                time.sleep(0.2)
