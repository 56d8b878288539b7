"""Sections 5, 6 and 8: every way in which an order ends, what is given back, and what webhooks tell of it."""

from __future__ import annotations

import time
from decimal import Decimal
from typing import Any

import attrs
import pytest

from tests.acceptance.receiver import Receiver
from tests.acceptance.shop import Customer, Shop, told

QUANTITY = 3
PRICE = Decimal("9.99")  # each order's own product costs a hundred more than the one before
FAILURE = "the supplier cannot deliver"

# How it ends: what webhooks say in turn, how many units are delivered, and what is told of it.
ENDINGS: dict[str, tuple[list[str], int, str | None]] = {
    "completed": (["processing", "completed"], 3, None),
    "partial": (["processing", "partial", "refunded"], 1, "the supplier delivered 1 of 3"),
    "failed": (["processing", "failed", "refunded"], 0, FAILURE),
    "expired": (["processing", "expired", "refunded"], 0, "not delivered in time"),
    "cancelled": (["processing", "cancelled", "refunded"], 0, "asked for by the client"),
}
REFUNDED = [name for name, (webhooks, _, _) in ENDINGS.items() if "refunded" in webhooks]


@attrs.frozen(kw_only=True)
class Ended:
    """An order that has ended, and been refunded where that is due."""

    customer: Customer
    product: int
    charged: Decimal
    placed: Any
    order: Any
    before: Any
    after: Any

    @property
    def due(self) -> Decimal:
        """The share of what was not delivered, by its status, rounded up to the micro."""
        undelivered = QUANTITY - ENDINGS[self.order["status"]][1]
        share = self.charged * undelivered / QUANTITY
        return share.quantize(Decimal("0.000001"), "ROUND_UP")


@pytest.fixture(scope="module")
def endings(shop: Shop, hasty: Shop, receiver: Receiver) -> dict[str, Ended]:
    """One order for each ending, of a customer of its own who signs."""
    modes = {"completed": "deliver", "partial": "partial", "failed": "fail"}
    found = {}
    for number, name in enumerate(ENDINGS):
        customer = shop.customer(31_000 + 50 * number, secret=True)
        # Odd cents, so that a third of the price is no whole number of micros.
        product = shop.product(PRICE + 3_000 + 100 * number, units=QUANTITY)
        before = customer.ask("/balance")
        with shop.supplier(modes.get(name, "hold")):
            place = hasty if name == "expired" else shop
            placed = place.beside(customer).order(product, QUANTITY, webhook_url=receiver.url(f"ends-{name}"))
            if name == "cancelled":
                told(shop.cancel(placed["order_id"]))
            order = customer.ended(placed["order_id"])
            if name in REFUNDED:
                order = customer.refunded(placed["order_id"])
        found[name] = Ended(
            customer=customer,
            product=product,
            charged=placed["price_usdt"],
            placed=placed,
            order=order,
            before=before,
            after=customer.ask("/balance"),
        )
    return found


@pytest.mark.parametrize("name", ENDINGS)
def test_the_order_tells_how_it_ended(endings: dict[str, Ended], name: str) -> None:
    ended = endings[name]
    _, delivered, message = ENDINGS[name]
    assert ended.placed["status"] == "processing"
    assert ended.order["status"] == name
    assert ended.order["error_message"] == message
    assert ended.order["quantity"] == QUANTITY
    assert ended.order["price_usdt"] == ended.charged
    assert len(ended.order.get("items", [])) == delivered
    assert ("items" in ended.order) == (name in {"completed", "partial"})


@pytest.mark.parametrize("name", ENDINGS)
def test_what_was_not_delivered_is_given_back(endings: dict[str, Ended], name: str) -> None:
    ended = endings[name]
    assert ended.order["refunded"] is (name in REFUNDED)
    assert ended.order["refunded_usdt"] == ended.due
    assert ended.after["balance_usdt"] == ended.before["balance_usdt"] - ended.charged + ended.due
    assert ended.after["total_refunded_usdt"] == ended.due
    assert ended.after["total_spent_usdt"] == ended.charged - ended.due
    assert ended.after["total_topup_usdt"] == ended.before["total_topup_usdt"]


def test_a_share_that_does_not_divide_evenly_is_rounded_in_the_customers_favour(
    endings: dict[str, Ended],
) -> None:
    ended = endings["partial"]
    assert ended.charged == 3 * (PRICE + 3_100)
    assert ended.due == Decimal("6219.98")
    odd = Ended(
        customer=ended.customer,
        product=0,
        charged=Decimal(10),
        placed=None,
        order={"status": "partial"},
        before=None,
        after=None,
    )
    assert odd.due == Decimal("6.666667")


