"""The promises of the reader on TON, for a wallet that was never paid to and for one that was."""

from collections.abc import AsyncIterator

import pytest

from tests.chains.optional import require

require("pytonlib", "ton")

from ytmarket.adapters.chains.ton.chain import MASTER
from ytmarket.domain.money import Usdt
from ytmarket.domain.networks import Network
from ytmarket.testing.chains.faults import HASTY, Fault
from ytmarket.testing.chains.ton import TonWorld, new_ton_world
from ytmarket.testing.chains.ton_sandbox import TonSandbox
from ytmarket.testing.contracts import ChainReaderContract, NodeReaderContract


class TestTonReaderOfANewWallet(ChainReaderContract):
    @pytest.fixture
    async def chain(self, ton_sandbox: TonSandbox) -> AsyncIterator[TonWorld]:
        async with new_ton_world(ton_sandbox) as world:
            yield world


class TestTonReader(NodeReaderContract):
    @pytest.fixture
    async def chain(self, request: pytest.FixtureRequest, ton_sandbox: TonSandbox) -> AsyncIterator[TonWorld]:
        async with new_ton_world(ton_sandbox) as world:
            if Fault.IS_SILENT.value in request.node.name:
                world.timeout = HASTY
            for number in range(3):
                await world.pay(Usdt.of(1 + number))
            await world.settle()
            yield world

    async def test_it_reads_the_token_at_its_real_address(self, chain: TonWorld) -> None:
        assert str(MASTER) == Network.TON.facts.token
        assert await chain.sandbox.act("jettonWallet", owner=chain.shop.raw) == chain.shop.account
