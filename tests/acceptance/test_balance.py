"""Section 4, first half: what a customer has, and the statement behind it."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from tests.acceptance.shop import Customer, Shop, fresh_price

ZERO = Decimal(0)


def adds_up(balance: Any) -> bool:
    total: bool = balance["balance_usdt"] == balance["total_topup_usdt"] - balance["total_spent_usdt"]
    return total


def test_a_new_key_has_nothing(shop: Shop) -> None:
    assert shop.customer().ask("/balance") == {
        "balance_usdt": ZERO,
        "total_spent_usdt": ZERO,
        "total_topup_usdt": ZERO,
        "total_refunded_usdt": ZERO,
        "currency": "USDT",
    }


def test_the_totals_tell_of_top_ups_spending_and_refunds(shop: Shop) -> None:
    price = fresh_price()
    product = shop.product(price, units=2)
    customer = shop.customer(2_000)
    start = customer.ask("/balance")
    assert start["balance_usdt"] == start["total_topup_usdt"] >= 2_000

    kept = customer.delivered(product)["price_usdt"]
    after_one = customer.ask("/balance")
    assert after_one["total_spent_usdt"] == kept
    assert after_one["total_refunded_usdt"] == ZERO

    with shop.supplier("fail"):
        lost = customer.order(product)
        customer.refunded(lost["order_id"])
    after_two = customer.ask("/balance")
    # What was given back is no longer spent, and is told apart from what was topped up.
    assert after_two["total_spent_usdt"] == kept
    assert after_two["total_refunded_usdt"] == lost["price_usdt"]
    assert after_two["total_topup_usdt"] == start["total_topup_usdt"]
    assert all(map(adds_up, (start, after_one, after_two)))


def test_amounts_are_json_numbers_with_a_decimal(shop: Shop) -> None:
    customer = shop.customer()
    shop.fund(customer, "62.5")
    assert '"balance_usdt":62.5,' in customer.get("/balance").text
    assert '"total_spent_usdt":0.0,' in customer.get("/balance").text


def test_a_deposit_of_odd_micros_is_credited_to_the_micro(shop: Shop) -> None:
    customer = shop.customer()
    topup = customer.open_topup("33.33", "usdt_polygon")
    customer.settled(shop.pay("usdt_polygon", topup["amount_usdt"] - Decimal("0.004321")))
    assert customer.ask("/balance")["balance_usdt"] == topup["amount_usdt"] - Decimal("0.004321")


def test_each_key_sees_its_own_balance(shop: Shop) -> None:
    shop.customer(500)
    assert shop.customer().ask("/balance")["balance_usdt"] == ZERO


def lines(customer: Customer, **paging: int) -> Any:
    return customer.ask("/balance/transactions", **paging)


def test_the_statement_shows_every_transfer_and_adds_up_to_the_balance(shop: Shop) -> None:
    product = shop.product(fresh_price(), units=3)
    customer = shop.customer(2_000)
    bought = customer.delivered(product)
    with shop.supplier("fail"):
        failed = customer.order(product)
        customer.refunded(failed["order_id"])
    found = lines(customer)
    assert found["total"] == 4
    newest_first = [(row["kind"], row["order_id"], row["amount_usdt"]) for row in found["items"]]
    assert newest_first[:3] == [
        ("order_refunded", failed["order_id"], failed["price_usdt"]),
        ("order_charged", failed["order_id"], -failed["price_usdt"]),
        ("order_charged", bought["order_id"], -bought["price_usdt"]),
    ]
    assert found["items"][3]["kind"] == "deposit_credited"
    assert found["items"][3]["deposit_id"] is not None
    assert sum(row["amount_usdt"] for row in found["items"]) == customer.ask("/balance")["balance_usdt"]


def test_the_statement_is_paged(shop: Shop) -> None:
    customer = shop.customer()
    for amount in (11, 12, 13):
        shop.fund(customer, amount)
    pages = [lines(customer, page=page, page_size=2) for page in (1, 2, 3)]
    assert [len(page["items"]) for page in pages] == [2, 1, 0]
    assert {page["total"] for page in pages} == {3}
    assert sum(len(page["items"]) for page in pages) == 3
