"""What clients are promised that support does for them when they ask."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import attrs
import pytest

from tests.acceptance.receiver import Receiver
from tests.acceptance.server import until
from tests.acceptance.shop import Customer, Shop, fresh_price, sign, told


def waiting(shop: Shop, tx_hash: str) -> Any:
    """The deposit in the operator's queue."""
    rows = told(shop.operate("GET", "/deposits", params={"status": "unmatched", "page_size": 200}))["items"]
    return next(row for row in rows if row["tx_hash"] == tx_hash)


@pytest.mark.parametrize(
    ("asked", "sent", "reason"),
    [("6100", "6098", "under"), ("6200", "6400", "over"), ("6300", "6300.02", "over")],
)
def test_a_payment_that_was_set_aside_is_credited_by_hand_with_what_arrived(
    shop: Shop, asked: str, sent: str, reason: str
) -> None:
    customer = shop.customer()
    topup = customer.open_topup(asked, "usdt_polygon")
    tx_hash = shop.pay("usdt_polygon", sent)
    assert customer.settled(tx_hash)["status"] == "unmatched"
    row = waiting(shop, tx_hash)
    assert (row["reason"], row["amount_usdt"]) == (reason, Decimal(sent))
    assert (row["candidate_fp"], row["candidate_topup_id"]) == (customer.fp, topup["topup_id"])
    credited = told(shop.act("POST", f"/deposits/{row['id']}/credit", fp=customer.fp))
    assert credited["status"] == "credited_manual"
    assert customer.ask("/balance")["balance_usdt"] == Decimal(sent)
    assert customer.topup(topup["topup_id"])["status"] == "credited_manual"
    assert customer.settled(tx_hash)["status"] == "credited_manual"
    acts = told(shop.operate("GET", "/api-audit"))["items"]
    assert ("deposit.credit", f"deposit:{row['id']}") in {(act["action"], act["target"]) for act in acts}
    # Once, whoever asks again.
    assert shop.act("POST", f"/deposits/{row['id']}/credit", fp=customer.fp).status_code == 409
    assert customer.ask("/balance")["balance_usdt"] == Decimal(sent)


def test_a_late_payment_and_one_on_another_network_are_credited_by_hand(hasty: Shop) -> None:
    customer = hasty.customer()
    topup = customer.open_topup(6_500, "usdt_ton")
    until(lambda: customer.topup(topup["topup_id"])["status"], lambda status: status == "expired")
    late, elsewhere = hasty.pay("usdt_ton", 6_500), hasty.pay("usdt_arbitrum", 6_501)
    for tx_hash in (late, elsewhere):
        assert customer.settled(tx_hash)["status"] == "unmatched"
        told(hasty.act("POST", f"/deposits/{waiting(hasty, tx_hash)['id']}/credit", fp=customer.fp))
    assert customer.ask("/balance")["balance_usdt"] == Decimal(13_001)


@pytest.fixture
def signer(shop: Shop) -> Customer:
    return shop.customer(2_700, secret=True)


def test_a_lost_secret_is_replaced_and_the_old_one_is_dead_at_once(shop: Shop, signer: Customer) -> None:
    product = shop.product(fresh_price())
    assert signer.buy(product).status_code == 200
    rotated = told(shop.operate("POST", f"/api-keys/{signer.fp}/rotate-secret", json={}))
    assert rotated["secret"] != signer.secret
    # The key itself stays the same, and reads without a secret as before.
    assert signer.get("/balance").status_code == 200
    assert told(signer.buy(product), 401)["code"] == "invalid_signature"
    renewed = attrs.evolve(signer, secret=rotated["secret"])
    assert renewed.buy(product).status_code == 200


def test_a_rotated_secret_signs_the_webhooks_from_then_on(
    shop: Shop, signer: Customer, receiver: Receiver
) -> None:
    rotated = told(shop.operate("POST", f"/api-keys/{signer.fp}/rotate-secret", json={}))
    renewed = attrs.evolve(signer, secret=rotated["secret"])
    renewed.order(shop.product(fresh_price()), webhook_url=receiver.url("rotated"))
    hook = receiver.told("rotated", "completed")
    expected = sign(rotated["secret"], hook.headers["X-Webhook-Timestamp"], hook.raw)
    assert hook.headers["X-Webhook-Signature"] == expected


def test_addresses_are_allowed_and_freed_again(shop: Shop) -> None:
    customer = shop.customer()
    path = f"/api-keys/{customer.fp}/ip-whitelist"
    for allowed, status in ((["192.0.2.1"], 403), (["192.0.2.1", "127.0.0.1"], 200), ([], 200)):
        told(shop.operate("PUT", path, json={"ip_whitelist": allowed}))
        assert customer.get("/balance").status_code == status


def test_a_revoked_key_is_401_at_once(shop: Shop) -> None:
    customer = shop.customer()
    assert customer.get("/health").status_code == 200
    told(shop.operate("POST", f"/api-keys/{customer.fp}/revoke", json={}))
    assert told(customer.get("/health"), 401)["code"] == "invalid_api_key"


def test_an_order_is_called_off_by_an_operator_and_refunded(shop: Shop) -> None:
    customer = shop.customer(2_800)
    before = customer.ask("/balance")["balance_usdt"]
    with shop.supplier("hold"):
        order_id = customer.order(shop.product(fresh_price()))["order_id"]
        assert told(shop.cancel(order_id))["status"] == "cancelled"
        assert customer.refunded(order_id)["status"] == "cancelled"
    assert customer.ask("/balance")["balance_usdt"] == before


def test_a_webhook_that_was_given_up_is_sent_again_on_request(shop: Shop, receiver: Receiver) -> None:
    customer = shop.customer(2_900)
    receiver.answers["again"].append(404)
    customer.order(shop.product(fresh_price()), webhook_url=receiver.url("again"))
    given_up, _ = receiver.wait("again", 2)
    event = given_up.headers["X-Webhook-Id"]
    resent = until(
        lambda: shop.operate("POST", f"/webhooks/{event}/resend", json={}),
        lambda answer: answer.status_code == 200,
    )
    assert told(resent)["event_id"] == event
    third = receiver.wait("again", 3)[2]
    assert (third.headers["X-Webhook-Id"], third.raw) == (event, given_up.raw)
