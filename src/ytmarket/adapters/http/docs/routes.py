"""The doors to the page and to what it loads."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

import attrs
from starlette.responses import Response

from ytmarket.adapters.http.docs import page
from ytmarket.adapters.http.docs.facts import ShopFacts
from ytmarket.adapters.http.docs.page import Asset
from ytmarket.adapters.http.door import Door
from ytmarket.adapters.http.endpoint import Handler
from ytmarket.adapters.http.exchange import Exchange

# Nothing inline, nothing from elsewhere; requests go to this server alone.
POLICY: Final = (
    "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; img-src 'self' data:; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
HEADERS: Final = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Vary": "Accept-Encoding",
}
NO_WEIGHT: Final = re.compile(r"q=0(\.0{0,3})?")  # "not this one", RFC 9110 12.4.2
ALWAYS_ASKED: Final = (b"cache-control", b"no-cache")  # kept, but asked for again each time


@attrs.frozen(kw_only=True)
class Reader:
    """Somebody who reads, and the shop that they read about."""

    exchange: Exchange
    shop: ShopFacts


async def admit_reader(door: Door, exchange: Exchange) -> Reader:
    """Anybody; a shop that has not opened is shown as shops usually are."""
    services = door.holder.services
    if services is None:
        return Reader(exchange=exchange, shop=ShopFacts(pace=door.pace))
    shop = ShopFacts(
        devnet=services.devnet is not None,
        networks=tuple(services.topups.payees.wallets),
        terms=services.topups.terms,
        order=services.order_desk.terms,
        pace=door.pace,
        rate_limit=services.rate_limiter.limit,
    )
    return Reader(exchange=exchange, shop=shop)


async def show_page(reader: Reader) -> Response:
    """GET /api/docs."""
    return _served(reader, page.html(reader.shop))


async def show_postman(reader: Reader) -> Response:
    """GET /api/docs/postman_collection.json."""
    return _served(reader, page.postman(reader.shop.networks))


async def show_openapi(reader: Reader) -> Response:
    """GET /api/openapi.json."""
    return _served(reader, page.openapi(reader.shop.networks, reader.exchange.scope.get("root_path", "")))


def _fixed(make: Callable[[], Asset]) -> Handler[Reader]:
    async def show(reader: Reader) -> Response:
        return _served(reader, make())

    return show


show_style: Final = _fixed(page.style)
show_script: Final = _fixed(page.script)


def _served(reader: Reader, asset: Asset) -> Response:
    headers = {**HEADERS, "ETag": asset.etag}
    if asset.etag in (reader.exchange.header(b"if-none-match") or ""):
        return Response(status_code=304, headers=headers)
    body = asset.body
    if _takes_gzip(reader.exchange.header(b"accept-encoding") or ""):
        headers["Content-Encoding"] = "gzip"
        body = asset.packed
    return Response(body, headers=headers, media_type=asset.media_type)


def _takes_gzip(accepted: str) -> bool:
    for choice in accepted.lower().split(","):
        name, *parameters = (part.strip() for part in choice.split(";"))
        if name == "gzip":
            return not any(map(NO_WEIGHT.fullmatch, parameters))
    return False
