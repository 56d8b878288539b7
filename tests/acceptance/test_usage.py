"""Section 7: what a key has asked, and what its account has spent."""

from __future__ import annotations

import time

from tests.acceptance.server import until
from tests.acceptance.shop import Shop, fresh_price


def test_requests_are_counted_with_their_times_and_the_last_path(shop: Shop) -> None:
    customer = shop.customer()
    first = customer.ask("/usage")
    assert first["request_count"] == 1
    assert first["first_used_at"] == first["last_used_at"]
    assert first["last_endpoint"] == "/api/v1/usage"
    assert abs(first["last_used_at"] - time.time()) < 5
    time.sleep(1)
    for path in ("/products", "/balance", "/products"):
        customer.ask(path)
    customer.get("/orders/1")  # refused, and a request all the same
    now = customer.ask("/usage")
    assert now["request_count"] == 6
    assert now["first_used_at"] == first["first_used_at"]
    assert now["last_used_at"] > first["last_used_at"]


def test_it_tells_what_was_spent_and_given_back(shop: Shop) -> None:
    customer = shop.customer(7_100)
    product = shop.product(fresh_price())
    spent = customer.delivered(product)["price_usdt"]
    with shop.supplier("fail"):
        lost = customer.order(product)
        customer.refunded(lost["order_id"])
    usage = customer.ask("/usage")
    assert usage["total_spent_usdt"] == spent
    assert usage["total_refunded_usdt"] == lost["price_usdt"]


def test_what_several_servers_counted_is_one_number(shop: Shop, hasty: Shop) -> None:
    customer = shop.customer()
    there = hasty.beside(customer)
    for _ in range(7):
        assert customer.get("/health").status_code == 200
    last = until(lambda: there.ask("/usage"), lambda usage: usage["request_count"] >= 8)
    assert last["last_endpoint"] == "/api/v1/usage"


def test_each_key_has_its_own_count(shop: Shop) -> None:
    busy, quiet = shop.customer(), shop.customer()
    for _ in range(5):
        busy.ask("/health")
    assert quiet.ask("/usage")["request_count"] == 1
