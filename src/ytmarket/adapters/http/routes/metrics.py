"""The shop in figures, for Prometheus: loopback may read them, or whoever has the token."""

from __future__ import annotations

import hmac
from importlib.metadata import version
from ipaddress import ip_address
from typing import Final

from prometheus_client import CONTENT_TYPE_LATEST
from starlette.responses import Response

from ytmarket.adapters.http.door import Door
from ytmarket.adapters.http.exchange import Exchange
from ytmarket.adapters.http.exposition import Seen, exposition
from ytmarket.adapters.http.rates import count_refusal
from ytmarket.adapters.http.refusals import InvalidMetricsToken, PathNotFound
from ytmarket.application.errors import Unavailable

AUTHORIZATION: Final = b"authorization"
FORWARDED: Final = (b"x-forwarded-for", b"forwarded", b"x-real-ip", b"via")
"""Whoever sends one of these is a proxy, and speaks for somebody who may be anywhere."""


async def admit_watcher(door: Door, exchange: Exchange) -> Door:
    """Raises `InvalidMetricsToken`, `RateLimited` for who guesses, `PathNotFound` where there is no token.

    Who asks is the peer itself: no proxy's word is believed, whatever is configured.
    """
    if door.metrics_token is None:
        if not _is_near(exchange):
            raise PathNotFound
        return door
    scheme, _, presented = (exchange.header(AUTHORIZATION) or "").partition(" ")
    token = presented.strip().encode("latin-1")
    if scheme.lower() != "bearer" or not hmac.compare_digest(door.metrics_token.encode(), token):
        await count_refusal(door, door.holder.open_services(), exchange)
        raise InvalidMetricsToken
    return door


async def show_metrics(door: Door) -> Response:
    """GET /metrics. While the database is away, what this process knows by itself is told all the same."""
    services = door.holder.open_services()
    try:
        state = await services.watching.state()
    except Unavailable:
        state = None
    seen = Seen(
        tally=door.watch.tally,
        version=version("ytmarket"),
        usage_backlog=services.usage.backlog,
        pools=services.watching.pools(),
        state=state,
    )
    return Response(exposition(seen), headers={"Content-Type": CONTENT_TYPE_LATEST})


def _is_near(exchange: Exchange) -> bool:
    peer = exchange.scope.get("client")
    if peer is None or any(exchange.header(name) is not None for name in FORWARDED):
        return False
    try:
        return ip_address(peer[0]).is_loopback
    except ValueError:
        return False