@pytest.mark.parametrize("name", REFUNDED)
def test_the_status_stays_what_pollers_wait_for_after_the_refund(
    endings: dict[str, Ended], name: str
) -> None:
    ended = endings[name]
    assert ended.customer.ask(f"/orders/{ended.order['order_id']}") == ended.order
    assert ended.order["status"] == name


@pytest.mark.parametrize("name", REFUNDED)
def test_a_refund_happens_once(endings: dict[str, Ended], name: str) -> None:
    ended = endings[name]
    time.sleep(0.5)  # two more sweeps
    rows = ended.customer.ask("/balance/transactions")["items"]
    refunds = [row for row in rows if row["kind"] == "order_refunded"]
    assert [row["amount_usdt"] for row in refunds] == [ended.due]
    assert ended.customer.ask("/balance") == ended.after


@pytest.mark.parametrize("name", ENDINGS)
def test_units_of_an_order_that_delivered_nothing_are_for_sale_again(
    endings: dict[str, Ended], name: str
) -> None:
    ended = endings[name]
    available = ended.customer.ask(f"/products/{ended.product}")["available"]
    assert available == QUANTITY - ENDINGS[name][1]


@pytest.mark.parametrize("name", ["failed", "expired", "cancelled"])
def test_a_retry_does_not_pay_for_our_failure(endings: dict[str, Ended], name: str) -> None:
    ended = endings[name]
    again = ended.customer.order(ended.product, QUANTITY)
    assert again["price_usdt"] == ended.charged
    assert again["raw_data"] == {"dp_hits": 0}
    assert ended.customer.ended(again["order_id"])["status"] == "completed"


@pytest.mark.parametrize("name", ENDINGS)
def test_webhooks_tell_every_step_in_its_order_and_once(
    endings: dict[str, Ended], receiver: Receiver, name: str
) -> None:
    assert endings[name].order["status"] == name
    steps = ENDINGS[name][0]
    hooks = receiver.wait(f"ends-{name}", len(steps))
    assert [hook.body["status"] for hook in hooks] == steps
    assert len({hook.headers["X-Webhook-Id"] for hook in hooks}) == len(steps)


@pytest.mark.parametrize("name", ENDINGS)
def test_each_webhook_holds_exactly_what_is_promised(
    endings: dict[str, Ended], receiver: Receiver, name: str
) -> None:
    ended = endings[name]
    steps, delivered, message = ENDINGS[name]
    for hook, status in zip(receiver.wait(f"ends-{name}", len(steps)), steps, strict=True):
        is_last, is_first = status == "refunded", status == "processing"
        fired_at = hook.body["fired_at"]
        assert hook.body == {
            "order_id": ended.order["order_id"],
            "status": status,
            "price_usdt": ended.charged,
            "quantity": QUANTITY,
            "product_id": ended.product,
            "items": [] if is_first or not delivered else ended.order["items"],
            "error_message": None if is_first else message,
            "refunded": is_last,
            "refunded_usdt": ended.due if is_last else Decimal("0.0"),
            "fired_at": fired_at,
        }
        assert ended.order["created_at"] <= fired_at <= ended.order["updated_at"]
        assert isinstance(fired_at, int)
        assert hook.headers["Content-Type"] == "application/json"


@pytest.mark.parametrize("name", ENDINGS)
def test_an_order_that_has_ended_cannot_be_cancelled(
    shop: Shop, endings: dict[str, Ended], name: str
) -> None:
    refusal = told(shop.cancel(endings[name].order["order_id"]), 409)
    assert refusal["code"] == "illegal_order_move"
    assert refusal["order_status"] == name


@pytest.mark.usefixtures("endings")
def test_all_seven_words_were_heard(receiver: Receiver) -> None:
    for name, (steps, _, _) in ENDINGS.items():
        receiver.wait(f"ends-{name}", len(steps))
    heard = {status for name in ENDINGS for status in receiver.statuses(f"ends-{name}")}
    assert heard == {"processing", "completed", "partial", "failed", "expired", "cancelled", "refunded"}


def test_until_it_is_delivered_an_order_is_processing_and_shows_no_items(shop: Shop) -> None:
    customer = shop.customer(31_700)
    with shop.supplier("hold"):
        order_id = customer.order(shop.product("7000.01"))["order_id"]
        time.sleep(0.5)
        waiting = customer.ask(f"/orders/{order_id}")
    assert waiting["status"] == "processing"
    assert "items" not in waiting
