"""Section 5: orders that are charged to the balance."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from typing import Any

import pytest

from tests.acceptance.shop import Customer, Shop, fresh_price, told


@pytest.fixture(scope="module")
def buyer(shop: Shop) -> Customer:
    return shop.customer(90_000)


def test_an_order_answers_what_was_bought_and_charges_it_at_once(shop: Shop) -> None:
    price = fresh_price()
    product = shop.product(price)
    customer = shop.customer(18_000)
    before = customer.ask("/balance")["balance_usdt"]
    order = customer.order(product, 10)
    assert isinstance(order["order_id"], int)
    assert order["status"] == "processing"
    assert order["product_id"] == product
    assert order["price_usdt"] == 10 * price
    assert order["quantity"] == 10
    assert order["refunded"] is False
    assert order["refunded_usdt"] == 0
    assert order["error_message"] is None
    assert order["raw_data"] == {"dp_hits": 0}
    assert abs(order["created_at"] - time.time()) < 5
    assert order["updated_at"] == order["created_at"]
    assert "items" not in order
    assert customer.ask("/balance")["balance_usdt"] == before - order["price_usdt"]


def test_once_completed_it_has_an_item_for_each_unit(shop: Shop, buyer: Customer) -> None:
    placed = buyer.order(shop.product(fresh_price(), units=4), 3)
    done = buyer.ended(placed["order_id"])
    assert done["status"] == "completed"
    assert len(done["items"]) == 3
    assert all(set(item) == {"login", "password"} for item in done["items"])
    assert done["updated_at"] >= done["created_at"] == placed["created_at"]
    assert {field: done[field] for field in ("price_usdt", "quantity", "refunded", "product_id")} == {
        field: placed[field] for field in ("price_usdt", "quantity", "refunded", "product_id")
    }


def test_no_unit_is_sold_twice_and_the_shelf_empties(shop: Shop, buyer: Customer) -> None:
    product = shop.product(fresh_price(), units=4)
    orders = [buyer.ended(buyer.order(product, 2)["order_id"]) for _ in range(2)]
    logins = {item["login"] for order in orders for item in order["items"]}
    assert len(logins) == 4
    assert buyer.ask(f"/products/{product}")["available"] == 0
    assert told(buyer.buy(product), 409)["available"] == 0


def test_what_a_unit_holds_comes_back_as_it_was_stocked(shop: Shop, buyer: Customer) -> None:
    product = shop.product(fresh_price(), units=0)
    unit = {"login": "ünïcode", "cookies": [{"name": "a", "secure": True}], "year": 2026, "note": None}
    told(shop.operate("POST", f"/products/{product}/stock", json={"units": [unit]}))
    assert buyer.ended(buyer.order(product)["order_id"])["items"] == [unit]


def test_an_order_is_its_keys_alone(shop: Shop, buyer: Customer) -> None:
    order = buyer.order(shop.product(fresh_price()))
    stranger = shop.customer()
    assert told(stranger.get(f"/orders/{order['order_id']}"), 404)["code"] == "order_not_found"
    assert stranger.ask("/orders")["items"] == []


def test_orders_are_listed_in_pages(shop: Shop) -> None:
    product = shop.product(fresh_price())
    customer = shop.customer(8_000)
    placed = [customer.order(product)["order_id"] for _ in range(3)]
    for order_id in placed:
        customer.ended(order_id)
    pages = [customer.ask("/orders", page=page, page_size=2) for page in (1, 2)]
    rows = [row for page in pages for row in page["items"]]
    assert sorted(row["order_id"] for row in rows) == placed
    assert {page["total"] for page in pages} == {3}
    assert all("items" not in row for row in rows)  # contents are shown one order at a time


def test_a_balance_that_is_too_small_is_402_with_the_way_on(shop: Shop) -> None:
    price = fresh_price()
    product = shop.product(price)
    customer = shop.customer()
    shop.fund(customer, price - 1)
    balance = customer.ask("/balance")["balance_usdt"]
    refusal = told(customer.buy(product), 402)
    assert refusal["code"] == "insufficient_balance"
    assert refusal["balance_usdt"] == balance
    assert refusal["required_usdt"] == price
    assert refusal["shortfall_usdt"] == price - balance
    assert refusal["topup_path"] == "/api/v1/balance/topup"
    assert "POST /api/v1/balance/topup" in refusal["detail"]
    # Nothing was charged, ordered or taken from the shelf.
    assert customer.ask("/balance")["balance_usdt"] == balance
    assert customer.ask("/orders")["total"] == 0
    assert customer.ask(f"/products/{product}")["available"] == 20


def test_a_balance_that_just_suffices_is_spent_to_the_last_micro(shop: Shop) -> None:
    customer = shop.customer(fresh_price())
    balance = customer.ask("/balance")["balance_usdt"]
    assert customer.order(shop.product(balance))["price_usdt"] == balance
    assert customer.ask("/balance")["balance_usdt"] == 0


def test_each_order_at_an_amount_just_taken_costs_a_percent_more_up_to_ten(shop: Shop) -> None:
    price = Decimal("2345.67")
    product = shop.product(price)
    customers = [shop.customer(20_000 + 7 * number) for number in range(2)]
    orders = [customers[number % 2].order(product) for number in range(13)]
    cent = Decimal("0.01")
    expected = [(price * (100 + hits) / 100).quantize(cent, "ROUND_HALF_UP") for hits in range(11)]
    assert [order["price_usdt"] for order in orders[:11]] == expected
    assert [order["raw_data"]["dp_hits"] for order in orders[:11]] == list(range(11))
    # All eleven amounts are taken: a balance pays the highest, and what is asked never grows beyond.
    assert {(order["price_usdt"], order["raw_data"]["dp_hits"]) for order in orders[11:]} == {
        (expected[10], 11)
    }
    shown = customers[1].ask(f"/orders/{orders[3]['order_id']}")
    assert shown["raw_data"] == {"dp_hits": 3}


def test_the_same_amount_counts_whatever_product_it_was_for(shop: Shop, buyer: Customer) -> None:
    price = Decimal("3210.12")
    assert buyer.order(shop.product(2 * price))["raw_data"]["dp_hits"] == 0
    assert buyer.order(shop.product(price), 2)["raw_data"]["dp_hits"] == 1


def test_amounts_of_the_website_and_of_marketplaces_count_as_well(shop: Shop, buyer: Customer) -> None:
    price = Decimal("6543.20")
    product = shop.product(price)
    assert shop.website_order(product, "usdt_ton")["amount_usdt"] == price
    sold = {"product_id": product, "quantity": 1, "amount_usdt": "6608.63", "channel": "bazaar"}
    told(shop.operate("POST", "/marketplace-orders", json=sold | {"external_id": "B-7"}))
    order = buyer.order(product)
    assert (order["price_usdt"], order["raw_data"]["dp_hits"]) == (Decimal("6674.06"), 2)


def test_an_order_that_would_cost_more_than_its_limit_is_409_and_nothing_is_charged(
    shop: Shop, buyer: Customer
) -> None:
    price = Decimal("4321.01")
    product = shop.product(price)
    buyer.order(product, max_price_usdt=str(price))
    spent = buyer.ask("/balance")["total_spent_usdt"]
    refusal = told(buyer.buy(product, max_price_usdt=str(price)), 409)
    dearer = (price * Decimal("1.01")).quantize(Decimal("0.01"), "ROUND_HALF_UP")
    assert (refusal["code"], refusal["price_usdt"]) == ("price_changed", dearer)
    assert buyer.ask("/balance")["total_spent_usdt"] == spent
    assert buyer.order(product, max_price_usdt=str(dearer))["price_usdt"] == dearer


def test_optional_fields_may_be_null(shop: Shop, buyer: Customer) -> None:
    product = shop.product(fresh_price())
    assert buyer.buy(product, webhook_url=None, max_price_usdt=None).status_code == 200


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("DELETE", "/orders/{}"),
        ("POST", "/orders/{}"),
        ("PATCH", "/orders/{}"),
        ("POST", "/orders/{}/cancel"),
    ],
)
def test_a_client_cannot_call_an_order_off(shop: Shop, buyer: Customer, method: str, path: str) -> None:
    with shop.supplier("hold"):
        order_id = buyer.order(shop.product(fresh_price()))["order_id"]
        answer = buyer.send(method, path.format(order_id), json={"reason": "please"})
        assert answer.status_code in {404, 405}
        assert buyer.ask(f"/orders/{order_id}")["status"] == "processing"


def test_orders_of_one_moment_differ_in_price_and_all_are_charged(shop: Shop) -> None:
    product = shop.product("5432.10", units=8)
    customer = shop.customer(60_000)
    with ThreadPoolExecutor(8) as pool:
        orders: list[Any] = [told(answer) for answer in pool.map(lambda _: customer.buy(product), range(8))]
    assert sorted(order["raw_data"]["dp_hits"] for order in orders) == list(range(8))
    assert len({order["price_usdt"] for order in orders}) == 8
    assert customer.ask("/balance")["total_spent_usdt"] == sum(order["price_usdt"] for order in orders)
