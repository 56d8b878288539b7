"""The servers that the tests of this folder share: starting one takes longer than most tests."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.acceptance.receiver import Receiver, receiving
from tests.acceptance.server import Server
from tests.acceptance.shop import TOKEN, Shop
from ytmarket.testing.postgres import temporary_data_dir

OPERATED = {"YTMARKET_ADMIN_TOKEN": TOKEN}
QUICK = {"YTMARKET_SCAN_SECONDS": "0.2", "YTMARKET_REFUND_SWEEP_SECONDS": "0.2"}
ROOMY = {"YTMARKET_RATE_LIMIT": "1000000"}
HOOKED = {"YTMARKET_WEBHOOK_ALLOW_PRIVATE": "yes"}
PROXIED = {"YTMARKET_TRUSTED_PROXIES": "127.0.0.1"}
SHORT = {"YTMARKET_ORDER_DEADLINE_SECONDS": "1", "YTMARKET_TOPUP_LIFETIME_SECONDS": "1"}


@pytest.fixture(scope="package")
def shop() -> Iterator[Shop]:
    """A shop whose loops hardly pause, for customers who ask a lot. Whatever they did, its books are true."""
    settings = OPERATED | QUICK | ROOMY | HOOKED
    with (
        temporary_data_dir(in_memory=True) as data_dir,
        Shop.served(Server(data_dir, settings=settings, demo=False)) as found,
    ):
        yield found
        books = found.server.run("verify")
        assert books.returncode == 0, books.stdout


@pytest.fixture(scope="package")
def showcase(shop: Shop) -> int:
    """The number that the contract's examples order, and a first product that can be bought singly."""
    shop.product("8.40", number=1, units=100)
    return shop.product("8.80", number=12_345, units=100)


@pytest.fixture(scope="package")
def hasty(shop: Shop) -> Iterator[Shop]:
    """The same shop through a second server, which gives orders and top-ups a second."""
    settings = OPERATED | QUICK | ROOMY | HOOKED | SHORT
    with Shop.served(Server(shop.server.data_dir, settings=settings, demo=False)) as found:
        yield found


@pytest.fixture(scope="package")
def plain(shop: Shop) -> Iterator[Shop]:
    """The same shop through a third server, with the limits and guards that clients meet, behind a proxy."""
    settings = OPERATED | PROXIED
    server = Server(shop.server.data_dir, settings=settings, demo=False, workers=False)
    with Shop.served(server) as found:
        yield found


@pytest.fixture(scope="package")
def demo() -> Iterator[Server]:
    """A server as `make run` starts it."""
    with temporary_data_dir(in_memory=True) as data_dir:
        server = Server(data_dir, settings=QUICK).start()
        yield server
        server.stop()


@pytest.fixture(scope="package")
def receiver() -> Iterator[Receiver]:
    with receiving() as found:
        yield found
