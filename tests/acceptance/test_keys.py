"""Sections 1 and 2: keys come from the operator, and every request needs one."""

from __future__ import annotations

import json

import pytest

from tests.acceptance.server import Server
from tests.acceptance.shop import API, TOKEN, Shop, told

PATHS = [
    "/health", "/products", "/products/1", "/categories", "/balance", "/balance/topup/x", "/balance/topups",
    "/balance/transactions", "/deposits", "/orders", "/orders/1", "/usage", "/nothing",
]  # fmt: skip


@pytest.mark.parametrize("authorization", [None, "Bearer wrong-token-of-a-stranger", f"Basic {TOKEN}"])
def test_nobody_makes_a_key_without_the_operators_token(shop: Shop, authorization: str | None) -> None:
    headers = {} if authorization is None else {"Authorization": authorization}
    answer = shop.http.post("/api/admin/api-keys", json={"label": "me"}, headers=headers)
    assert told(answer, 401)["code"] == "invalid_admin_token"


def test_a_customers_key_is_no_operators_token(shop: Shop) -> None:
    customer = shop.customer()
    headers = {"Authorization": f"Bearer {customer.key}"}
    answer = shop.http.post("/api/admin/api-keys", json={"label": "me"}, headers=headers)
    assert answer.status_code == 401


def test_where_no_token_is_configured_there_is_no_admin_api(demo: Server) -> None:
    with demo.client() as stranger:
        answer = stranger.post(
            "/api/admin/api-keys", json={"label": "me"}, headers={"Authorization": f"Bearer {TOKEN}"}
        )
    assert answer.status_code == 404


def test_key_and_secret_are_issued_together_and_differ_each_time(shop: Shop) -> None:
    one, other = (told(shop.operate("POST", "/api-keys", json={"label": "a pair"}), 201) for _ in range(2))
    assert set(one) == {"fp", "key", "secret", "label", "created_at"}
    assert len({one["key"], one["secret"], other["key"], other["secret"]}) == 4
    assert one["fp"] not in one["key"]


def test_key_and_secret_are_shown_in_no_later_answer(shop: Shop) -> None:
    customer = shop.customer(20, secret=True)
    assert customer.secret is not None
    answers = [customer.get(path).text for path in PATHS]
    assert not any(customer.key in text or customer.secret in text for text in answers)


def test_a_secret_is_optional(shop: Shop) -> None:
    assert shop.customer(secret=False).secret is None
    minted = shop.server.run("keys", "mint", "at the terminal", "--no-secret", "--json")
    assert minted.returncode == 0, minted.stderr
    assert json.loads(minted.stdout)[0]["secret"] == "-"


@pytest.mark.parametrize("path", PATHS)
def test_without_the_header_every_path_answers_401(shop: Shop, path: str) -> None:
    assert told(shop.http.get(f"{API}{path}"), 401)["code"] == "invalid_api_key"


@pytest.mark.parametrize("key", ["ytm_unknown", "YOUR_KEY_HERE", "", "é"])
def test_a_wrong_key_answers_401(shop: Shop, key: str) -> None:
    answer = shop.http.get(f"{API}/health", headers={b"X-API-Key": key.encode()})
    assert told(answer, 401)["code"] == "invalid_api_key"
    assert answer.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize("path", ["/orders", "/balance/topup"])
def test_posts_need_the_header_too(shop: Shop, path: str) -> None:
    assert shop.http.post(f"{API}{path}", json={}).status_code == 401


def test_the_header_is_found_in_any_spelling(shop: Shop) -> None:
    key = shop.customer().key
    assert shop.http.get(f"{API}/health", headers={"x-api-key": key}).status_code == 200
    assert shop.http.get(f"{API}/health", headers={"X-API-KEY": key}).status_code == 200
    assert shop.http.get(f"{API}/health", params={"api_key": key}).status_code == 401
