"""The playground in a real browser: everything that a newcomer clicks, and what it must never do."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.browser.conftest import Visit

pytestmark = pytest.mark.needs("chromium", modules=["playwright"])

TABS_MAX = 400


def pressed_until(visit: Visit, name: str, done: Callable[[Any], bool], seconds: float = 30) -> Any:
    """What the button's request is answered once it is as wanted."""
    deadline = time.monotonic() + seconds
    while True:
        found = visit.press(name)
        if done(found):
            return found
        assert time.monotonic() < deadline, found
        time.sleep(0.2)


def test_the_quick_start_can_be_clicked_to_delivered_items(visit: Callable[..., Visit]) -> None:
    guest = visit()
    server = guest.server
    guest.enter(server.keys[0], server.secrets[0])
    assert guest.press("getHealth")["status"] == "ok"
    product = guest.press("getProducts")["items"][0]
    assert product["price_usdt"] <= 2
    topup = guest.press("postBalanceTopup")
    assert topup["status"] == "pending"
    assert set(guest.press("devnet-transfer")) == {"tx_hash"}
    pressed_until(guest, "getBalance", lambda told: bool(told["balance_usdt"] == topup["amount_usdt"]))
    assert guest.press("getBalanceTopupOne")["status"] == "credited_auto"
    assert guest.press("getDeposits")["items"][0]["topup_id"] == topup["topup_id"]
    order = guest.press("postOrders")
    assert (order["product_id"], order["quantity"]) == (product["id"], product["min_quantity"])
    done = pressed_until(guest, "getOrdersOne", lambda told: bool(told["status"] != "processing"))
    assert done["status"] == "completed"
    assert len(done["items"]) == product["min_quantity"]
    assert '"login": ' in guest.page.inner_text("#result-body")
    guest.judge()


def test_every_button_without_a_preparation_is_answered(visit: Callable[..., Visit]) -> None:
    guest = visit()
    guest.enter(guest.server.keys[1])
    for name in ("getHealth", "getProducts", "getProductsOne", "getCategories", "getBalance",
                 "getBalanceTopups", "getBalanceTransactions", "getOrders", "getUsage"):  # fmt: skip
        guest.press(name)
        assert guest.line.startswith("200 OK in "), name
    guest.judge()


def test_a_wrong_secret_is_told_why(visit: Callable[..., Visit]) -> None:
    guest = visit()
    guest.enter(guest.server.keys[0], "yts_wrong")
    refused = guest.press("postBalanceTopup")
    assert refused["code"] == "invalid_signature"
    assert guest.line.startswith("401 Unauthorized in ")
    told = guest.page.inner_text("#result-help")
    assert "X-Signature does not match" in told
    guest.page.click("#result-help a")
    assert guest.page.evaluate("document.querySelector(':target').id") == "invalid_signature"
    guest.judge(refusals=True)


def test_without_a_key_the_answer_says_what_is_missing(visit: Callable[..., Visit]) -> None:
    guest = visit()
    assert guest.press("getBalance")["code"] == "invalid_api_key"
    guest.judge(refusals=True)


def test_equal_requests_in_one_second_are_not_taken_for_replays(visit: Callable[..., Visit]) -> None:
    guest = visit()
    guest.enter(guest.server.keys[0], guest.server.secrets[0])
    for _ in range(3):
        assert "topup_id" in guest.press("postBalanceTopup")
    guest.judge()


def test_the_body_is_sent_as_it_is_edited(visit: Callable[..., Visit]) -> None:
    guest = visit()
    guest.enter(guest.server.keys[0], guest.server.secrets[0])
    body = '{ "amount_usdt": 7.50,\n\n  "network": "usdt_ton" }'
    guest.page.fill("#postBalanceTopup-body", body)
    assert guest.press("postBalanceTopup")["requested_amount_usdt"] == 7.5
    assert '"requested_amount_usdt": 7.5' in guest.page.inner_text("#result-body")
    guest.press("getProducts")  # would fill what was not touched
    assert guest.page.input_value("#postBalanceTopup-body") == body
    guest.page.fill("#postBalanceTopup-body", "{")
    assert guest.press("postBalanceTopup")["code"] == "invalid_request"
    guest.judge(refusals=True)


@pytest.mark.needs("curl", "openssl", "bash")
def test_the_curl_command_does_the_same(visit: Callable[..., Visit]) -> None:
    guest = visit()
    key, secret = guest.server.keys[0], guest.server.secrets[0]
    guest.enter(key, secret)
    guest.page.fill("#postBalanceTopup-body", '{"amount_usdt": "61.50", "network": "usdt_polygon"}')
    guest.page.click("#try-postBalanceTopup summary")
    guest.page.fill("#postBalanceTopup-Idempotency-Key", "it's mine")
    assert guest.press("postBalanceTopup")["code"] == "invalid_request"  # a blank is not visible ASCII
    guest.page.fill("#postBalanceTopup-Idempotency-Key", "it's-mine")
    first = guest.press("postBalanceTopup")
    command = guest.page.inner_text("#result-curl")
    assert key not in command and secret not in command
    command = command.replace("KEY=...", f"KEY={key}").replace("SECRET=...", f"SECRET={secret}")
    ran = subprocess.run(["bash", "-c", command], capture_output=True, text=True, timeout=30, check=True)
    assert json.loads(ran.stdout) == first
    guest.judge(refusals=True)


