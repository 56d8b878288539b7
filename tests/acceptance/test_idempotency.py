"""Idempotency-Key on both POSTs: one effect, and its answer as often as it is asked for."""

from __future__ import annotations

import json
import time
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from typing import Any

import pytest

from tests.acceptance.shop import Customer, Shop, fresh_price, told

TOPUP = {"amount_usdt": 45_000, "network": "usdt_arbitrum"}
NAME = f"run-{time.time_ns()}"

_keys = count(1)


@pytest.fixture
def key() -> dict[str, str]:
    """A header with a key that was never used."""
    return {"Idempotency-Key": f"{NAME}-{next(_keys)}"}


@pytest.fixture(scope="module")
def customer(shop: Shop) -> Customer:
    return shop.customer(46_000)


@pytest.fixture(scope="module")
def order(shop: Shop) -> dict[str, object]:
    product = shop.product(fresh_price(), units=100)
    return {"product_id": product, "quantity": 1, "payment_method": "balance"}


def facts(customer: Customer) -> tuple[Any, Any, Any]:
    return (
        customer.ask("/orders")["total"],
        customer.ask("/balance/topups")["total"],
        customer.ask("/balance")["total_spent_usdt"],
    )


def test_an_order_sent_again_is_answered_byte_for_byte_and_charged_once(
    customer: Customer, order: dict[str, object], key: dict[str, str]
) -> None:
    first = customer.post("/orders", order, key)
    assert first.status_code == 200
    assert "idempotent-replayed" not in first.headers
    customer.ended(first.json()["order_id"])
    after = facts(customer)
    for _ in range(3):
        again = customer.post("/orders", order, key)
        assert again.status_code == 200
        assert again.content == first.content  # as it was then, though the order is completed by now
        assert again.headers["idempotent-replayed"] == "true"
    assert facts(customer) == after


def test_a_top_up_sent_again_is_the_same_top_up(customer: Customer, key: dict[str, str]) -> None:
    first, again = (customer.post("/balance/topup", TOPUP, key) for _ in range(2))
    assert first.status_code == again.status_code == 200
    assert first.content == again.content
    assert again.headers["idempotent-replayed"] == "true"
    other = customer.post("/balance/topup", TOPUP, {"Idempotency-Key": key["Idempotency-Key"] + "-other"})
    assert other.json()["topup_id"] != first.json()["topup_id"]


def test_another_server_gives_the_kept_answer_too(
    shop: Shop, hasty: Shop, customer: Customer, order: dict[str, object], key: dict[str, str]
) -> None:
    first = shop.beside(customer).post("/orders", order, key)
    assert hasty.beside(customer).post("/orders", order, key).content == first.content


def test_another_body_or_path_under_the_same_key_is_422(
    customer: Customer, order: dict[str, object], key: dict[str, str]
) -> None:
    assert customer.post("/orders", order, key).status_code == 200
    before = facts(customer)
    for path, body in (("/orders", order | {"quantity": 2}), ("/balance/topup", TOPUP)):
        assert told(customer.post(path, body, key), 422)["code"] == "idempotency_key_reused"
    spaced = f'{{"product_id": {order["product_id"]},  "quantity": 1, "payment_method": "balance"}}'.encode()
    assert told(customer.post("/orders", spaced, key), 422)["code"] == "idempotency_key_reused"
    assert facts(customer) == before


def test_a_key_belongs_to_one_api_key(
    shop: Shop, customer: Customer, order: dict[str, object], key: dict[str, str]
) -> None:
    other = shop.customer(47_000)
    mine, theirs = (who.post("/orders", order, key) for who in (customer, other))
    assert told(mine)["order_id"] != told(theirs)["order_id"]
    assert "idempotent-replayed" not in theirs.headers


@pytest.mark.parametrize("name", ["!", "~" * 255, "8e03978e-40d5-43dd-bc93-6894a57f9324"])
def test_one_to_255_visible_characters_will_do(
    customer: Customer, order: dict[str, object], name: str
) -> None:
    assert customer.post("/orders", order, {"Idempotency-Key": name}).status_code == 200


@pytest.mark.parametrize("name", ["", "a b", "~" * 256, "a\tb", "ключ"])
@pytest.mark.parametrize("path", ["/orders", "/balance/topup"])
def test_anything_else_is_422(customer: Customer, path: str, name: str) -> None:
    before = facts(customer)
    headers = {b"Idempotency-Key": name.encode(), b"X-API-Key": customer.key.encode()}
    body: dict[str, object] = dict(TOPUP)
    answer = customer.http.post(f"/api/v1{path}", json=body, headers=headers)
    assert told(answer, 422)["code"] == "invalid_request"
    assert facts(customer) == before


def test_a_refused_request_may_be_sent_again_under_its_key(shop: Shop, key: dict[str, str]) -> None:
    product = shop.product(fresh_price())
    poor = shop.customer()
    body = {"product_id": product, "quantity": 1, "payment_method": "balance"}
    assert poor.post("/orders", body, key).status_code == 402
    shop.fund(poor, 3_333)
    answer = poor.post("/orders", body, key)
    assert answer.status_code == 200
    assert "idempotent-replayed" not in answer.headers


@pytest.mark.parametrize("who", ["plain", "signing"])
def test_sixteen_at_once_under_one_key_make_one_order(shop: Shop, order: dict[str, object], who: str) -> None:
    customer = shop.customer(48_000, secret=who == "signing")
    # A signature is good once: while the first is on its way, its twins may be told so.
    refusals = {409} if who == "plain" else {409, 401}
    for round_ in range(5):
        key = {"Idempotency-Key": f"{NAME}-at-once-{round_}"}
        body = json.dumps(order).encode() + b" " * round_  # or the rounds would be signed alike
        with ThreadPoolExecutor(16) as pool:
            answers = list(pool.map(lambda _: customer.post("/orders", body, key), range(16)))  # noqa: B023 - asked within its round
        good = [answer for answer in answers if answer.status_code == 200]
        assert good
        assert len({answer.content for answer in good}) == 1
        assert {answer.status_code for answer in answers} <= {200} | refusals
        assert all("retry-after" in answer.headers for answer in answers if answer.status_code == 409)
        assert customer.ask("/orders")["total"] == round_ + 1
        # Now that it is done, whoever asks again is given its answer.
        assert customer.post("/orders", body, key).content == good[0].content
    assert customer.ask("/orders")["total"] == 5
