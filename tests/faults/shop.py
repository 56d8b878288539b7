"""A stocked shop with customers who can pay, and the settings under which the tests serve it."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import attrs

from ytmarket.application.audit import Actor
from ytmarket.domain.catalog import Product
from ytmarket.domain.ids import ProductId
from ytmarket.domain.money import Usdt
from ytmarket.entrypoints.bootstrap import open_shop
from ytmarket.entrypoints.settings import Settings

MASTER_KEY: Final = "k" * 43 + "="
ADMIN_TOKEN: Final = "operators-of-the-faults"
PRODUCTS: Final = range(1, 6)
UNITS: Final = 4_000
BALANCE: Final = 50_000
TEACHER: Final = Actor("cli:tests")

SETTINGS: Final = {
    "YTMARKET_MASTER_KEY": MASTER_KEY,
    "YTMARKET_ADMIN_TOKEN": ADMIN_TOKEN,
    "YTMARKET_SCAN_SECONDS": "0.2",
    "YTMARKET_REFUND_SWEEP_SECONDS": "0.2",
    "YTMARKET_MIN_ORDER_RUB": "0",
    "YTMARKET_RATE_LIMIT": "1000000",
    "YTMARKET_TOPUP_MAX_OPEN": "100000",
    "YTMARKET_TOPUP_MAX_UNPAID": "100000",
}


@attrs.frozen(kw_only=True)
class Customer:
    """Who buys, with a secret or without one."""

    key: str = attrs.field(repr=False)
    secret: str | None = attrs.field(repr=False)
    fp: str


@attrs.frozen(kw_only=True)
class Database:
    """A shop's database: how to connect to it, and who has a key there."""

    dsn: str
    customers: tuple[Customer, ...]

    def settings(self, **others: str) -> dict[str, str]:
        """Of a server on it; the names come without their prefix."""
        given = {f"YTMARKET_{name}": value for name, value in others.items()}
        return {**SETTINGS, "YTMARKET_DATABASE_URL": self.dsn, **given}


async def stock(dsn: str, folder: Path, units: int = UNITS) -> Database:
    """Fill an empty database: products with so many *units* each, and customers with money."""
    settings = Settings.from_environment({**SETTINGS, "YTMARKET_DATABASE_URL": dsn})
    async with open_shop(attrs.evolve(settings, data_dir=folder)) as shop:
        for number in PRODUCTS:
            product = Product(
                id=ProductId(number),
                sku=f"sku-{number}",
                title=f"Product {number}",
                category="Faults",
                price=Usdt.of(number) + Usdt.of("0.37"),
            )
            await shop.services.catalog.put(product, TEACHER)
            contents = [b'{"login":"user-%d-%d","password":"p"}' % (number, unit) for unit in range(units)]
            await shop.services.catalog.add_stock(product.id, contents, TEACHER)
        customers = []
        for number in range(6):
            minted = await shop.services.api_keys.mint(f"customer {number}", TEACHER, with_secret=number < 2)
            fp = minted.record.fp
            await shop.services.api_keys.adjust(fp, Usdt.of(BALANCE), "to spend", f"gift {number}", TEACHER)
            customers.append(Customer(key=minted.key, secret=minted.secret, fp=fp))
    return Database(dsn=dsn, customers=tuple(customers))
