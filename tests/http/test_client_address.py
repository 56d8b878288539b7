"""Whose address counts, through none, one and several proxies, and whatever they were made to say."""

from ipaddress import ip_address, ip_network

import pytest
from starlette.types import Scope

from ytmarket.adapters.http.client_address import client_address

OURS = [ip_network("10.0.0.0/8"), ip_network("fd00::/8")]


def seen(peer: str | None, *forwarded: bytes) -> str | None:
    """Which address is believed when this peer sends these header lines."""
    headers = [(b"host", b"shop"), *((b"x-forwarded-for", line) for line in forwarded)]
    scope: Scope = {"headers": headers, "client": None if peer is None else (peer, 4711)}
    found = client_address(scope, OURS)
    return None if found is None else str(found)


@pytest.mark.parametrize(
    ("peer", "forwarded", "believed"),
    [
        # no proxy: the header is the client's own word
        ("192.0.2.1", [], "192.0.2.1"),
        ("192.0.2.1", [b"198.51.100.9"], "192.0.2.1"),
        ("192.0.2.1", [b"10.0.0.1"], "192.0.2.1"),
        # one proxy
        ("10.0.0.1", [b"192.0.2.1"], "192.0.2.1"),
        ("10.0.0.1", [b"198.51.100.9, 192.0.2.1"], "192.0.2.1"),
        ("10.0.0.1", [b"198.51.100.9", b"192.0.2.1"], "192.0.2.1"),
        ("10.0.0.1", [b"192.0.2.1", b"198.51.100.9"], "198.51.100.9"),
        ("10.0.0.1", [], "10.0.0.1"),
        # several
        ("10.0.0.1", [b"192.0.2.1, 10.0.0.2"], "192.0.2.1"),
        ("10.0.0.1", [b"198.51.100.9, 192.0.2.1,10.0.0.3 ,\t10.0.0.2"], "192.0.2.1"),
        ("10.0.0.1", [b"192.0.2.1", b"10.0.0.3, 10.0.0.2"], "192.0.2.1"),
        ("10.0.0.1", [b"10.0.0.3, 10.0.0.2"], "10.0.0.3"),
        # IPv6, and IPv4 in its clothes
        ("fd00::1", [b"2001:db8::7"], "2001:db8::7"),
        ("::ffff:10.0.0.1", [b"::ffff:192.0.2.1"], "192.0.2.1"),
        ("::ffff:192.0.2.1", [b"198.51.100.9"], "192.0.2.1"),
        # what is no address is nobody's
        ("10.0.0.1", [b""], None),
        ("10.0.0.1", [b"unknown"], None),
        ("10.0.0.1", [b"192.0.2.1:8080"], None),
        ("10.0.0.1", [b"[2001:db8::7]"], None),
        ("10.0.0.1", [b"2001:db8::7%eth0"], None),
        ("10.0.0.1", [b"192.0.2.1, "], None),
        ("10.0.0.1", [b"192.0.2.1, nonsense, 10.0.0.2"], None),
        ("10.0.0.1", [b"nonsense, 192.0.2.1"], "192.0.2.1"),
        ("10.0.0.1", [b"\xff\xfe"], None),
        ("10.0.0.1", [b"0300.0.2.1"], None),
        ("10.0.0.1", ["\uff11\uff19\uff12.0.2.1".encode()], None),
        ("testclient", [b"192.0.2.1"], None),
        (None, [b"192.0.2.1"], None),
    ],
)
def test_addresses(peer: str | None, forwarded: list[bytes], believed: str | None) -> None:
    assert seen(peer, *forwarded) == believed


def test_without_proxies_nobody_is_believed() -> None:
    scope: Scope = {"headers": [(b"x-forwarded-for", b"192.0.2.1")], "client": ("127.0.0.1", 1)}
    assert client_address(scope, []) == ip_address("127.0.0.1")
