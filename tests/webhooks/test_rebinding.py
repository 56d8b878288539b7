"""Names that lead inside: whatever a name server says, the canary is never met."""

import asyncio
import itertools
import os
from collections.abc import AsyncIterator
from ipaddress import ip_address
from pathlib import Path
from typing import Final

import pytest

from tests.webhooks.dns_server import NameServer, Reply, Zone, always, by_type, name_server
from tests.webhooks.receivers import LyingNetwork, NoWayOut, Receiver, canary
from ytmarket.adapters.webhooks import guard
from ytmarket.adapters.webhooks.resolver import DnsResolver, Unresolvable
from ytmarket.adapters.webhooks.sender import GuardedSender, tls_context

TLS: Final = tls_context()
ATTEMPTS: Final = 10_000 if os.environ.get("HYPOTHESIS_PROFILE") == "thorough" else 1_000
SPELLINGS: Final = Path(__file__).with_name("spellings_of_inside.txt")
PUBLIC, PUBLIC_V6 = "93.184.216.34", "2606:2800:220:1::1"


@pytest.fixture
async def trap() -> AsyncIterator[Receiver]:
    async with canary() as found:
        yield found
        assert found.connections == 0, "the canary was met"


async def post_to(
    trap: Receiver, zone: Zone, *, host: str = "evil.example", dial: NoWayOut, attempts: int = 1
) -> NameServer:
    async with name_server(zone) as server:
        sender = GuardedSender(resolver=server.resolver(), dial=dial, tls=TLS)
        gate = asyncio.Semaphore(50)

        async def attempt() -> None:
            async with gate:
                assert await sender.post(trap.url(host=host), b"{}", {}) is None

        await asyncio.gather(*(attempt() for _ in range(attempts)))
        return server


def assert_only_public(dial: NoWayOut) -> None:
    assert all(guard.is_public(ip_address(host)) for host in dial.dialled)


async def test_the_canary_can_be_met_where_private_addresses_are_allowed() -> None:
    async with canary() as found, name_server(always(("A", "127.0.0.1"))) as server:
        sender = GuardedSender(resolver=server.resolver(), allow_private=True, dial=NoWayOut(), tls=TLS)
        assert await sender.post(found.url(host="evil.example"), b"{}", {}) == 200
        assert found.connections == 1


async def test_answers_that_flip_between_lookups(trap: Receiver) -> None:
    flips = itertools.cycle([PUBLIC, "127.0.0.1", "169.254.169.254", PUBLIC])
    dial = NoWayOut()

    def zone(_name: str, kind: str) -> Reply:
        return Reply((("A", next(flips)),)) if kind == "A" else Reply()

    server = await post_to(trap, zone, dial=dial, attempts=ATTEMPTS)
    assert_only_public(dial)
    assert ATTEMPTS // 4 < len(dial.dialled) < ATTEMPTS * 3 // 4  # both sides of the flip were met
    # Looked up once an attempt, so that there is no second answer to fall for; some questions may get lost.
    assert 2 * ATTEMPTS <= len(server.queries) < 2 * ATTEMPTS + ATTEMPTS // 10


@pytest.mark.parametrize(
    "records",
    [
        f"A {PUBLIC}, A 127.0.0.1",
        f"A 127.0.0.1, A {PUBLIC}",
        ", ".join(f"A 8.8.8.{number}" for number in range(20)) + ", A 10.0.0.1",
        f"A {PUBLIC}, AAAA ::1",
        f"A {PUBLIC}, AAAA ::ffff:127.0.0.1",
        f"AAAA {PUBLIC_V6}, A 0.0.0.0",
        f"AAAA {PUBLIC_V6}, AAAA fd00:ec2::254",
    ],
)
async def test_one_private_address_among_public_ones_is_enough_to_refuse(
    trap: Receiver, records: str
) -> None:
    dial = NoWayOut()
    await post_to(trap, always(*(tuple(record.split()) for record in records.split(", "))), dial=dial)
    assert dial.dialled == []


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1",
        "0.0.0.0",
        "10.0.0.1",
        "169.254.169.254",
        "100.100.100.200",
        "192.168.1.1",
        "255.255.255.255",
    ],
)
async def test_a_private_ipv4_address_is_not_dialled(trap: Receiver, address: str) -> None:
    dial = NoWayOut()
    await post_to(trap, always(("A", address)), dial=dial)
    assert dial.dialled == []


@pytest.mark.parametrize(
    "address",
    [
        "::1",
        "::",
        "::ffff:127.0.0.1",
        "::127.0.0.1",
        "64:ff9b::7f00:1",
        "2002:7f00:1::",
        "fe80::1",
        "fd00::1",
    ],
)
async def test_a_private_ipv6_address_is_not_dialled(trap: Receiver, address: str) -> None:
    dial = NoWayOut()
    await post_to(trap, always(("AAAA", address)), dial=dial)
    assert dial.dialled == []


async def test_an_alias_is_followed_to_the_address_that_is_judged(trap: Receiver) -> None:
    chain = (("CNAME", "a.example"), ("CNAME", "b.example", "a.example"))
    inside, outside = {"A": "127.0.0.1", "AAAA": "::1"}, {"A": PUBLIC, "AAAA": PUBLIC_V6}
    for addresses, expected in ((inside, []), (outside, [PUBLIC, PUBLIC_V6])):
        replies = {kind: Reply((*chain, (kind, address, "b.example"))) for kind, address in addresses.items()}
        dial = NoWayOut()
        await post_to(trap, by_type(replies), dial=dial)
        assert dial.dialled == expected


