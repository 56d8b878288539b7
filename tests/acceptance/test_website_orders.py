"""Sections 3, 4 and 8: strangers buy on the website and pay on chain, and have seconds to do so."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.acceptance.conftest import OPERATED, QUICK, ROOMY
from tests.acceptance.server import Server, until
from tests.acceptance.shop import Shop, told
from ytmarket.testing.postgres import temporary_data_dir

SECONDS = 6
TON = "usdt_ton"


@pytest.fixture(scope="module")
def site() -> Iterator[Shop]:
    """A shop that awaits a website order's payment for seconds."""
    settings = OPERATED | QUICK | ROOMY | {"YTMARKET_WEBSITE_LIFETIME_SECONDS": str(SECONDS)}
    with (
        temporary_data_dir(in_memory=True) as data_dir,
        Shop.served(Server(data_dir, settings=settings, demo=False)) as found,
    ):
        yield found


def opened(site: Shop, product: int, quantity: int = 1) -> Any:
    wanted = {"product_id": product, "quantity": quantity, "network": TON}
    order = told(site.operate("POST", "/website-orders", json=wanted))
    assert order["status"] == "awaiting_payment"
    return order


def seen(site: Shop, order: Any) -> Any:
    return told(site.operate("GET", f"/website-orders/{order['order_id']}"))


def ended(site: Shop, order: Any) -> Any:
    """The order once it neither awaits a payment nor is on its way."""
    open_ones = {"awaiting_payment", "processing"}
    return until(lambda: seen(site, order), lambda found: found["status"] not in open_ones)


def waiting(site: Shop, tx_hash: str) -> Any:
    """The deposit of that transaction once it waits for the operator."""

    def ask() -> list[Any]:
        items = told(site.operate("GET", "/deposits", params={"status": "unmatched"}))["items"]
        return [item for item in items if item["tx_hash"] == tx_hash]

    (found,) = until(ask, bool)
    return found


def available(site: Shop, product: int) -> int:
    found: int = site.customer().ask(f"/products/{product}")["available"]
    return found


def test_paid_to_the_cent_it_is_delivered_with_its_items(site: Shop) -> None:
    product = site.product("21.50", units=3)
    order = opened(site, product, 2)
    assert available(site, product) == 1
    site.pay(TON, order["amount_usdt"])
    found = ended(site, order)
    assert found["status"] == "completed"
    assert found["paid_usdt"] == order["amount_usdt"] == 43
    assert [sorted(item) for item in found["items"]] == [["login", "password"]] * 2
    assert available(site, product) == 1


def test_what_failed_after_it_was_paid_is_owed_until_the_operator_has_sent_it(site: Shop) -> None:
    product = site.product("57.30", units=1)
    with site.supplier("fail"):
        order = opened(site, product)
        site.pay(TON, order["amount_usdt"])
        found = ended(site, order)
    assert found["status"] == "failed"
    found = until(lambda: seen(site, order), lambda order: bool(order["refunded"]))
    assert (found["refunded_usdt"], found["refund_tx_hash"]) == (order["amount_usdt"], None)
    path = f"/website-orders/{order['order_id']}/refund-paid"
    paid = told(site.act("POST", path, tx_hash="0xabc"))
    assert paid == found | {"refund_tx_hash": "0xabc"} == seen(site, order)
    assert told(site.act("POST", path, tx_hash="0xabc"), 409)["code"] == "no_refund_owed"
    assert available(site, product) == 1


def test_unpaid_it_expires_and_a_late_payment_waits_for_the_operator(site: Shop) -> None:
    product = site.product("83.10", units=2)
    order = opened(site, product, 2)
    assert available(site, product) == 0
    assert ended(site, order)["status"] == "expired"
    assert available(site, product) == 2
    late = waiting(site, site.pay(TON, order["amount_usdt"]))
    assert (late["reason"], late["candidate_order_id"]) == ("expired", order["order_id"])
    path = f"/deposits/{late['id']}/apply"
    assert told(site.act("POST", path, order_id=order["order_id"]), 409)["code"] == "order_not_payable"
    assert told(site.act("POST", f"/deposits/{late['id']}/return"))["status"] == "returned"


def test_a_payment_that_missed_is_applied_while_it_is_awaited(site: Shop) -> None:
    product = site.product("140.70", units=1)
    order = opened(site, product)
    short = waiting(site, site.pay(TON, "139.70"))
    assert short["reason"] == "under"
    applied = told(site.act("POST", f"/deposits/{short['id']}/apply", order_id=order["order_id"]))
    assert (applied["status"], applied["order_id"]) == ("applied", order["order_id"])
    found = ended(site, order)
    assert (found["status"], str(found["paid_usdt"])) == ("completed", "139.7")


def test_an_order_of_another_marketplace_is_delivered_once(site: Shop) -> None:
    product = site.product("230.90", units=2)
    sold = {
        "product_id": product,
        "quantity": 1,
        "amount_usdt": "199.00",
        "channel": "bazaar",
        "external_id": "A-1",
    }
    order = told(site.operate("POST", "/marketplace-orders", json=sold))
    assert (order["status"], order["price_usdt"]) == ("processing", 199)
    assert told(site.operate("POST", "/marketplace-orders", json=sold), 409)["code"] == "already_done"
    assert available(site, product) == 1


def test_the_books_are_true_after_all_of_it(site: Shop) -> None:
    checked = site.server.run("verify")
    assert checked.returncode == 0, checked.stdout + checked.stderr
