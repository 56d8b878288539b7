"""Which address a request comes from, when some of those it passed through are proxies of ours.

Only a configured proxy is believed about whom it speaks for, so the forwarded addresses are read from
the last one backwards, up to the first that is no proxy of ours; what stands before it is hearsay.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from starlette.types import Scope

from ytmarket.domain.api_keys import Address, AddressRange, parse_address

FORWARDED_FOR: Final = b"x-forwarded-for"


def client_address(scope: Scope, trusted: Sequence[AddressRange]) -> Address | None:
    """The client's address; None where it cannot be told, as behind a Unix socket."""
    peer = scope.get("client")
    address = parse_address(peer[0]) if peer else None
    if not _is_among(address, trusted):
        return address
    # Several header lines count as one list, in their order.
    lines = [value for name, value in scope["headers"] if name == FORWARDED_FOR]
    if not lines:
        return address
    for word in reversed(b",".join(lines).decode("latin-1").split(",")):
        address = parse_address(word.strip())
        if not _is_among(address, trusted):
            break
    return address


def _is_among(address: Address | None, ranges: Sequence[AddressRange]) -> bool:
    return address is not None and any(address in known for known in ranges)