NO_ADDRESS: Final = {
    "nothing": Reply(),
    "no such name": Reply(rcode="NXDOMAIN"),
    "failure": Reply(rcode="SERVFAIL"),
    "refusal": Reply(rcode="REFUSED"),
    "a private address by TCP": Reply((("A", "127.0.0.1"),), truncated=True),
    "900 addresses by TCP": Reply(
        tuple(("A", f"8.8.{number // 250}.{number % 250}") for number in range(900)), truncated=True
    ),
    "too short": Reply(raw=b""),
    "garbage": Reply(raw=b"\x81\x80\x00\x01\xff\xff\x00\x00\x00\x00garbage"),
    "an alias of localhost": Reply((("CNAME", "localhost"),)),
    "an alias of itself": Reply((("CNAME", "evil.example"),)),
    "a circle": Reply((("CNAME", "a.example"), ("CNAME", "evil.example", "a.example"))),
    "another name's address": Reply((("A", "127.0.0.1", "other.example"),)),
    "silence": None,
}


@pytest.mark.parametrize("what", NO_ADDRESS)
async def test_an_answer_that_is_none_or_too_much_is_no_address(trap: Receiver, what: str) -> None:
    async with name_server(lambda _name, _kind: NO_ADDRESS[what]) as server:
        dial = NoWayOut()
        sender = GuardedSender(resolver=server.resolver(lifetime_seconds=0.3), dial=dial, tls=TLS)
        assert await sender.post(trap.url(host="evil.example"), b"{}", {}) is None
        assert dial.dialled == []
        assert server.queries


async def test_a_family_without_an_answer_does_not_spoil_the_other(trap: Receiver) -> None:
    replies = {"A": Reply(rcode="SERVFAIL"), "AAAA": Reply((("AAAA", PUBLIC_V6),))}
    async with name_server(by_type(replies)) as server:
        dial = NoWayOut()
        sender = GuardedSender(resolver=server.resolver(lifetime_seconds=30), dial=dial, tls=TLS)
        assert await sender.post(trap.url(host="evil.example"), b"{}", {}) is None
        assert dial.dialled == [PUBLIC_V6]


async def test_only_so_many_of_a_names_addresses_are_tried(trap: Receiver) -> None:
    dial = NoWayOut()
    await post_to(trap, always(*(("A", f"8.8.8.{number}") for number in range(20))), dial=dial)
    assert len(dial.dialled) == 4


@pytest.mark.parametrize("host", SPELLINGS.read_text(encoding="utf-8").split())
async def test_no_spelling_of_a_host_leads_inside(trap: Receiver, host: str) -> None:
    dial = NoWayOut()
    await post_to(trap, always(("A", "127.0.0.1"), ("AAAA", "::1")), host=host, dial=dial)
    assert dial.dialled == []


@pytest.mark.parametrize(
    "url",
    [
        "",
        "/hook",
        "//127.0.0.1:{port}/",
        "127.0.0.1:{port}",
        "ftp://127.0.0.1:{port}/",
        "file:///etc/passwd",
        "gopher://127.0.0.1:{port}/",
        "http://",
        "http://[::1",
        "http://127.0.0.1:{port}:80/",
        "http://127.0.0.1:99999/",
        "http://127.0.0.1:0/",
        "http:127.0.0.1:{port}",
        "http://evil.example\\@127.0.0.1:{port}/",
        "http://127.0.0.1:{port}\\@evil.example/",
        "http://evil.example#@127.0.0.1:{port}/",
        "http://\r\n127.0.0.1:{port}/",
        "http://\ud800/",
        "http://" + "a" * 70 + ".example/",
        "http://" + "a." * 200 + "example/",
    ],
)
async def test_a_text_that_is_no_such_url_is_not_sent_to(trap: Receiver, url: str) -> None:
    async with name_server(always(("A", "127.0.0.1"))) as server:
        dial = NoWayOut()
        sender = GuardedSender(resolver=server.resolver(), dial=dial, tls=TLS)
        assert await sender.post(url.format(port=trap.port), b"{}", {}) is None
        assert dial.dialled == []


async def test_a_network_that_leads_elsewhere_gets_no_byte() -> None:
    async with canary() as found, name_server(always(("A", PUBLIC))) as server:
        sender = GuardedSender(resolver=server.resolver(), dial=LyingNetwork(found.port), tls=TLS)
        assert await sender.post("http://evil.example/", b"secret", {}) is None
        assert await found.all_closed()
        assert (found.connections, bytes(found.received)) == (1, b"")


async def test_a_name_in_the_hosts_file_is_judged_like_any_other(trap: Receiver, tmp_path: Path) -> None:
    hosts = tmp_path / "hosts"
    hosts.write_text(
        "127.0.0.1 localhost\n# 8.8.8.8 not.this\n127.0.0.1\tInside.example alias # 8.8.4.4\nnonsense x\n"
    )
    async with name_server(always()) as server:
        resolver = DnsResolver(nameservers=("127.0.0.1",), port=server.port, hosts_file=hosts)
        dial = NoWayOut()
        sender = GuardedSender(resolver=resolver, dial=dial, tls=TLS)
        for host in ("inside.example", "INSIDE.example.", "alias", "not.this", "x"):
            assert await sender.post(trap.url(host=host), b"{}", {}) is None
        assert dial.dialled == []
        assert await resolver.addresses("alias") == (ip_address("127.0.0.1"),)
        for unknown in ("not.this", "x", "8.8.4.4"):
            with pytest.raises(Unresolvable):
                await resolver.addresses(unknown)
