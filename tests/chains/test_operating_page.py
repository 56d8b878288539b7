"""What the page for operators says of wallets and nodes: its commands are typed, its figures compared."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path

import anyio
import pytest

from tests.acceptance.server import Server, until
from tests.chains.optional import require
from tests.chains.shell import exported
from tests.docs.reading import ROOT, blocks, text

require("web3", "evm")

from ytmarket.adapters.chains.evm.chains import ARBITRUM_FINALITY, CHAINS
from ytmarket.adapters.system.clock import SystemClock
from ytmarket.application.endpoints import CALLS_PER_SECOND
from ytmarket.application.ports.chain_reader import ChainMisconfigured
from ytmarket.domain.money import Usdt
from ytmarket.domain.networks import Network
from ytmarket.entrypoints.readers import readers_of
from ytmarket.entrypoints.settings import PREFIX, Settings
from ytmarket.testing.chains.evm import EvmWorld, new_evm_world
from ytmarket.testing.postgres import temporary_data_dir

_, _, REST = text(ROOT / "docs/operating.md").partition("## Wallets and nodes")
SECTION = REST.partition("\n## ")[0]
START, WATCH = blocks(SECTION, "sh")
PREFERRED, SPARE = "https://polygon.example.com/KEY", "https://spare.example.com/KEY"
NOBODY = "http://127.0.0.1:9/KEY"

pytestmark = pytest.mark.anyio


@pytest.fixture
async def polygon(anvil_program: Path) -> AsyncIterator[EvmWorld]:
    async with new_evm_world(anvil_program, CHAINS[Network.POLYGON]) as world:
        yield world


@pytest.mark.needs("sh")
async def test_the_spare_node_is_read_while_the_preferred_one_is_away(polygon: EvmWorld) -> None:
    *exports, serve = START.splitlines()
    assert serve == "ytmarket serve"
    settings = exported("\n".join(exports))
    nodes = settings["YTMARKET_POLYGON_RPC"].replace(PREFERRED, NOBODY).replace(SPARE, polygon.anvil.url)
    assert nodes == f"{NOBODY},{polygon.anvil.url}"
    command, *words = WATCH.partition("#")[0].split()
    assert command == "ytmarket"
    with temporary_data_dir(in_memory=True) as data_dir:
        server = Server(data_dir, settings=settings | {"YTMARKET_POLYGON_RPC": nodes}, demo=False)
        await anyio.to_thread.run_sync(server.start)
        try:
            (row,) = await anyio.to_thread.run_sync(
                lambda: until(lambda: json.loads(server.run(*words, "--json").stdout), is_read, seconds=90)
            )
        finally:
            await anyio.to_thread.run_sync(server.stop)
    assert row["network"] == "usdt_polygon"


def is_read(rows: list[dict[str, str]]) -> bool:
    """Whether the one network has been read."""
    return len(rows) == 1 and "-" not in {row.get("read until", "-") for row in rows}


def test_every_wallet_and_node_of_the_settings_is_on_the_page() -> None:
    for network in Network:
        assert f"`{PREFIX}{network.facts.family.name}_WALLET`" in SECTION
        assert f"`{PREFIX}{network.name}_RPC`" in SECTION


def test_the_figures_are_the_codes() -> None:
    assert (CALLS_PER_SECOND, ARBITRUM_FINALITY.depth) == (10, 120), "ten calls a second, 120 blocks deep"
    assert ARBITRUM_FINALITY.deep_above == Usdt.of(1_000), "above 1,000 USDT"
    assert (2 * 24 * 60 * 60) // 3 == 57_600, "two calls a block, one block in three seconds"


async def test_trongrid_wants_its_key_where_the_page_puts_it() -> None:
    assert "`https://KEY@api.trongrid.io`" in SECTION
    wallet = Network.TRON.facts.token
    for url, is_usable in (("https://KEY@api.trongrid.io", True), ("https://api.trongrid.io", False)):
        settings = Settings(tron_wallet=wallet, tron_rpc=(url,))
        if is_usable:
            (reader,) = readers_of(settings, SystemClock())
            await reader.close()
        else:
            with pytest.raises(ChainMisconfigured, match="https://KEY@"):
                readers_of(settings, SystemClock())
