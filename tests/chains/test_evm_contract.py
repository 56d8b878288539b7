"""The promises of a reader on BSC, Polygon and Arbitrum, each on a chain of its own."""

from collections.abc import AsyncIterator
from pathlib import Path

import attrs
import pytest

from tests.chains.optional import require

require("web3", "evm")

from ytmarket.adapters.chains.evm.chains import CHAINS
from ytmarket.domain.networks import Network
from ytmarket.testing.chains.anvil import BLOCKS_TO_FINAL
from ytmarket.testing.chains.evm import EvmWorld, new_evm_world
from ytmarket.testing.chains.faults import HASTY, Fault
from ytmarket.testing.contracts import NodeReaderContract

# Arbitrum in small, where a chain makes final by itself what is twice as deep as the depth we trust.
DEPTH, FINAL = 4, 8


@pytest.fixture(params=CHAINS.values(), ids=lambda chain: str(chain.network))
async def chain(request: pytest.FixtureRequest, anvil_program: Path) -> AsyncIterator[EvmWorld]:
    chain, blocks_to_final = request.param, BLOCKS_TO_FINAL
    if chain.finality.depth is not None:
        chain = attrs.evolve(chain, finality=attrs.evolve(chain.finality, depth=DEPTH))
        blocks_to_final = FINAL
    async with new_evm_world(anvil_program, chain, blocks_to_final=blocks_to_final) as world:
        if Fault.IS_SILENT.value in request.node.name:
            world.timeout = HASTY
        yield world


class TestEvmReaders(NodeReaderContract):
    async def test_they_read_the_token_at_its_real_address(self, chain: EvmWorld) -> None:
        assert chain.chain.token == chain.chain.network.facts.token
        assert set(CHAINS) == {Network.BSC, Network.POLYGON, Network.ARBITRUM}
