"""From a key to a first order in the steps that a newcomer is shown."""

from __future__ import annotations

import time

from tests.acceptance.receiver import Receiver
from tests.acceptance.server import until
from tests.acceptance.shop import Shop, told


def test_the_seven_steps_with_a_signing_key(shop: Shop, receiver: Receiver) -> None:
    for price in ("0.77", "1.90", "2.10"):
        shop.product(price, units=40, category="Quick start")
    # 1: a key and its secret
    customer = shop.customer(secret=True)
    assert customer.secret
    # 2: does it work?
    assert customer.get("/health").status_code == 200
    # 3: what is there?
    found = customer.ask("/products", min_qty=10, max_price=2)["items"]
    assert {product["sku"] for product in found} and all(product["price_usdt"] <= 2 for product in found)
    product = next(product for product in found if product["category"] == "Quick start")
    assert product["min_quantity"] == 10
    # 4: money in
    topup = customer.open_topup(140, "usdt_trc_20")
    shop.pay("usdt_trc_20", topup["amount_usdt"])
    sent_at = time.monotonic()
    until(lambda: customer.ask("/balance")["balance_usdt"], lambda balance: balance == topup["amount_usdt"])
    assert time.monotonic() - sent_at < 10
    # 5: an order
    url = receiver.url("quick-start")
    order = customer.order(product["id"], product["min_quantity"], webhook_url=url)
    assert order["order_id"] > 0
    assert order["status"] == "processing"
    # 6: poll
    done = customer.ended(order["order_id"])
    assert done["status"] == "completed"
    assert len(done["items"]) == product["min_quantity"]
    # 7: or be told
    assert receiver.told("quick-start", "completed").body["items"] == done["items"]


def test_the_balance_can_be_topped_up_without_an_order_and_used_later(shop: Shop) -> None:
    customer = shop.customer(30)
    assert customer.ask("/orders")["total"] == 0
    assert customer.ask("/balance")["balance_usdt"] >= 30
    assert told(customer.get("/balance/topups"))["total"] == 1
