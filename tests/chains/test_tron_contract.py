"""The promises of a reader on TRON, each on a chain of its own."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.chains.optional import require

require("tronpy", "tron")

from ytmarket.adapters.chains.tron.chain import MAINNET
from ytmarket.domain.networks import Network
from ytmarket.testing.chains.faults import HASTY, Fault
from ytmarket.testing.chains.tron import TronWorld, new_tron_world
from ytmarket.testing.contracts import NodeReaderContract


@pytest.fixture
async def chain(request: pytest.FixtureRequest, anvil_program: Path) -> AsyncIterator[TronWorld]:
    async with new_tron_world(anvil_program) as world:
        if Fault.IS_SILENT.value in request.node.name:
            world.timeout = HASTY
        yield world


class TestTronReader(NodeReaderContract):
    async def test_it_reads_the_token_at_its_real_address(self, chain: TronWorld) -> None:
        assert chain.chain is MAINNET
        assert chain.chain.token == Network.TRON.facts.token
        # The chain id of the JSON-RPC is the end of the first block's id.
        assert MAINNET.genesis.endswith("2b6653dc")
