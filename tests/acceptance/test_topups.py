"""Section 4, second half: how money comes in, and what becomes of a payment that is a little off."""

from __future__ import annotations

import time
from decimal import Decimal
from typing import Any

import attrs
import pytest

from tests.acceptance.server import until
from tests.acceptance.shop import Customer, Shop, told

HOUR = 3_600
NETWORKS = [
    "usdt_trc_20", "usdt_bep_20", "usdt_polygon", "usdt_arbitrum", "usdt_ton", "usdt_solana",
]  # fmt: skip


def test_the_answer_names_address_network_amount_and_end(shop: Shop) -> None:
    customer = shop.customer()
    topup = customer.open_topup(8_100, "usdt_trc_20")
    assert set(topup) >= {"topup_id", "payment_address", "payment_network", "amount_usdt", "expires_at"}
    assert topup["payment_network"] == "usdt_trc_20"
    assert topup["amount_usdt"] == topup["requested_amount_usdt"] == Decimal(8_100)
    assert topup["status"] == "pending"
    assert topup["expires_at"] == topup["created_at"] + HOUR
    assert abs(topup["created_at"] - time.time()) < 5
    assert len(topup["topup_id"]) >= 16


def test_an_amount_may_have_cents_and_may_be_a_string_of_digits(shop: Shop) -> None:
    customer = shop.customer()
    assert customer.open_topup("8200.37", "usdt_ton")["amount_usdt"] == Decimal("8200.37")
    body = b'{"amount_usdt": 8300.10, "network": "usdt_ton"}'
    assert b'"amount_usdt":8300.1,' in customer.post("/balance/topup", body).content


def test_each_network_has_one_address_for_everybody_and_each_top_up_its_own_id(shop: Shop) -> None:
    ann, bob = shop.customer(), shop.customer()
    anns = {name: ann.open_topup(8_400, name) for name in NETWORKS}
    bobs = {name: bob.open_topup(8_500, name) for name in NETWORKS}
    addresses = {name: topup["payment_address"] for name, topup in anns.items()}
    assert addresses == {name: topup["payment_address"] for name, topup in bobs.items()}
    assert addresses["usdt_bep_20"] == addresses["usdt_polygon"] == addresses["usdt_arbitrum"]
    assert len(set(addresses.values())) == 4  # TRON, EVM, TON, Solana
    ids = {topup["topup_id"] for topup in (*anns.values(), *bobs.values())}
    assert len(ids) == 12


@pytest.mark.parametrize("network", NETWORKS)
def test_a_payment_is_credited_on_each_network(shop: Shop, network: str) -> None:
    customer = shop.customer()
    topup = customer.open_topup(8_600 + NETWORKS.index(network), network)
    assert topup["payment_network"] == network
    deposit = customer.settled(shop.pay(network, topup["amount_usdt"]))
    assert (deposit["network"], deposit["status"]) == (network, "credited_auto")
    assert deposit["topup_id"] == topup["topup_id"]
    assert customer.topup(topup["topup_id"])["status"] == "credited_auto"
    assert customer.ask("/balance")["balance_usdt"] == topup["amount_usdt"]


def test_the_status_is_asked_for_by_id_and_listed(shop: Shop) -> None:
    customer = shop.customer()
    topups = [customer.open_topup(amount, "usdt_bep_20") for amount in (8_700, 8_701, 8_702)]
    found = customer.topup(topups[0]["topup_id"])
    assert found == topups[0] | {"network_delayed": False}
    listed = customer.ask("/balance/topups", page_size=2)
    assert listed["total"] == 3
    assert {row["topup_id"] for row in listed["items"]} <= {topup["topup_id"] for topup in topups}


def test_another_keys_top_up_is_404(shop: Shop) -> None:
    topup = shop.customer().open_topup(8_800, "usdt_bep_20")
    stranger = shop.customer()
    answer = stranger.get(f"/balance/topup/{topup['topup_id']}")
    assert told(answer, 404)["code"] == "topup_not_found"
    assert stranger.ask("/balance/topups")["total"] == 0


@attrs.frozen(kw_only=True)
class Payment:
    """A row of the table: what was asked for and sent, and what is to become of it."""

    asked: str = "100"
    on: str
    sent: str
    over: str | None = None  # another network
    age_seconds: int = 0
    reason: str | None = None  # None: credited
    distance: str | None = None


