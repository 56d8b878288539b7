"""Section 11.5: signatures, allowed addresses and the audit log."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import psycopg
import pytest
from psycopg.rows import dict_row

from tests.acceptance.receiver import Receiver
from tests.acceptance.server import command
from tests.acceptance.shop import Customer, Shop, fresh_price, sign, told
from ytmarket.adapters.postgres import embedded

TOPUP = {"amount_usdt": 42_000, "network": "usdt_arbitrum"}


@pytest.fixture(scope="module")
def signer(shop: Shop) -> Customer:
    return shop.customer(43_000, secret=True)


@pytest.fixture(scope="module")
def product(shop: Shop) -> int:
    return shop.product(fresh_price(), units=200)


@pytest.fixture
def order(product: int) -> bytes:
    """The body of an order, each a little different, so that no two have one signature."""
    spaces = " " * (time.time_ns() // 1_000 % 5_000)
    return json.dumps({"product_id": product, "quantity": 1, "payment_method": "balance"}).encode() + (
        spaces.encode()
    )


def refused(answer: Any, code: str = "invalid_signature") -> str:
    found = told(answer, 401)
    assert found["code"] == code
    detail: str = found["detail"]
    return detail


def raw_post(customer: Customer, path: str, body: bytes, headers: dict[str, str]) -> Any:
    """A POST with these headers and no others."""
    return customer.send("POST", path, headers, content=body)


def test_a_signed_order_and_a_signed_top_up_are_accepted(signer: Customer, order: bytes) -> None:
    assert signer.post("/orders", order).status_code == 200
    assert signer.post("/balance/topup", TOPUP).status_code == 200


def test_the_formula_is_over_the_bytes_as_they_are_sent(signer: Customer, product: int) -> None:
    odd = '{ "quantity":1,\n\t"payment_method" : "b\\u0061lance",  "product_id": PRODUCT }\r\n'
    assert signer.post("/orders", odd.replace("PRODUCT", str(product)).encode()).status_code == 200


@pytest.mark.parametrize("path", ["/orders", "/balance/topup"])
@pytest.mark.parametrize("missing", [{"X-Timestamp"}, {"X-Signature"}, {"X-Timestamp", "X-Signature"}])
def test_a_key_with_a_secret_must_send_both_headers(
    signer: Customer, order: bytes, path: str, missing: set[str]
) -> None:
    headers = {name: value for name, value in signer.signature(order).items() if name not in missing}
    assert "X-Timestamp and X-Signature" in refused(raw_post(signer, path, order, headers))


def test_another_body_another_time_or_another_secret_do_not_fit(signer: Customer, order: bytes) -> None:
    headers = signer.signature(order)
    refused(raw_post(signer, "/orders", order + b" ", headers))
    refused(raw_post(signer, "/orders", order.replace(b'"quantity": 1', b'"quantity": 9'), headers))
    earlier = str(int(headers["X-Timestamp"]) - 1)
    refused(raw_post(signer, "/orders", order, headers | {"X-Timestamp": earlier}))
    forged = sign("yts_guessed", headers["X-Timestamp"], order)
    refused(raw_post(signer, "/orders", order, headers | {"X-Signature": forged}))
    # None of these used it up: what was signed is still good.
    assert raw_post(signer, "/orders", order, headers).status_code == 200


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("X-Timestamp", ""),
        ("X-Timestamp", "now"),
        ("X-Timestamp", "-1"),
        ("X-Timestamp", "1e9"),
        ("X-Timestamp", "9" * 30),
        ("X-Timestamp", "١٧٧٩٤٩٧٢٠٠"),
        ("X-Signature", ""),
        ("X-Signature", "0" * 63),
        ("X-Signature", "g" * 64),
        ("X-Signature", "é" * 64),
    ],
)
def test_malformed_headers_are_401(signer: Customer, order: bytes, name: str, value: str) -> None:
    headers = {key.encode(): text.encode() for key, text in signer.signature(order).items()}
    answer = signer.http.post(
        "/api/v1/orders",
        content=order,
        headers={**headers, b"X-API-Key": signer.key.encode(), name.encode(): value.encode()},
    )
    refused(answer)


@pytest.mark.parametrize(
    ("drift", "status"), [(-297, 200), (297, 200), (-303, 401), (303, 401), (-86_400, 401), (86_400, 401)]
)
def test_a_clock_may_be_five_minutes_off(signer: Customer, order: bytes, drift: int, status: int) -> None:
    answer = raw_post(signer, "/orders", order, signer.signature(order, drift=drift))
    assert answer.status_code == status
    if status == 401:
        assert "300 s" in refused(answer)


def test_a_signature_is_good_once_on_whichever_path(signer: Customer, order: bytes) -> None:
    headers = signer.signature(order)
    assert raw_post(signer, "/orders", order, headers).status_code == 200
    spent = signer.ask("/balance")["total_spent_usdt"]
    for path in ("/orders", "/orders", "/balance/topup"):
        detail = refused(raw_post(signer, path, order, headers), "signature_replayed")
        assert "another timestamp" in detail
        assert "Idempotency-Key" in detail
    assert signer.ask("/balance")["total_spent_usdt"] == spent
    # A new timestamp makes it a new order.
    later = signer.signature(order, drift=1)
    assert raw_post(signer, "/orders", order, later).status_code == 200


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b'{"product_id": 987654, "quantity": 1, "payment_method": "balance"}', 404),
        (b'{"product_id": 1, "quantity": 1, "payment_method": "invoice"}', 501),
        (b"no JSON", 422),
    ],
)
def test_a_refused_request_has_used_its_signature_up(signer: Customer, body: bytes, status: int) -> None:
    headers = signer.signature(body)
    assert raw_post(signer, "/orders", body, headers).status_code == status
    refused(raw_post(signer, "/orders", body, headers), "signature_replayed")


def test_sent_again_at_the_same_moment_it_makes_one_order(signer: Customer, order: bytes) -> None:
    headers = signer.signature(order)
    total = signer.ask("/orders")["total"]
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: raw_post(signer, "/orders", order, headers), range(8)))
    assert sorted(answer.status_code for answer in answers) == [200] + [401] * 7
    assert signer.ask("/orders")["total"] == total + 1


def test_with_an_idempotency_key_a_repeated_signed_request_is_answered_again(
    signer: Customer, order: bytes
) -> None:
    headers = signer.signature(order) | {"Idempotency-Key": f"signed-{time.time_ns()}"}
    first, again = (raw_post(signer, "/orders", order, headers) for _ in range(2))
    assert first.status_code == again.status_code == 200
    assert first.content == again.content
    assert again.headers["idempotent-replayed"] == "true"


def test_reading_needs_no_signature(signer: Customer) -> None:
    for path in ("/health", "/products", "/categories", "/balance", "/orders", "/usage", "/balance/topups"):
        assert signer.get(path).status_code == 200


def test_whoever_found_the_key_alone_can_read_and_not_spend(signer: Customer, order: bytes) -> None:
    assert signer.get("/balance").status_code == 200
    total = signer.ask("/orders")["total"]
    for path in ("/orders", "/balance/topup"):
        assert raw_post(signer, path, order, {}).status_code == 401
    assert signer.ask("/orders")["total"] == total


def test_without_a_secret_no_signature_is_asked_for_and_none_is_looked_at(shop: Shop, order: bytes) -> None:
    customer = shop.customer(44_000)
    assert customer.post("/orders", order).status_code == 200
    nonsense = {"X-Timestamp": "long ago", "X-Signature": "mine"}
    assert raw_post(customer, "/orders", order, nonsense).status_code == 200


def test_the_secret_is_never_sent_or_shown(signer: Customer, order: bytes) -> None:
    assert signer.secret is not None
    answer = raw_post(signer, "/orders", order, {"X-Timestamp": "1", "X-Signature": "0" * 64})
    assert signer.secret not in answer.text


def test_a_captured_webhook_is_no_order(
    shop: Shop, signer: Customer, product: int, receiver: Receiver
) -> None:
    told(signer.buy(product, webhook_url=receiver.url("captured")))
    hook = receiver.told("captured", "completed")
    total = signer.ask("/orders")["total"]
    headers = {
        "X-Timestamp": hook.headers["X-Webhook-Timestamp"],
        "X-Signature": hook.headers["X-Webhook-Signature"],
    }
    # It is signed with the same secret, so it passes as the customer's; its words are no order's.
    assert raw_post(signer, "/orders", hook.raw, headers).status_code == 422
    assert signer.ask("/orders")["total"] == total
    assert shop.server.printed.count("Traceback") == 0


HOME = "127.0.0.1"


@pytest.mark.parametrize(
    ("allowed", "status"),
    [
        ((), 200),
        ((HOME,), 200),
        (("127.0.0.0/8",), 200),
        (("192.0.2.1", HOME), 200),
        (("::ffff:127.0.0.1",), 200),
        (("192.0.2.1",), 403),
        (("127.0.0.2/31", "::1"), 403),
    ],
)
def test_a_key_with_a_list_is_good_from_listed_addresses_only(
    shop: Shop, allowed: tuple[str, ...], status: int
) -> None:
    customer = shop.customer(allow=allowed)
    answers = [customer.get("/balance"), customer.get("/nowhere"), customer.post("/orders", {})]
    if status == 200:
        assert [answer.status_code for answer in answers] == [200, 404, 422]
    else:
        assert [told(answer, 403)["code"] for answer in answers] == ["ip_not_allowed"] * 3


@pytest.mark.parametrize("word", ["192.0.2.300", "example.com", "192.0.2.0/33", ""])
def test_what_is_no_address_cannot_be_listed(shop: Shop, word: str) -> None:
    body = {"label": "listed", "ip_whitelist": [word]}
    refusal = told(shop.operate("POST", "/api-keys", json=body), 422)
    assert refusal["errors"][0]["pointer"] == "/ip_whitelist/0"


@pytest.mark.parametrize(
    ("forwarded", "status"),
    [
        ("203.0.113.9", 200),
        ("::ffff:203.0.113.9", 200),
        ("2001:db8::7", 200),
        ("198.51.100.1, 203.0.113.9", 200),  # what stands further left is hearsay
        ("203.0.113.9, 198.51.100.1", 403),
        ("203.0.113.9, 127.0.0.1", 200),  # two proxies of ours
        ("198.51.100.1", 403),
        ("2001:db9::7", 403),
        ("unknown", 403),
        ("203.0.113.9, unknown", 403),
        ("203.0.113.9:4711", 403),
        ("", 403),
        (None, 403),  # the proxy itself
    ],
)
def test_behind_a_configured_proxy_the_forwarded_address_counts(
    shop: Shop, plain: Shop, forwarded: str | None, status: int
) -> None:
    customer = plain.beside(shop.customer(allow=("203.0.113.0/24", "2001:db8::/32")))
    headers = {} if forwarded is None else {"X-Forwarded-For": forwarded}
    assert customer.send("GET", "/balance", headers).status_code == status


def test_from_anybody_else_a_forwarded_address_is_not_believed(shop: Shop) -> None:
    forwarded = {"X-Forwarded-For": "203.0.113.9"}
    assert shop.customer(allow=("203.0.113.9",)).send("GET", "/balance", forwarded).status_code == 403
    assert shop.customer(allow=(HOME,)).send("GET", "/balance", forwarded).status_code == 200


@pytest.fixture(scope="module")
def database(shop: Shop) -> Iterator[psycopg.Connection[dict[str, Any]]]:
    """The shop's own database."""
    server = embedded.start(shop.server.data_dir)
    with psycopg.connect(server.dsn, row_factory=dict_row, autocommit=True) as connection:
        yield connection
    server.stop()


