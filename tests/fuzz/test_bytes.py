"""Bytes that no client library would send: every answer is a refusal, none a failure, all at once."""

from __future__ import annotations

import os
import re
import socket
import time

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.acceptance.server import Server

CASES = {"quick": 150, "ci": 1_500, "thorough": 100_000}[os.environ.get("HYPOTHESIS_PROFILE", "ci")]
ORDER = b'{"product_id": 1, "quantity": 1, "payment_method": "balance"}'
DEEP = 10_000

BODIES = {
    "empty": b"",
    "not json": b"product_id=1",
    "a nul": ORDER.replace(b"balance", b"bal\x00ance"),
    "an escaped nul": ORDER.replace(b"balance", rb"bal\u0000ance"),
    "a lone surrogate": ORDER.replace(b"balance", rb"\ud800"),
    "bytes that are no utf-8": ORDER.replace(b"balance", b"\xff\xfe"),
    "a byte order mark": b"\xef\xbb\xbf" + ORDER,
    "utf-16": ORDER.decode().encode("utf-16"),
    "a key twice": b'{"product_id": 1, "product_id": 2, "quantity": 1, "payment_method": "balance"}',
    "nan": ORDER.replace(b'"quantity": 1', b'"quantity": NaN'),
    "infinity": ORDER.replace(b'"quantity": 1', b'"quantity": -Infinity'),
    "a huge exponent": ORDER.replace(b'"quantity": 1', b'"quantity": 1e999999'),
    "a huge negative exponent": ORDER.replace(b'"quantity": 1', b'"quantity": 1e-999999'),
    "5,000 digits": ORDER.replace(b'"quantity": 1', b'"quantity": ' + b"9" * 5_000),
    "5,000 decimals": ORDER.replace(b'"quantity": 1', b'"quantity": 1.' + b"9" * 5_000),
    "a boolean for a number": ORDER.replace(b'"quantity": 1', b'"quantity": true'),
    "deep arrays": b"[" * DEEP + b"]" * DEEP,
    "deep objects": b'{"a":' * DEEP,
    "a number alone": b"1",
    "an array": b"[]",
    "null": b"null",
    "an unknown field": ORDER[:-1] + b', "price_usdt": 0.01}',
    "a webhook's body": b'{"order_id": 1, "status": "completed", "product_id": 1, "quantity": 1}',
}


def exchange(server: Server, raw: bytes) -> tuple[int, float]:
    """Send bytes; the status of the answer (0: closed without one), and how long it took."""
    started = time.monotonic()
    with socket.create_connection(("127.0.0.1", server.port), timeout=10) as connection:
        try:
            connection.sendall(raw)
            answer = connection.recv(4096)
        except ConnectionError:
            answer = b""
    found = re.match(rb"HTTP/1\.1 (\d{3})", answer)
    return int(found.group(1)) if found else 0, time.monotonic() - started


def took_long(server: Server, raw: bytes, seconds: float) -> bool:
    """Whether the answer came late, and comes late again: the machine may be busy now and then."""
    return seconds >= 1 and min(exchange(server, raw)[1] for _ in range(4)) >= 1


def post(key: str, body: bytes, path: bytes = b"/api/v1/orders", headers: bytes = b"") -> bytes:
    head = b"POST %s HTTP/1.1\r\nHost: x\r\nConnection: close\r\nX-API-Key: %s\r\n" % (path, key.encode())
    return head + headers + b"Content-Length: %d\r\n\r\n%s" % (len(body), body)


@pytest.mark.parametrize("path", [b"/api/v1/orders", b"/api/v1/balance/topup"])
@pytest.mark.parametrize("name", BODIES)
def test_a_body_that_is_no_request_is_422_at_once(server: Server, name: str, path: bytes) -> None:
    raw = post(server.keys[1], BODIES[name], path)
    status, took = exchange(server, raw)
    assert status == 422
    assert not took_long(server, raw, took)


@pytest.mark.parametrize(
    "key", [b"\xff\xfe\x00"[:2], "ключ".encode(), b"a" * 8_000, b" ", b"'; drop table account; --"]
)
def test_a_key_that_is_no_key_is_401(server: Server, key: bytes) -> None:
    raw = b"GET /api/v1/balance HTTP/1.1\r\nHost: x\r\nConnection: close\r\nX-API-Key: " + key + b"\r\n\r\n"
    status, took = exchange(server, raw)
    assert status in (400, 401, 429)
    assert not took_long(server, raw, took)


@pytest.mark.parametrize(
    "headers",
    [
        b"X-Timestamp: \xff\xff\r\nX-Signature: \xe9\xe9\r\n",
        b"X-Timestamp: 1e9\r\nX-Signature: " + b"0" * 64 + b"\r\n",
        b"X-Timestamp: 99999999999999999999\r\nX-Signature: zz\r\n",
        "X-Timestamp: \uff11\uff12\r\nX-Signature: \uff26\r\n".encode(),
        b"X-Signature: " + b"f" * 64 + b"\r\n",
        b"",
    ],
)
def test_a_malformed_signature_is_401(server: Server, headers: bytes) -> None:
    raw = post(server.keys[0], ORDER, headers=headers)
    status, took = exchange(server, raw)
    assert status == 401
    assert not took_long(server, raw, took)


@pytest.mark.parametrize(
    "tail",
    [
        b"Transfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"Transfer-Encoding: chunked\r\n\r\nffffffffffffffffff\r\n",
        b"Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n",
        b"Content-Length: -1\r\n\r\n",
        b"Content-Length: 99999999999999999999999\r\n\r\n",
        b"Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello!",
        b"Content-Length: 70000\r\n\r\n" + b"x" * 70_000,
    ],
)
def test_abused_framing_is_refused(server: Server, tail: bytes) -> None:
    head = b"POST /api/v1/orders HTTP/1.1\r\nHost: x\r\nX-API-Key: " + server.keys[1].encode() + b"\r\n"
    status, took = exchange(server, head + tail)
    assert status in (0, 400, 413, 422)
    assert not took_long(server, head + tail, took)


json_ish = st.recursive(
    st.none() | st.booleans() | st.text(max_size=8) | st.sampled_from([b"1e5", b"-0", b"01", b"1.", b"NaN"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=8,
)


@settings(max_examples=CASES, deadline=None, suppress_health_check=list(HealthCheck), database=None)
@given(
    body=st.binary(max_size=200) | json_ish.map(repr).map(str.encode),
    path=st.sampled_from([b"/api/v1/orders", b"/api/v1/balance/topup", b"/api/v1/nothing"]),
    name=st.sampled_from(
        [b"X-Timestamp", b"X-Signature", b"Idempotency-Key", b"X-Forwarded-For", b"Content-Type"]
    ),
    value=st.binary(max_size=40).map(lambda raw: raw.translate(None, b"\r\n\x00")),
    signs=st.booleans(),
)
def test_no_bytes_make_the_server_fail(
    server: Server,
    body: bytes,
    path: bytes,
    name: bytes,
    value: bytes,
    signs: bool,  # noqa: FBT001 - drawn, not called
) -> None:
    key = server.keys[0] if signs else server.keys[1]
    raw = post(key, body, path, b"%s: %s\r\n" % (name, value))
    status, took = exchange(server, raw)
    assert 0 <= status < 500
    assert not took_long(server, raw, took)
