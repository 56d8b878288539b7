"""API keys: shown once, kept as a hash, and named by a short fingerprint ever after."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import datetime
from ipaddress import (
    IPv4Address,
    IPv4Network,
    IPv6Address,
    IPv6Network,
    ip_address,
    ip_network,
)
from typing import Final, TypeAlias

import attrs

from ytmarket.domain import limits
from ytmarket.domain.errors import AddressNotAllowed, InvalidRequest
from ytmarket.domain.ids import AccountId, ApiKeyId
from ytmarket.domain.money import Usdt

KEY_PREFIX: Final = "ytm_"
SECRET_PREFIX: Final = "yts_"
KEY_CHARS_MAX: Final = 200
FINGERPRINT_CHARS: Final = 12
_MAPPED_PREFIX: Final = 96  # ::ffff:0:0/96 is the whole of IPv4, written as IPv6

Address: TypeAlias = IPv4Address | IPv6Address
AddressRange: TypeAlias = IPv4Network | IPv6Network


@attrs.frozen(kw_only=True)
class ApiKey:
    """A customer's key. `sealed_secret` is the HMAC secret, encrypted; None: no signatures."""

    id: ApiKeyId
    account_id: AccountId
    fp: str
    label: str
    sealed_secret: bytes | None = attrs.field(default=None, repr=False)
    allowed: tuple[AddressRange, ...] = ()
    created_at: datetime
    revoked_at: datetime | None = None

    def check_address(self, address: Address | None) -> None:
        """Raises `AddressNotAllowed` unless the list is empty or holds the address.

        An address that could not be determined is None, which no list holds.
        """
        if not self.allowed:
            return
        if address is None or not any(address in allowed for allowed in self.allowed):
            raise AddressNotAllowed


@attrs.frozen(kw_only=True)
class Usage:
    """How often a key asked, from when to when, and what last."""

    requests: int
    first_used_at: datetime
    last_used_at: datetime
    last_endpoint: str

    def plus(self, later: Usage) -> Usage:
        """Both together; where they end at the same moment the later's endpoint counts."""
        newest = later if later.last_used_at >= self.last_used_at else self
        return Usage(
            requests=self.requests + later.requests,
            first_used_at=min(self.first_used_at, later.first_used_at),
            last_used_at=newest.last_used_at,
            last_endpoint=newest.last_endpoint,
        )


@attrs.frozen(kw_only=True)
class KeySummary:
    """A key as the operator's list shows it."""

    key: ApiKey
    balance: Usdt
    last_used_at: datetime | None = None


def digest(key: str) -> bytes:
    """What is kept of a key. It is long and random, so a plain hash cannot be reversed."""
    return hashlib.sha256(key.encode("utf-8", "surrogatepass")).digest()


def fingerprint(key_digest: bytes) -> str:
    """A short public name for the key."""
    return key_digest.hex()[:FINGERPRINT_CHARS]


def parse_address(text: str) -> Address | None:
    """The address, IPv4-mapped IPv6 folded to IPv4; None for anything that is none."""
    try:
        address = ip_address(text)
    except ValueError:
        return None
    if isinstance(address, IPv6Address):
        if address.scope_id is not None:
            return None
        return address.ipv4_mapped or address
    return address


def check_ranges(allowed: Sequence[AddressRange]) -> None:
    """Raises `InvalidRequest` for more than can be looked through with every request."""
    if len(allowed) > limits.RANGES_MAX:
        raise InvalidRequest(
            pointer="/ip_whitelist", problem=f"must name at most {limits.RANGES_MAX} addresses or ranges"
        )


def parse_range(text: str, pointer: str) -> AddressRange:
    """An address or a CIDR range, IPv4-mapped IPv6 folded to IPv4 as addresses are.

    Raises `InvalidRequest` with what is wrong.
    """
    try:
        found = ip_network(text, strict=False)
    except ValueError:
        found = None
    if found is None or "%" in text:
        raise InvalidRequest(
            pointer=pointer,
            problem=f"{text!r} is neither an IP address nor a CIDR range",
        )
    mapped = getattr(found.network_address, "ipv4_mapped", None)
    if mapped is None or found.prefixlen < _MAPPED_PREFIX:
        return found
    return IPv4Network((mapped, found.prefixlen - _MAPPED_PREFIX))
