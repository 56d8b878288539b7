"""To whom the sender may speak: a table by hand, and the whole address space against the registries."""

import random
import socket
from ipaddress import IPv4Address, IPv6Address, ip_address
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tests.webhooks import registry
from ytmarket.adapters.webhooks import guard
from ytmarket.adapters.webhooks.guard import Address, ForbiddenAddress

HAND_JUDGED = Path(__file__).with_name("hand_judged_addresses.txt").read_text().splitlines()
REFUSED = [text for line in HAND_JUDGED if line.startswith("refused: ") for text in line.split()[1:]]
ALLOWED = [text for line in HAND_JUDGED if line.startswith("allowed: ") for text in line.split()[1:]]
ODD_SPELLINGS = (
    "2130706433 0x7f000001 0X7F000001 017700000001 0177.0.0.1 0x7f.0.0.1 127.0.0.01 127.1 127.0.1 0x7f.1 0 1",
    "127.0.0.1. 0x7f000001. 127.0.0.0x1 256.256.256.256 1.2.3.4.5 example.127 0x a.0x 4294967297",
    "::1%1 fe80::1%25eth0 ::1::2 1::2::3 1:2 ::ffff:0x7f.1 %31 127.0.0.%31 0x0",
)


def test_the_tables_are_long_enough() -> None:
    assert len(set(REFUSED)) >= 100
    assert len(set(ALLOWED)) >= 40


@pytest.mark.parametrize("text", REFUSED)
def test_a_strangers_server_does_not_live_there(text: str) -> None:
    assert not guard.is_public(ip_address(text))
    with pytest.raises(ForbiddenAddress, match="not on the public internet"):
        guard.check([ip_address(text)])


@pytest.mark.parametrize("text", ALLOWED)
def test_a_strangers_server_may_live_there(text: str) -> None:
    assert guard.is_public(ip_address(text))


def refused_beyond_the_registries(address: Address) -> bool:
    """One address of a cloud, and tunnels whose ends unpack the IPv4 address in the last four bytes."""
    if isinstance(address, IPv4Address):
        return str(address) == "168.63.129.16"
    return address.packed[8:12] in {b"\x00\x00\x5e\xfe", b"\x02\x00\x5e\xfe"}


def agrees_with_the_registries(address: Address) -> bool:
    public = not registry.special(address) and not refused_beyond_the_registries(address)
    return guard.is_public(address) == public


def edges(version: int) -> st.SearchStrategy[int]:
    """The first and last address of each block, and those beside it."""
    width = 32 if version == 4 else 128
    ends = set()
    for block in registry.BLOCKS[version]:
        first = int(block.ljust(width, "0"), 2)
        last = int(block.ljust(width, "1"), 2)
        ends |= {first - 1, first, first + 1, last - 1, last, last + 1}
    return st.sampled_from(sorted(end for end in ends if 0 <= end < 2**width))


inside_blocks = st.sampled_from(sorted(registry.BLOCKS[6])).flatmap(
    lambda block: st.integers(0, 2 ** (128 - len(block)) - 1).map(
        lambda rest: int(block.ljust(128, "0"), 2) + rest
    )
)
ipv4 = st.builds(IPv4Address, edges(4) | st.integers(0, 2**32 - 1))
ipv6 = st.builds(
    IPv6Address,
    edges(6) | inside_blocks | st.integers(0, 2**128 - 1) | st.integers(2**125, 2**126 - 1),
)


@given(ipv4 | ipv6)
@example(IPv4Address("192.0.0.9"))
def test_the_whole_address_space_is_judged_as_the_registries_say(address: Address) -> None:
    assert agrees_with_the_registries(address)


@pytest.mark.parametrize("version", [4, 6])
def test_no_edge_of_a_registered_block_is_missed(version: int) -> None:
    width = 32 if version == 4 else 128
    kind = IPv4Address if version == 4 else IPv6Address
    for block in registry.BLOCKS[version]:
        first, last = int(block.ljust(width, "0"), 2), int(block.ljust(width, "1"), 2)
        for end in (first - 1, first, last, last + 1):
            if 0 <= end < 2**width:
                assert agrees_with_the_registries(kind(end)), kind(end)


