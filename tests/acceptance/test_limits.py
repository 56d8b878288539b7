"""Section 10: every limit at its edge, one below and one above."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest

from tests.acceptance.server import command
from tests.acceptance.shop import API, Customer, Shop, told

NETWORK = "usdt_bep_20"


@pytest.fixture(scope="module")
def customer(shop: Shop) -> Customer:
    return shop.customer(40_000)


@pytest.fixture(scope="module")
def cheap(shop: Shop) -> int:
    """A product of which ten thousand can be bought: its least quantity is 750."""
    return shop.product("0.01", units=10_000)


@pytest.mark.parametrize(
    ("path", "name", "value", "status"),
    [
        ("/products", "page_size", 0, 422),
        ("/products", "page_size", 1, 200),
        ("/products", "page_size", 200, 200),
        ("/products", "page_size", 201, 422),
        ("/orders", "page_size", 0, 422),
        ("/orders", "page_size", 200, 200),
        ("/orders", "page_size", 201, 422),
        ("/balance/transactions", "page_size", 201, 422),
        ("/balance/topups", "page_size", 201, 422),
        ("/categories", "page_size", 201, 422),
        ("/products", "page", 0, 422),
        ("/products", "page", 1, 200),
        ("/products", "page", -1, 422),
        ("/products", "page", "two", 422),
        ("/products", "min_qty", -1, 422),
        ("/products", "min_qty", "1.5", 422),
        ("/products", "min_price", -1, 422),
        ("/products", "max_price", "cheap", 422),
        ("/products", "max_price", "1e3", 422),
    ],
)
def test_a_parameter(customer: Customer, path: str, name: str, value: object, status: int) -> None:
    answer = customer.get(path, **{name: value})
    found = told(answer, status)
    if status == 422:
        assert found["errors"][0]["pointer"] == name
    elif name == "page_size":
        assert found["page_size"] == value


@pytest.mark.parametrize("path", ["/products", "/orders", "/balance/transactions", "/balance/topups"])
def test_a_page_has_fifty_rows_unless_told_otherwise(customer: Customer, path: str) -> None:
    assert customer.ask(path)["page_size"] == 50


@pytest.mark.parametrize("quantity", [-1, 0, 10_001, 10**9, 10**30, "1", 1.5, 1.0, True, None, [1]])
def test_a_quantity_outside_one_to_ten_thousand_is_422_never_400(
    customer: Customer, cheap: int, quantity: object
) -> None:
    refusal = told(customer.buy(cheap, quantity), 422)  # type: ignore[arg-type] # that is the point
    assert refusal["errors"][0]["pointer"] == "/quantity"


def test_one_is_enough_where_the_floor_allows_it(shop: Shop, customer: Customer) -> None:
    assert customer.order(shop.product("7.50"), 1)["quantity"] == 1


def test_ten_thousand_units_are_sold_and_delivered_at_once(customer: Customer, cheap: int) -> None:
    order = customer.order(cheap, 10_000)
    assert order["price_usdt"] == Decimal(100)
    done = customer.ended(order["order_id"])
    assert done["status"] == "completed"
    assert len({item["login"] for item in done["items"]}) == 10_000


@pytest.mark.parametrize(
    ("amount", "status"),
    [
        ("0.99", 422),
        ("1", 200),
        ("1.01", 200),
        ("99999.99", 200),
        ("100000", 200),
        ("100000.01", 422),
        ("0", 422),
        ("-5", 422),
        ("10.001", 422),
        ("1e2", 422),
        ("1" * 40, 422),
    ],
)
def test_a_top_up_is_from_one_to_a_hundred_thousand_in_whole_cents(
    shop: Shop, amount: str, status: int
) -> None:
    customer = shop.customer()
    as_number = f'{{"amount_usdt": {amount}, "network": "{NETWORK}"}}'.encode()
    as_text = json.dumps({"amount_usdt": amount, "network": NETWORK}).encode()
    for body in (as_number, as_text):
        found = told(customer.post("/balance/topup", body), status)
        if status == 422:
            assert found["errors"][0]["pointer"] == "/amount_usdt"
        else:
            assert found["requested_amount_usdt"] == Decimal(amount)


def remaining(headers: Any) -> int:
    """What the RateLimit header says is left."""
    name, state = headers["ratelimit"].split(";", 1)
    assert name == '"default"'
    fields = dict(field.split("=") for field in state.split(";"))
    assert 0 <= int(fields["t"]) <= 60
    return int(fields["r"])


def test_the_sixty_first_request_of_a_minute_is_429(plain: Shop) -> None:
    customer = plain.customer()
    answers = [customer.get("/health") for _ in range(60)]
    assert {answer.status_code for answer in answers} == {200}
    assert [remaining(answer.headers) for answer in answers] == list(range(59, -1, -1))
    assert {answer.headers["ratelimit-policy"] for answer in answers} == {'"default";q=60;w=60'}
    assert not any("retry-after" in answer.headers for answer in answers)
    for answer in (customer.get("/health"), customer.post("/orders", {})):
        refusal = told(answer, 429)
        assert refusal["code"] == "rate_limited"
        assert 1 <= int(answer.headers["retry-after"]) <= 60
        assert refusal["retry_after"] == int(answer.headers["retry-after"])
        assert remaining(answer.headers) == 0


def test_the_limit_is_each_keys_own_and_every_answer_counts(plain: Shop) -> None:
    busy, other = plain.customer(), plain.customer()
    answers = [
        busy.get("/nothing"),
        busy.get("/products", page=0),
        busy.post("/orders", b"no JSON"),
        busy.buy(987654),
        busy.get("/balance"),
    ]
    assert [answer.status_code for answer in answers] == [404, 422, 422, 404, 200]
    assert [remaining(answer.headers) for answer in answers] == [59, 58, 57, 56, 55]
    assert remaining(other.get("/balance").headers) == 59


def test_unknown_keys_are_limited_by_address_and_never_at_a_good_keys_cost(plain: Shop) -> None:
    here, elsewhere = ({"X-Forwarded-For": address} for address in ("203.0.113.7", "203.0.113.8"))

    def knock(origin: dict[str, str]) -> Any:
        headers = {"X-API-Key": "ytm_guessed", **origin}
        return plain.http.get(f"{API}/health", headers=headers)

    answers = [knock(here) for _ in range(61)]
    assert [answer.status_code for answer in answers] == [401] * 60 + [429]
    assert int(answers[-1].headers["retry-after"]) >= 1
    assert {answer.headers["ratelimit-policy"] for answer in answers} == {'"refusals";q=60;w=60'}
    assert [answer.headers["ratelimit"].split(";")[1] for answer in answers[-3:]] == ["r=1", "r=0", "r=0"]
    assert knock(elsewhere).status_code == 401
    assert plain.customer().send("GET", "/health", here).status_code == 200


def test_the_defaults_are_those_that_clients_are_told() -> None:
    ran = command("settings", "--json")
    assert ran.returncode == 0, ran.stderr
    defaults = {row["variable"].removeprefix("YTMARKET_"): row["default"] for row in json.loads(ran.stdout)}
    assert {name: defaults[name] for name in TOLD} == TOLD


TOLD = {
    "RATE_LIMIT": "60",
    "SCAN_SECONDS": "5",
    "REFUND_SWEEP_SECONDS": "30",
    "TOPUP_LIFETIME_SECONDS": "3600",
    "TOPUP_QUARANTINE_SECONDS": "86400",
    "ORDER_DEADLINE_SECONDS": "600",
    "WEBSITE_LIFETIME_SECONDS": "900",
    "MIN_ORDER_RUB": "600",
    "WEBHOOK_ALLOW_PRIVATE": "no",
}
