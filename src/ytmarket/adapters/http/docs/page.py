"""The page as HTML, and what it loads: made once, from the templates and the tables of the code."""

from __future__ import annotations

import gzip
import hashlib
from functools import cache, lru_cache
from importlib.metadata import version
from importlib.resources import files
from typing import Final

import attrs
from jinja2 import Environment, PackageLoader, StrictUndefined

from ytmarket.adapters.http import samples
from ytmarket.adapters.http.docs import facts
from ytmarket.adapters.http.docs.facts import ShopFacts
from ytmarket.adapters.http.docs.postman import collection
from ytmarket.adapters.http.openapi import ON_WEBHOOKS, document
from ytmarket.adapters.http.wire.encoding import encode
from ytmarket.application.ports.devnet import SupplierMode
from ytmarket.domain.networks import Network

PACKAGE: Final = "ytmarket.adapters.http.docs"
MOUNTS_MAX: Final = 16  # remembered; a mount whose path is a parameter has as many as it likes
SDKS: Final = (
    ("python", "Python", "requests", "python.py.txt"),
    ("node", "Node", "axios", "node.mjs.txt"),
    ("go", "Go", "net/http, standard library alone", "main.go.txt"),
    ("curl", "curl", "with openssl for the signature", "curl.sh.txt"),
)


@attrs.frozen(kw_only=True)
class Asset:
    """Something to serve: its bytes, the same compressed, and a tag that changes when they do."""

    body: bytes
    media_type: str
    packed: bytes
    etag: str

    @classmethod
    def of(cls, body: bytes, media_type: str) -> Asset:
        digest = hashlib.sha256(body).hexdigest()[:20]
        packed = gzip.compress(body, mtime=0)
        return cls(body=body, media_type=media_type, packed=packed, etag=f'"{digest}"')


@cache
def html(shop: ShopFacts) -> Asset:
    """The page for a shop that is like this."""
    environment = Environment(
        loader=PackageLoader(PACKAGE),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    told = version("ytmarket")
    page = environment.get_template("page.html").render(
        version=told,
        shop=shop,
        facts=facts,
        lifetime=facts.span(shop.terms.lifetime),
        quarantine=facts.span(shop.terms.quarantine),
        endpoints=facts.endpoints(told, shop.networks),
        example_network=samples.network_of(shop.networks),
        on_webhooks=ON_WEBHOOKS,
        webhook=facts.pretty(samples.webhook()),
        modes=list(SupplierMode),
        sdks=[(name, title, with_, _text(f"sdk/{file}")) for name, title, with_, file in SDKS],
        verification=_text("sdk/verify.py.txt"),
    )
    return Asset.of(page.encode(), "text/html; charset=utf-8")


@cache
def style() -> Asset:
    """The page's style sheet."""
    return Asset.of(_text("style.css").encode(), "text/css; charset=utf-8")


@cache
def script() -> Asset:
    """The page's script."""
    return Asset.of(_text("app.js").encode(), "text/javascript; charset=utf-8")


@cache
def postman(networks: tuple[Network, ...]) -> Asset:
    """The Postman collection for a shop that offers these networks."""
    return Asset.of(encode(collection(version("ytmarket"), samples.network_of(networks))), "application/json")


@lru_cache(maxsize=MOUNTS_MAX)
def openapi(networks: tuple[Network, ...], root_path: str) -> Asset:
    """The OpenAPI document of a shop that offers these networks and is mounted there."""
    told = document(version("ytmarket"), networks=networks, root_path=root_path)
    return Asset.of(encode(told), "application/json")


def _text(name: str) -> str:
    return files(PACKAGE).joinpath("templates", *name.split("/")).read_text(encoding="utf-8").rstrip() + "\n"
