"""What every request passes: the shop behind, the proxies before it, and who may operate it."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Final

import attrs

from ytmarket.adapters.http.holder import ShopHolder
from ytmarket.adapters.http.watching import Watch
from ytmarket.domain.api_keys import AddressRange

REQUEST_ID_BYTES: Final = 10


def new_request_id() -> str:
    """A name for a request, by which its answer and its log lines are found again."""
    return secrets.token_hex(REQUEST_ID_BYTES)


@attrs.frozen(kw_only=True)
class Pace:
    """How often the shop's workers look: what clients are told of when to expect something."""

    scan: timedelta = timedelta(seconds=5)
    refund_sweep: timedelta = timedelta(seconds=30)


@attrs.frozen(kw_only=True)
class Door:
    """The settings of the HTTP side. *operators* are the admin tokens by the name of who holds them.

    *pace* is that of the workers, which may be other processes. *watch* is told of every request;
    *metrics_token* opens the metrics, without one loopback does.
    """

    holder: ShopHolder
    trusted_proxies: tuple[AddressRange, ...] = ()
    operators: Mapping[str, str] = attrs.field(factory=dict, repr=False)
    new_request_id: Callable[[], str] = new_request_id
    pace: Pace = attrs.field(factory=Pace)
    watch: Watch = attrs.field(factory=Watch)
    metrics_token: str | None = attrs.field(default=None, repr=False)