def test_no_address_of_very_many_is_falsely_let_through() -> None:
    chance = random.Random(20260101)
    for _ in range(100_000):
        address: Address = IPv4Address(chance.getrandbits(32))
        assert agrees_with_the_registries(address), address
        address = IPv6Address(chance.getrandbits(125) | 1 << 125)
        assert agrees_with_the_registries(address), address


@given(st.integers(0, 2**32 - 1))
def test_no_ipv6_form_carries_a_forbidden_ipv4_address_past(number: int) -> None:
    forms = [
        number,  # compatible
        0xFFFF << 32 | number,  # mapped
        0xFFFF << 48 | number,  # translated
        0x64FF9B << 96 | number,  # NAT64
        0x64FF9B0001 << 80 | number,  # NAT64, local
        0x2002 << 112 | number << 80,  # 6to4
        0x20010000 << 96 | number ^ 0xFFFFFFFF,  # Teredo
        0xFE80 << 112 | 0x5EFE << 32 | number,  # ISATAP, link-local
        0x2A01 << 112 | 0x5EFE << 32 | number,  # ISATAP, below a public prefix
    ]
    assert not any(guard.is_public(IPv6Address(form)) for form in forms)


@given(ipv4 | ipv6)
def test_what_the_standard_library_calls_special_is_refused_as_well(address: Address) -> None:
    if address.is_private or address.is_loopback or address.is_link_local or address.is_multicast:
        assert not guard.is_public(address)
    if address.is_unspecified or address.is_reserved:
        assert not guard.is_public(address)


def test_an_address_with_a_zone_is_refused() -> None:
    assert not guard.is_public(ip_address("2606:4700:4700::1111%eth0"))


@pytest.mark.parametrize("texts", [["8.8.8.8", "127.0.0.1"], ["127.0.0.1", "8.8.8.8"], ["2600::1", "::1"]])
def test_one_bad_address_spoils_a_name(texts: list[str]) -> None:
    with pytest.raises(ForbiddenAddress):
        guard.check([ip_address(text) for text in texts])


def test_a_name_with_very_many_addresses_is_refused() -> None:
    with pytest.raises(ForbiddenAddress, match="more than 64"):
        guard.check([IPv4Address(0x08080000 + number) for number in range(65)])


@pytest.mark.parametrize("host", [host for line in ODD_SPELLINGS for host in line.split()])
def test_an_odd_spelling_of_an_address_is_refused(host: str) -> None:
    with pytest.raises(ForbiddenAddress, match="odd spelling"):
        guard.literal(host)


@pytest.mark.parametrize("host", ["127.0.0.1", "8.8.8.8", "::1", "::ffff:127.0.0.1", "2606:4700:4700::1111"])
def test_a_plain_spelling_is_an_address(host: str) -> None:
    assert guard.literal(host) == ip_address(host)


@pytest.mark.parametrize(
    "host", ["localhost", "example.com", "example.com.", "1.example", "0x7f.com", "a1", "x0x1"]
)
def test_a_name_is_none(host: str) -> None:
    assert guard.literal(host) is None


def own_address() -> str | None:
    """The address from which this machine would speak to the world; nothing is sent."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))
        except OSError:
            return None
        return str(probe.getsockname()[0])


def test_this_machine_knows_itself() -> None:
    own = own_address()
    for text in ("127.0.0.1", *([own] if own else [])):
        assert guard.is_this_machine(ip_address(text))
    assert not guard.is_this_machine(ip_address("192.0.2.1"))
    assert not guard.is_this_machine(ip_address("2001:db8::1"))


def test_this_machines_own_addresses_are_refused_even_where_they_are_public(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(
        guard, "is_public", lambda _address: True
    )  # as on a server without a router before it
    with pytest.raises(ForbiddenAddress, match="this machine's own"):
        guard.check([ip_address("192.0.2.1"), ip_address("127.0.0.1")])
    guard.check([ip_address("192.0.2.1")])