EDGES = {
    "sent exactly": Payment(asked="4800", on="usdt_trc_20", sent="4800.00"),
    "a cent less": Payment(on="usdt_bep_20", sent="99.99"),
    "a cent more": Payment(on="usdt_polygon", sent="100.01"),
    "less": Payment(on="usdt_arbitrum", sent="98", reason="under", distance="2"),
    "more": Payment(on="usdt_ton", sent="200", reason="over", distance="100"),
    "a cent and a micro less": Payment(
        asked="5000", on="usdt_arbitrum", sent="4999.989999", reason="under", distance="0.010001"
    ),
    "a cent and a micro more": Payment(
        asked="5100", on="usdt_ton", sent="5100.010001", reason="over", distance="0.010001"
    ),
    "another network": Payment(
        asked="250", on="usdt_trc_20", sent="250", over="usdt_bep_20", reason="wrong_network", distance="0"
    ),
    "before it was asked for": Payment(
        asked="5300", on="usdt_trc_20", sent="5300", age_seconds=30 * HOUR, reason="no_such_amount"
    ),
    "dust": Payment(asked="5400", on="usdt_trc_20", sent="0.98", reason="dust"),
}


@attrs.frozen(kw_only=True)
class Outcome:
    customer: Customer
    topup: Any
    deposit: Any
    balance: Any


@pytest.fixture(scope="module")
def outcomes(shop: Shop) -> dict[str, Outcome]:
    """Every row lived through, all at once."""
    opened = {}
    for name, row in EDGES.items():
        customer = shop.customer()
        opened[name] = (customer, customer.open_topup(row.asked, row.on))
    sent = {
        name: shop.pay(row.over or row.on, row.sent, age_seconds=row.age_seconds)
        for name, row in EDGES.items()
    }
    found = {}
    for name, (customer, topup) in opened.items():
        deposit = customer.settled(sent[name])
        found[name] = Outcome(
            customer=customer,
            topup=customer.topup(topup["topup_id"]),
            deposit=deposit,
            balance=customer.ask("/balance"),
        )
    return found


@pytest.mark.parametrize("name", EDGES)
def test_a_payment_at_the_edge(outcomes: dict[str, Outcome], name: str) -> None:
    row, outcome = EDGES[name], outcomes[name]
    assert outcome.topup["amount_usdt"] == Decimal(row.asked)
    assert outcome.deposit["amount_usdt"] == Decimal(row.sent)
    assert outcome.deposit["reason"] == row.reason
    if row.reason is None:
        assert outcome.deposit["status"] == outcome.topup["status"] == "credited_auto"
        assert outcome.deposit["topup_id"] == outcome.topup["topup_id"]
        assert outcome.balance["balance_usdt"] == Decimal(row.sent)  # what arrived, not what was asked
    else:
        assert outcome.deposit["status"] == "unmatched"
        assert outcome.topup["status"] == "pending"
        assert outcome.balance["balance_usdt"] == 0


@pytest.mark.parametrize("name", [name for name, row in EDGES.items() if row.distance is not None])
def test_its_sender_is_told_what_it_was_nearest_to_and_nobody_else_is(
    shop: Shop, outcomes: dict[str, Outcome], name: str
) -> None:
    outcome = outcomes[name]
    assert outcome.deposit["candidate_topup_id"] == outcome.topup["topup_id"]
    assert outcome.deposit["distance_usdt"] == Decimal(EDGES[name].distance or "")
    seen = shop.customer().ask("/deposits", tx=outcome.deposit["tx_hash"])["items"]
    hidden = {"candidate_topup_id", "distance_usdt"}
    assert seen == [{field: value for field, value in outcome.deposit.items() if field not in hidden}]


def test_a_payment_after_the_end_waits_for_support(hasty: Shop) -> None:
    customer = hasty.customer()
    topup = customer.open_topup(5_600, "usdt_trc_20")
    assert topup["expires_at"] == topup["created_at"] + 1
    until(lambda: customer.topup(topup["topup_id"])["status"], lambda status: status == "expired")
    deposit = customer.settled(hasty.pay("usdt_trc_20", 5_600))
    assert (deposit["status"], deposit["reason"]) == ("unmatched", "expired")
    assert deposit["candidate_topup_id"] == topup["topup_id"]
    assert customer.ask("/balance")["balance_usdt"] == 0
    assert customer.topup(topup["topup_id"])["status"] == "expired"  # and never turns back
    # Its amount stays closed to others, so that a late payment is never taken for theirs.
    assert hasty.customer().open_topup(5_600, "usdt_trc_20")["amount_usdt"] == Decimal("5600.03")