@pytest.mark.needs("curl", "bash")
def test_the_curl_command_reads_no_file(visit: Callable[..., Visit], tmp_path: Path) -> None:
    guest = visit()
    key = guest.server.keys[1]
    guest.enter(key)
    file = tmp_path / "body.json"
    file.write_text('{"amount_usdt": 62, "network": "usdt_polygon"}', encoding="utf-8")
    guest.page.fill("#postBalanceTopup-body", f"@{file}")
    assert guest.press("postBalanceTopup")["code"] == "invalid_request"
    command = guest.page.inner_text("#result-curl").replace("KEY=...", f"KEY={key}")
    ran = subprocess.run(["bash", "-c", command], capture_output=True, text=True, timeout=30, check=True)
    assert json.loads(ran.stdout)["code"] == "invalid_request"
    guest.judge(refusals=True)


def test_a_playground_that_cannot_be_set_up_says_so(visit: Callable[..., Visit]) -> None:
    page = visit().page
    page.route("**/openapi.json", lambda route: route.abort())
    page.reload()
    told = page.locator("#playground .note", has_text="could not be set up")
    told.wait_for(timeout=30_000)
    assert "Reload the page" in told.inner_text()
    assert page.locator(".credentials").is_hidden()


def test_key_and_secret_are_kept_nowhere(visit: Callable[..., Visit]) -> None:
    guest = visit()
    key, secret = guest.server.keys[0], guest.server.secrets[0]
    asked: list[str] = []
    guest.page.on("request", lambda told: asked.append(f"{told.url} {told.post_data} {told.headers}"))
    guest.enter(key, secret)
    guest.press("postBalanceTopup")
    assert any(key in told for told in asked)
    assert not any(secret in told for told in asked)
    kept = guest.page.evaluate(
        "async () => JSON.stringify([{...localStorage}, {...sessionStorage}, document.cookie, location.href,"
        " (await indexedDB.databases()).length, (await caches.keys()).length])"
    )
    assert json.loads(kept) == [{}, {}, "", f"{guest.server.url}/api/docs", 0, 0]
    assert key not in guest.page.content() and secret not in guest.page.content()
    guest.page.reload()
    assert guest.page.input_value("#key") == guest.page.input_value("#secret") == ""
    guest.page.goto("about:blank")
    guest.page.go_back()
    assert guest.page.input_value("#key") == guest.page.input_value("#secret") == ""


def test_the_keyboard_alone_is_enough(visit: Callable[..., Visit]) -> None:
    guest = visit()
    page, keyboard = guest.page, guest.page.keyboard

    def tab_to(wanted: str) -> None:
        for _ in range(TABS_MAX):
            keyboard.press("Tab")
            if page.evaluate("wanted => document.activeElement.matches(wanted)", wanted):
                shown = page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
                assert shown != "none", f"focus cannot be seen on {wanted}"
                return
        raise AssertionError(f"Tab never reaches {wanted}")

    tab_to(".skip")
    keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "content"
    tab_to("#key")
    keyboard.type(guest.server.keys[0])
    tab_to("#secret")
    keyboard.type(guest.server.secrets[0])
    tab_to("#postBalanceTopup-body")
    tab_to("#try-postBalanceTopup button[type=submit]")
    keyboard.press("Enter")
    page.wait_for_function("() => document.getElementById('result-line').textContent.startsWith('200')")
    assert page.evaluate("document.activeElement.matches('#try-postBalanceTopup button')")
    tab_to("#transfer-amount")
    keyboard.press("Enter")
    page.wait_for_function("() => document.getElementById('result-body').textContent.includes('tx_hash')")
    tab_to("summary")
    guest.judge()


def test_the_supplier_can_be_told_to_fail(visit: Callable[..., Visit]) -> None:
    guest = visit()
    guest.enter(guest.server.keys[1])
    guest.page.select_option("#supplier-mode", "fail")
    try:
        assert guest.press("devnet-supplier") == {"mode": "fail"}
        guest.press("getProducts")
        guest.press("postOrders")
        ended = pressed_until(guest, "getOrdersOne", lambda told: bool(told["status"] != "processing"))
        assert ended["status"] == "failed"
    finally:
        guest.page.select_option("#supplier-mode", "deliver")
        assert guest.press("devnet-supplier") == {"mode": "deliver"}
    guest.judge()
