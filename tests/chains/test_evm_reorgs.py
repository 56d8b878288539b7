"""Blocks are replaced at every depth above finality, at any moment: no deposit is missed or invented."""

from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any, Self, TypeAlias

import attrs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.chains.optional import require

require("web3", "evm")

from ytmarket.adapters.chains.evm.chains import CHAINS, FINALIZED, Finality
from ytmarket.adapters.chains.evm.reader import EvmReader
from ytmarket.adapters.chains.evm.wire import topics_to
from ytmarket.application.ports.chain_reader import Cursor
from ytmarket.domain.deposits import Deposit
from ytmarket.domain.money import Usdt
from ytmarket.domain.networks import Network
from ytmarket.testing.chains.anvil import Anvil, running_anvil
from ytmarket.testing.chains.evm import TOKEN, EvmWorld, evm_world, lay_out
from ytmarket.testing.chains.evm_contracts import PAYER
from ytmarket.testing.contracts.chain_reader import drain

DEPTH = 4
"""Blocks are final with so many on top, and never fewer are replaced than one."""

SCHEDULES = {"quick": 10, "ci": 500, "thorough": 5_000}[settings.get_current_profile_name()]
"""For each rule of finality."""

LONG = 600  # blocks
UNITS = 10**6
AMOUNTS = [UNITS, 50 * UNITS, 51 * UNITS]
RULES = [FINALIZED, Finality(depth=DEPTH, deep_above=Usdt.of(50))]

pytestmark = pytest.mark.anyio


@attrs.frozen
class Pay:
    amounts: tuple[int, ...]


@attrs.frozen
class Mine:
    blocks: int


@attrs.frozen
class Replace:
    """So many blocks from the end, by others that hold payments of their own."""

    depth: int
    amounts: tuple[tuple[int, int], ...]  # each with the number of the block that is to hold it


@attrs.frozen
class Read:
    """One page, by the same reader or a new one; *meanwhile* after so many requests."""

    anew: bool
    meanwhile: Replace | None
    after_requests: int


Step: TypeAlias = Pay | Mine | Replace | Read


@st.composite
def replacements(draw: st.DrawFn) -> Replace:
    depth = draw(st.integers(1, DEPTH))
    kept = st.tuples(st.sampled_from(AMOUNTS), st.integers(0, depth - 1))
    return Replace(depth, tuple(draw(st.lists(kept, max_size=3))))


payments = st.builds(Pay, st.lists(st.sampled_from(AMOUNTS), min_size=1, max_size=3).map(tuple))
readings = st.builds(Read, st.booleans(), st.none() | replacements(), st.integers(0, 3))
schedules = st.lists(
    payments | st.builds(Mine, st.integers(1, 3)) | replacements() | readings, min_size=3, max_size=15
)


class Worlds:
    """A wallet of its own for each schedule, and ever so often a new chain: long ones are slow."""

    def __init__(self, program: Path, finality: Finality) -> None:
        self._program = program
        self._chain = attrs.evolve(CHAINS[Network.ARBITRUM], finality=finality)
        self._blocks_to_final = DEPTH if finality.depth is None else 2 * DEPTH
        self._stack = AsyncExitStack()
        self._anvil: Anvil | None = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_exception: object) -> None:
        await self._stack.aclose()

    @asynccontextmanager
    async def another(self) -> AsyncIterator[EvmWorld]:
        if self._anvil is None or await self._anvil.number() > LONG:
            await self._stack.aclose()
            starting = running_anvil(
                self._program, chain_id=self._chain.chain_id, blocks_to_final=self._blocks_to_final
            )
            self._anvil = await self._stack.enter_async_context(starting)
            await lay_out(self._anvil, self._chain)
            await self._anvil.mine(3 * DEPTH)
        async with evm_world(self._anvil, self._chain) as world:
            yield world


@pytest.fixture(scope="module", params=RULES, ids=["finalized", "depth"])
async def worlds(request: pytest.FixtureRequest, anvil_program: Path) -> AsyncIterator[Worlds]:
    async with Worlds(anvil_program, request.param) as worlds:
        yield worlds


@attrs.define
class Run:
    """One schedule as it is carried out."""

    world: EvmWorld
    span: int
    reader: EvmReader
    cursor: Cursor
    found: list[Deposit] = attrs.field(factory=list)

    async def take(self, step: Step) -> None:
        match step:
            case Pay(amounts):
                await self.world.pay_raw(*amounts)
            case Mine(blocks):
                await self.world.anvil.mine(blocks)
            case Replace():
                await self.replace(step)
            case Read():
                await self.read(step)

    async def replace(self, step: Replace) -> None:
        pairs = [[self.payment(amount), block] for amount, block in step.amounts]
        await self.world.anvil.call("anvil_reorg", step.depth, pairs)

    def payment(self, amount: int) -> dict[str, Any]:
        data = TOKEN.call("transfer", self.world.wallet, amount)
        return {"from": PAYER, "to": self.world.chain.token, "data": data, "gas": hex(10**6)}

    async def read(self, step: Read) -> None:
        if step.anew:
            self.reader = self.world.reader_of(self.world.node.url, span=self.span)
        with self.meanwhile(step):
            page = await self.reader.read(self.cursor)
        self.found += page.deposits
        self.cursor = page.cursor

    @contextmanager
    def meanwhile(self, step: Read) -> Iterator[None]:
        requests = 0

        async def before() -> None:
            nonlocal requests
            if requests == step.after_requests and step.meanwhile is not None:
                await self.replace(step.meanwhile)
            requests += 1

        self.world.node.before = before
        try:
            yield
        finally:
            self.world.node.before = None


@settings(max_examples=SCHEDULES)
@given(schedule=schedules, span=st.integers(1, 6))
async def test_what_is_final_is_returned_once_and_nothing_else(
    worlds: Worlds, schedule: Sequence[Step], span: int
) -> None:
    async with worlds.another() as world:
        reader = world.reader_of(world.node.url, span=span)
        run = Run(world, span, reader, await reader.start())
        for step in schedule:
            await run.take(step)
        await world.anvil.mine(3 * DEPTH)
        rest, _ = await drain(run.reader, run.cursor)
        found = [*run.found, *rest]
        assert sorted(map(place, found)) == await truth(world)
        if world.chain.finality is FINALIZED:
            assert found == sorted(found, key=place)


def place(deposit: Deposit) -> tuple[int, int, str, str, int]:
    return deposit.height, deposit.event_index, deposit.block_ref, deposit.tx_hash, deposit.raw


async def truth(world: EvmWorld) -> list[tuple[int, int, str, str, int]]:
    """Every payment on the chain as it has turned out."""
    wanted = {"fromBlock": "0x0", "toBlock": "finalized", "address": world.chain.token}
    logs = await world.anvil.call("eth_getLogs", {**wanted, "topics": topics_to(world.wallet)})
    return [
        (
            int(log["blockNumber"], 16),
            int(log["logIndex"], 16),
            log["blockHash"],
            log["transactionHash"],
            int(log["data"], 16),
        )
        for log in logs
    ]
