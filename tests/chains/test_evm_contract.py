"""The promises of a reader on BSC, Polygon and Arbitrum, each on a chain of its own."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.chains.optional import require

require("web3", "evm")

from ytmarket.adapters.chains.evm.chains import CHAINS
from ytmarket.domain.networks import Network
from ytmarket.testing.chains.evm import EvmWorld, new_evm_world
from ytmarket.testing.contracts import NodeReaderContract


@pytest.fixture(params=CHAINS.values(), ids=lambda chain: str(chain.network))
async def chain(request: pytest.FixtureRequest, anvil_program: Path) -> AsyncIterator[EvmWorld]:
    async with new_evm_world(anvil_program, request.param) as world:
        yield world


class TestEvmReaders(NodeReaderContract):
    async def test_they_read_the_token_at_its_real_address(self, chain: EvmWorld) -> None:
        assert chain.chain.token == chain.chain.network.facts.token
        assert set(CHAINS) == {Network.BSC, Network.POLYGON, Network.ARBITRUM}
