"""What every request passes: the shop behind, the proxies before it, and who may operate it."""

from __future__ import annotations

import itertools
import secrets
from collections.abc import Iterator, Mapping

import attrs

from ytmarket.adapters.http.holder import ShopHolder
from ytmarket.domain.api_keys import AddressRange


def request_ids() -> Iterator[str]:
    """Names for requests: no two of a process are equal, and those of two processes differ."""
    process = secrets.token_hex(6)
    return (f"{process}-{number:x}" for number in itertools.count(1))


@attrs.frozen(kw_only=True)
class Door:
    """The settings of the HTTP side. *operators* are the admin tokens by the name of who holds them."""

    holder: ShopHolder
    trusted_proxies: tuple[AddressRange, ...] = ()
    operators: Mapping[str, str] = attrs.field(factory=dict, repr=False)
    request_ids: Iterator[str] = attrs.field(factory=request_ids)
