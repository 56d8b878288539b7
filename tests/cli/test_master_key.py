"""Whoever lacks the key under which secrets and stock are sealed is told so before a client is."""

from __future__ import annotations

import asyncio
import base64

import attrs
import pytest

from tests.cli.conftest import Terminal
from ytmarket.entrypoints.bootstrap import open_shop
from ytmarket.entrypoints.settings import Settings, SettingsError

OTHER_KEY = base64.b64encode(bytes(32)).decode()


def elsewhere(terminal: Terminal, **settings: str) -> Terminal:
    """On the same database, with a data folder of its own."""
    given = {f"YTMARKET_{name}": value for name, value in settings.items()}
    folder = {"YTMARKET_DATA_DIR": str(terminal.folder / "elsewhere")}
    return attrs.evolve(terminal, environment={**terminal.environment, **folder, **given})


def starts(terminal: Terminal) -> None:
    """A server opens the shop, or says why not."""

    async def run() -> None:
        async with open_shop(Settings.from_environment(settings), role="serve"):
            pass

    settings = {name: text for name, text in terminal.environment.items() if name.startswith("YTMARKET_")}
    asyncio.run(run())


def secret(terminal: Terminal) -> None:
    terminal.types("keys", "mint", "Ann")


def units(terminal: Terminal) -> None:
    products, stock = terminal.folder / "products.csv", terminal.folder / "units.jsonl"
    products.write_text("id,sku,title,category,price_usdt\n7,A,A,mail,10\n")
    stock.write_text('{"login": "a"}\n{"login": "b"}\n')
    terminal.types("catalog", "import", products)
    terminal.types("stock", "import", 7, stock)


@pytest.mark.parametrize("seal", [secret, units])
def test_a_server_without_the_key_does_not_start(terminal: Terminal, seal) -> None:  # type: ignore[no-untyped-def] # one of the above
    seal(terminal)
    starts(terminal)
    other = elsewhere(terminal)
    with pytest.raises(SettingsError, match="the same YTMARKET_MASTER_KEY") as refused:
        starts(other)
    assert "sealed it; add that key" in str(refused.value)
    starts(elsewhere(terminal, MASTER_KEY_LOST="yes"))
    (key,) = (terminal.folder / "data" / "master.key").read_text().split()
    starts(elsewhere(terminal, MASTER_KEY=f"{OTHER_KEY},{key}"))


def test_each_key_that_has_sealed_a_secret_is_needed(terminal: Terminal) -> None:
    secret(terminal)
    other = elsewhere(terminal, MASTER_KEY=OTHER_KEY)
    secret(other)
    for one in (terminal, other):
        with pytest.raises(SettingsError):
            starts(one)
    (key,) = (terminal.folder / "data" / "master.key").read_text().split()
    elsewhere(terminal, MASTER_KEY=f"{OTHER_KEY},{key}").types("keys", "reseal")
    starts(other)


def test_a_command_warns_and_goes_on(terminal: Terminal) -> None:
    terminal.types("keys", "mint", "Bob", "--no-secret")
    starts(elsewhere(terminal))  # nothing is sealed yet
    secret(terminal)
    assert "YTMARKET_MASTER_KEY" not in terminal.types("keys", "list")
    said = elsewhere(terminal).types("keys", "list")
    assert "ytmarket: this shop's secrets and stock cannot all be opened here" in said
    assert "Ann" in said
