"""Which addresses the sender may connect to: those that belong to strangers on the public internet.

The rules are the registries of special addresses kept by IANA, and a little more. What they call
globally reachable is refused as well: no customer's server lives in those blocks.
"""

from __future__ import annotations

import re
import socket
from collections.abc import Sequence
from contextlib import suppress
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from typing import Final, TypeAlias

Address: TypeAlias = IPv4Address | IPv6Address

CLOSED_IPV4: Final = tuple(
    IPv4Network(block)
    for block in (
        "0.0.0.0/8",  # this network
        "10.0.0.0/8",  # private
        "100.64.0.0/10",  # behind a carrier's translation; some clouds keep their metadata here
        "127.0.0.0/8",  # loopback
        "168.63.129.16/32",  # a cloud's own services, in a public block
        "169.254.0.0/16",  # link-local, and nearly every cloud's metadata
        "172.16.0.0/12",  # private
        "192.0.0.0/24",  # protocol assignments
        "192.0.2.0/24",  # documentation
        "192.31.196.0/24",  # AS112
        "192.52.193.0/24",  # automatic multicast tunnels
        "192.88.99.0/24",  # 6to4 relays, until 2015
        "192.168.0.0/16",  # private
        "192.175.48.0/24",  # AS112
        "198.18.0.0/15",  # benchmarks
        "198.51.100.0/24",  # documentation
        "203.0.113.0/24",  # documentation
        "224.0.0.0/4",  # multicast
        "240.0.0.0/4",  # reserved, and the broadcast address
    )
)
# One block is in use on the public internet. Whatever lies outside needs no name: loopback, mapped,
# compatible and translated IPv4, unique local, link-local, site-local, multicast, segment routing.
OPEN_IPV6: Final = IPv6Network("2000::/3")
CLOSED_IPV6: Final = tuple(
    IPv6Network(block)
    for block in (
        "2001::/23",  # protocol assignments; Teredo, which hides an IPv4 address, among them
        "2001:db8::/32",  # documentation
        "2002::/16",  # 6to4, which hides an IPv4 address
        "2620:4f:8000::/48",  # AS112
        "3fff::/20",  # documentation
    )
)
# An interface id that makes a tunnel's end unpack an IPv4 address (ISATAP), below whichever prefix.
ISATAP: Final = frozenset({0x0000_5EFE, 0x0200_5EFE})

# No top-level domain is a number, but resolvers take 127.1, 0x7f.1 and 2130706433 for addresses.
ENDS_IN_NUMBER: Final = re.compile(r"(?:^|\.)(?:[0-9]+|0x[0-9a-f]*)\.?$", re.IGNORECASE)


ANSWERS_MAX: Final = 64


class ForbiddenAddress(Exception):
    """The host stands for an address that webhooks are not sent to."""


def is_public(address: Address) -> bool:
    """Whether a stranger's server may live there."""
    if isinstance(address, IPv4Address):
        return not any(address in block for block in CLOSED_IPV4)
    return (
        address in OPEN_IPV6
        and address.scope_id is None
        and (int(address) >> 32) & 0xFFFF_FFFF not in ISATAP
        and not any(address in block for block in CLOSED_IPV6)
    )


def literal(host: str) -> Address | None:
    """The address that the host spells out, or None for a name. Raises `ForbiddenAddress`.

    An address has one spelling here. In another one somebody is hiding it.
    """
    with suppress(ValueError):
        if "%" not in host:  # a zone is this machine's affair
            return ip_address(host)
    if ENDS_IN_NUMBER.search(host) or ":" in host or "%" in host:
        raise ForbiddenAddress(f"{host!r} is an odd spelling of an address")
    return None


def check(addresses: Sequence[Address]) -> None:
    """Raises `ForbiddenAddress` unless every one is public: a name with one private address is refused."""
    if len(addresses) > ANSWERS_MAX:
        raise ForbiddenAddress(f"it has more than {ANSWERS_MAX} addresses")
    for address in addresses:
        if not is_public(address):
            raise ForbiddenAddress(f"{address} is not on the public internet")
        if is_this_machine(address):
            raise ForbiddenAddress(f"{address} is this machine's own")


def is_this_machine(address: Address) -> bool:
    """Whether it is one of our own addresses: what listens there may take us for a friend.

    The system tells from which address it would send; nothing is sent.
    """
    family = socket.AF_INET if isinstance(address, IPv4Address) else socket.AF_INET6
    with socket.socket(family, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect((str(address), 9))
        except OSError:
            return False  # no way there, so no way to ourselves
        return ip_address(probe.getsockname()[0]) == address
