"""Section 6: how webhooks are sent, signed, repeated and given up."""

from __future__ import annotations

import hashlib
import hmac
import json
import time
from threading import Thread

import httpx2
import pytest

from tests.acceptance.conftest import HOOKED, OPERATED
from tests.acceptance.receiver import Receiver, receiving
from tests.acceptance.server import Server, until
from tests.acceptance.shop import Customer, Shop, fresh_price, told
from ytmarket.testing.postgres import temporary_data_dir


@pytest.fixture(scope="module")
def customer(shop: Shop) -> Customer:
    return shop.customer(70_000)


def bought(shop: Shop, customer: Customer, url: str) -> int:
    order_id: int = customer.order(shop.product(fresh_price()), webhook_url=url)["order_id"]
    return order_id


def test_a_key_with_a_secret_gets_signed_webhooks(shop: Shop, receiver: Receiver) -> None:
    signer = shop.customer(8_000, secret=True)
    assert signer.secret is not None
    bought(shop, signer, receiver.url("signed"))
    for hook in receiver.wait("signed", 2):
        timestamp = hook.headers["X-Webhook-Timestamp"]
        assert hook.headers["X-Webhook-Algorithm"] == "HMAC-SHA256"
        assert abs(time.time() - int(timestamp)) <= 300
        # The receiver's own check, over the bytes as they came.
        expected = hmac.new(
            signer.secret.encode(), f"{timestamp}\n".encode() + hook.raw, hashlib.sha256
        ).hexdigest()
        assert hmac.compare_digest(expected, hook.headers["X-Webhook-Signature"])


def test_a_key_without_a_secret_gets_them_unsigned(
    shop: Shop, customer: Customer, receiver: Receiver
) -> None:
    bought(shop, customer, receiver.url("unsigned"))
    for hook in receiver.wait("unsigned", 2):
        signing = {"X-Webhook-Timestamp", "X-Webhook-Signature", "X-Webhook-Algorithm"}
        assert not signing & set(hook.headers)
        assert hook.headers["X-Webhook-Id"]


def test_without_a_url_nothing_is_sent_and_the_order_is_the_same(
    shop: Shop, customer: Customer, receiver: Receiver
) -> None:
    before = sum(map(len, receiver.hooks.values()))
    order = customer.order(shop.product(fresh_price()))
    assert customer.ended(order["order_id"])["status"] == "completed"
    time.sleep(1.2)
    assert sum(map(len, receiver.hooks.values())) == before


REPEATED = {500: "server-error", 503: "unavailable", 408: "time-out", 429: "too-often"}
GIVEN_UP = {301: "moved", 302: "found", 400: "bad-request", 404: "not-found", 410: "gone"}


@pytest.fixture(scope="module")
def answered(shop: Shop, customer: Customer, receiver: Receiver) -> float:
    """Orders whose receivers refuse the first webhook in every way, and the time until a second attempt."""
    started = time.monotonic()
    for status, name in (REPEATED | GIVEN_UP).items():
        receiver.answers[name].append(status)
        bought(shop, customer, receiver.url(name))
    for name in REPEATED.values():
        receiver.wait(name, 3, seconds=30)
    for name in GIVEN_UP.values():
        receiver.wait(name, 2, seconds=30)
    return time.monotonic() - started


@pytest.mark.parametrize("name", REPEATED.values())
def test_what_may_pass_is_tried_again_after_five_seconds_with_the_same_words(
    answered: float, receiver: Receiver, name: str
) -> None:
    first, second, third = receiver.hooks[name]
    assert first.headers["X-Webhook-Id"] == second.headers["X-Webhook-Id"]
    assert first.raw == second.raw
    assert 5 <= second.at - first.at < 8 + answered
    # The order's next event waited for this one.
    assert [hook.body["status"] for hook in (first, second, third)] == [
        "processing",
        "processing",
        "completed",
    ]


@pytest.mark.parametrize("name", GIVEN_UP.values())
def test_what_will_not_pass_is_given_up_at_once(answered: float, receiver: Receiver, name: str) -> None:
    assert answered >= 5
    assert receiver.statuses(name) == ["processing", "completed"]


def test_redirects_are_not_followed(answered: float, receiver: Receiver) -> None:
    assert answered
    assert receiver.hooks["elsewhere"] == []


@pytest.mark.parametrize(
    "url",
    ["", "your.app/cb", "ftp://your.app/cb", "javascript:alert(1)", "http://", "http:///cb", 7, ["http://a"]],
)
def test_what_is_no_url_is_422_and_nothing_is_ordered(shop: Shop, customer: Customer, url: object) -> None:
    total = customer.ask("/orders")["total"]
    refusal = told(customer.buy(shop.product(fresh_price()), webhook_url=url), 422)
    assert refusal["errors"][0]["pointer"] == "/webhook_url"
    assert customer.ask("/orders")["total"] == total


@pytest.mark.parametrize(
    "url",
    ["http://127.0.0.1:9/cb", "https://no-such-host.invalid/cb", "http://169.254.169.254/", "http://[::1]/"],
)
def test_a_url_that_leads_nowhere_hurts_nobody(shop: Shop, customer: Customer, url: str) -> None:
    assert customer.ended(bought(shop, customer, url))["status"] == "completed"


def test_a_receiver_that_is_dead_or_never_answers_delays_no_other(
    shop: Shop, customer: Customer, receiver: Receiver
) -> None:
    receiver.silent.add("silent")
    for _ in range(3):
        bought(shop, customer, receiver.url("silent"))
        bought(shop, customer, "http://127.0.0.1:9/dead")
    receiver.wait("silent", 3)
    started = time.monotonic()
    bought(shop, customer, receiver.url("lively"))
    receiver.told("lively", "completed")
    # Sent one after the other, the silent ones alone would take 27.
    assert time.monotonic() - started < 25
    receiver.released.set()


def listens(server: Server) -> bool:
    try:
        return httpx2.get(server.url, trust_env=False, timeout=5).status_code > 0
    except httpx2.HTTPError:
        return False


def test_a_server_that_is_stopped_waits_for_the_answer_to_what_it_has_sent() -> None:
    with temporary_data_dir(in_memory=True) as data_dir, receiving() as receiver:
        server = Server(data_dir, settings=OPERATED | HOOKED, demo=False).start()
        with server.client() as http:
            shop = Shop(server=server, http=http)
            receiver.silent.add("late")
            order = bought(shop, shop.customer(70_000), receiver.url("late"))
        receiver.wait("late", 1)
        stopping = Thread(target=server.stop)
        stopping.start()
        until(lambda: listens(server), lambda does: not does)
        receiver.released.set()
        stopping.join()
        first, *_ = json.loads(server.run("orders", "show", str(order), "--json").stdout)
        assert (first["webhook"], first["attempts"]) == ("delivered", "1")