def test_what_operators_do_leaves_a_row_in_the_audit_log_and_no_secret(
    shop: Shop, database: psycopg.Connection[dict[str, Any]]
) -> None:
    customer = shop.customer(2_600, secret=True, allow=(HOME,))
    told(shop.act("POST", f"/api-keys/{customer.fp}/credit", amount_usdt="5", reason="our mistake"))
    told(shop.operate("PUT", f"/api-keys/{customer.fp}/ip-whitelist", json={"ip_whitelist": []}))
    with shop.supplier("hold"):
        order_id = customer.order(shop.product(fresh_price()))["order_id"]
        told(shop.act("POST", f"/orders/{order_id}/cancel", reason="sold by mistake"))
    rotated = told(shop.operate("POST", f"/api-keys/{customer.fp}/rotate-secret", json={}))
    told(shop.operate("POST", f"/api-keys/{customer.fp}/revoke", json={}))
    minted = command("keys", "mint", "terminal", "--json", "--data-dir", str(shop.server.data_dir))
    by_terminal = json.loads(minted.stdout)[0]
    rows = database.execute("select * from api_audit_log").fetchall()
    found = {(row["action"], row["target"]): row for row in rows}
    key = f"key:{customer.fp}"
    for action in ("mint", "credit", "ip_whitelist", "rotate_secret", "revoke"):
        assert found[f"api_key.{action}", key]["actor"] == "http:admin", action
    assert HOME in str(found["api_key.mint", key])
    assert "our mistake" in str(found["api_key.credit", key])
    assert "sold by mistake" in str(found["order.cancel", f"order:{order_id}"])
    assert found["api_key.mint", f"key:{by_terminal['fp']}"]["actor"].startswith("cli:")
    everything = str(rows)
    secrets = [customer.key, customer.secret, rotated["secret"], by_terminal["key"], by_terminal["secret"]]
    assert not any(secret in everything for secret in secrets)


def test_the_last_fifty_rows_are_listed_to_operators_alone(shop: Shop) -> None:
    last = [shop.customer() for _ in range(51)][-1]
    listed = told(shop.operate("GET", "/api-audit"))
    assert len(listed["items"]) == 50
    assert listed["total"] > 50
    newest = listed["items"][0]
    assert (newest["actor"], newest["action"], newest["target"]) == (
        "http:admin",
        "api_key.mint",
        f"key:{last.fp}",
    )
    assert abs(newest["at"] - time.time()) < 5
    assert len(told(shop.operate("GET", "/api-audit", params={"limit": 3}))["items"]) == 3
    assert shop.http.get("/api/admin/api-audit", headers={"X-API-Key": last.key}).status_code == 401


@pytest.mark.parametrize("change", ["update api_audit_log set action = 'x'", "delete from api_audit_log"])
def test_the_audit_log_cannot_be_changed(database: psycopg.Connection[dict[str, Any]], change: str) -> None:
    with pytest.raises(psycopg.errors.RestrictViolation):
        database.execute(change)
