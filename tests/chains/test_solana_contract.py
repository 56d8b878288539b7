"""The promises of the reader on Solana, for a wallet that was never paid to and for one that was."""

from collections.abc import AsyncIterator

import pytest

from tests.chains.optional import require

require("solana", "solana")
require("aiohttp", "evm")

from ytmarket.domain.money import Usdt
from ytmarket.testing.chains.faults import HASTY, Fault
from ytmarket.testing.chains.solana import SolanaWorld, new_solana_world
from ytmarket.testing.contracts import NodeReaderContract


@pytest.fixture(params=[0, 3], ids=["a new wallet", "a wallet with a history"])
async def chain(request: pytest.FixtureRequest) -> AsyncIterator[SolanaWorld]:
    async with new_solana_world() as world:
        if Fault.IS_SILENT.value in request.node.name:
            world.timeout = HASTY
        for number in range(request.param):
            await world.pay(Usdt.of(1 + number))
        await world.settle()
        yield world


class TestSolanaReader(NodeReaderContract):
    pass