def test_the_same_amount_asked_for_twice_is_told_apart_by_three_cents(shop: Shop) -> None:
    ann, bob = shop.customer(), shop.customer()
    anns, bobs = (customer.open_topup(5_700, "usdt_ton") for customer in (ann, bob))
    assert (anns["amount_usdt"], bobs["amount_usdt"]) == (Decimal(5_700), Decimal("5700.03"))
    assert bobs["requested_amount_usdt"] == Decimal(5_700)
    assert "notice" not in anns
    assert "5700.03" in bobs["notice"]
    # The nearest that both could claim: a cent above the one, and two below the other.
    ann.settled(shop.pay("usdt_ton", "5700.01"))
    bob.settled(shop.pay("usdt_ton", "5700.02"))
    assert ann.ask("/balance")["balance_usdt"] == Decimal("5700.01")
    assert bob.ask("/balance")["balance_usdt"] == Decimal("5700.02")


def test_who_insists_on_an_amount_that_is_taken_is_told_the_next_one(shop: Shop) -> None:
    shop.customer().open_topup(5_800, "usdt_ton")
    body = {"amount_usdt": 5_800, "network": "usdt_ton", "exact": True}
    customer = shop.customer()
    refusal = told(customer.post("/balance/topup", body), 409)
    assert (refusal["code"], refusal["next_amount_usdt"]) == ("amount_taken", Decimal("5800.03"))
    assert customer.ask("/balance/topups")["total"] == 0


def test_one_key_may_ask_twice_for_one_amount_and_pay_twice(shop: Shop) -> None:
    customer = shop.customer()
    one, two = (customer.open_topup(5_900, "usdt_ton") for _ in range(2))
    assert one["topup_id"] != two["topup_id"]
    assert one["amount_usdt"] == two["amount_usdt"] == Decimal(5_900)
    customer.settled(shop.pay("usdt_ton", 5_900))
    statuses = {customer.topup(topup["topup_id"])["status"] for topup in (one, two)}
    assert statuses == {"pending", "credited_auto"}
    customer.settled(shop.pay("usdt_ton", 5_900))
    assert customer.ask("/balance")["balance_usdt"] == Decimal(11_800)
    third = customer.settled(shop.pay("usdt_ton", 5_900))
    assert (third["status"], third["reason"]) == ("unmatched", "already_credited")


def test_an_unknown_transaction_is_an_empty_list_and_a_missing_one_422(shop: Shop) -> None:
    customer = shop.customer()
    assert customer.ask("/deposits", tx="f" * 64) == {"items": []}
    assert told(customer.get("/deposits"), 422)["errors"][0]["pointer"] == "tx"


def test_twenty_top_ups_may_be_open_and_no_more(shop: Shop) -> None:
    customer = shop.customer()
    for number in range(20):
        customer.open_topup(60_000 + number, "usdt_polygon")
    body = {"amount_usdt": 61_000, "network": "usdt_polygon"}
    refusal = told(customer.post("/balance/topup", body), 409)
    assert (refusal["code"], refusal["limit"]) == ("too_many_open_topups", 20)
    paid = customer.ask("/balance/topups")["items"][0]
    customer.settled(shop.pay("usdt_polygon", paid["amount_usdt"]))
    assert customer.post("/balance/topup", body).status_code == 200


def test_a_website_order_and_a_top_up_share_a_wallet_and_never_an_amount(shop: Shop) -> None:
    network = "usdt_arbitrum"
    sold, bought = shop.product("7350.40"), shop.product("7450.40")
    order = shop.website_order(sold, network)
    ann, bob = shop.customer(), shop.customer()
    topup = ann.open_topup("7350.40", network)
    assert topup["payment_address"] == order["payment_address"]
    assert (order["amount_usdt"], topup["amount_usdt"]) == (Decimal("7350.40"), Decimal("7350.43"))
    # The other way round: the top-up was there first, so the website's buyer pays a percent more.
    first = bob.open_topup("7450.40", network)
    later = shop.website_order(bought, network)
    assert (first["amount_usdt"], later["amount_usdt"]) == (Decimal("7450.40"), Decimal("7524.90"))
    assert later["raw_data"] == {"dp_hits": 1}


def test_a_payment_near_a_website_order_is_its_and_not_the_top_ups_beside_it(shop: Shop) -> None:
    network = "usdt_arbitrum"
    order = shop.website_order(shop.product("7650.40"), network)
    customer = shop.customer()
    topup = customer.open_topup("7650.40", network)
    # Two cents from the top-up and one from the order: within the tolerance of one of them only.
    deposit = customer.settled(shop.pay(network, "7650.41"))
    assert deposit["status"] == "applied"
    path = f"/website-orders/{order['order_id']}"
    done = until(
        lambda: told(shop.operate("GET", path)),
        lambda found: found["status"] not in {"awaiting_payment", "processing"},
    )
    assert done["status"] == "completed"
    assert customer.topup(topup["topup_id"])["status"] == "pending"
    assert customer.ask("/balance")["balance_usdt"] == 0
