"""The demo shop: a catalogue to look at and two keys to try it with."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Final

import attrs

from ytmarket.application.api_keys import MintedKey
from ytmarket.application.audit import Actor
from ytmarket.application.ports.queries import Paging
from ytmarket.domain.catalog import Product, ProductFilter
from ytmarket.domain.ids import ProductId
from ytmarket.domain.money import Usdt
from ytmarket.entrypoints.bootstrap import Shop

ACTOR: Final = Actor("cli:demo")
DEMO_BALANCE: Final = Usdt.of(1000)
UNITS: Final = 300

# Each category: a base price, and what is sold. Prices rise along the list, so that quantities
# from one to hundreds can be seen; the very first can be bought singly at the default rate.
CATALOGUE: Final[tuple[tuple[str, str, tuple[str, ...]], ...]] = (
    ("Streaming", "8.5", (
        "Cinema premium, 12 months", "Cinema family, 12 months", "Music premium, 12 months",
        "Music family, 12 months", "Sports pass, season", "Anime pass, 12 months",
        "Documentary pass, 12 months",
    )),
    ("Social accounts", "0.45", (
        "Photo network, new", "Photo network, aged one year", "Photo network, aged three years",
        "Video network, new", "Video network, aged one year", "Microblog, new", "Microblog, aged one year",
    )),
    ("Mail accounts", "0.12", (
        "Webmail, new", "Webmail, aged one year", "Webmail with recovery address", "Webmail with two-factor",
        "Business mail, one seat", "Business mail, five seats", "Disposable inbox, 30 days",
    )),
    ("Games", "3.2", (
        "Starter account", "Account, level 30", "Account, level 60", "Account with season pass",
        "Gift card, 10 units", "Gift card, 25 units", "Gift card, 50 units",
    )),
    ("Software keys", "9.9", (
        "Office suite, one seat", "Office suite, five seats", "Photo editor, 12 months",
        "Video editor, 12 months",
        "Antivirus, 12 months", "Password manager, 12 months", "Backup, 1 TB, 12 months",
    )),
    ("Proxies and VPN", "1.15", (
        "VPN, 1 month", "VPN, 12 months", "Proxy, data centre, 30 days", "Proxy, residential, 1 GB",
        "Proxy, residential, 10 GB", "Proxy, mobile, 7 days", "Proxy, mobile, 30 days",
    )),
)  # fmt: skip


@attrs.frozen(kw_only=True)
class DemoKeys:
    """What is printed once: a key that signs, and a funded one that does not."""

    signing: MintedKey
    funded: MintedKey


async def seed(shop: Shop) -> DemoKeys | None:
    """Fill an empty shop; None when there is something in it already.

    A seeding that was cut off is taken up again: keys come last, and mark its end.
    """
    if (await shop.services.queries.key_summaries(Paging(page_size=1))).total:
        return None
    for product in products():
        await _stock(shop, product)
    signing = await shop.services.api_keys.mint("demo, signs its requests", ACTOR)
    funded = await shop.services.api_keys.mint("demo, funded, without a secret", ACTOR, with_secret=False)
    await shop.services.api_keys.adjust(
        funded.record.fp, DEMO_BALANCE, "devnet USDT to try the shop with", "demo-balance", ACTOR
    )
    return DemoKeys(signing=signing, funded=funded)


def products() -> Iterator[Product]:
    """The demo catalogue."""
    number = 0
    for category, base, titles in CATALOGUE:
        for place, title in enumerate(titles):
            number += 1
            yield Product(
                id=ProductId(number),
                sku=f"DEMO-{number:03d}",
                title=title,
                category=category,
                price=(Usdt.of(base) * (100 + 35 * place)).share_up(1, 100).to_cent(),
            )


async def _stock(shop: Shop, product: Product) -> None:
    await shop.services.catalog.put(product, ACTOR)
    found = await shop.services.queries.products(ProductFilter(sku=product.sku), Paging(page_size=1))
    if found.total == 0:
        await shop.services.catalog.add_stock(product.id, list(_units(product)), ACTOR)


def _units(product: Product) -> Iterator[bytes]:
    for serial in range(1, UNITS + 1):
        unit = {
            "login": f"{product.sku.lower()}-{serial:04d}@demo.invalid",
            "password": f"demo-{product.id}-{serial:04d}",
        }
        yield json.dumps(unit, separators=(",", ":")).encode()
