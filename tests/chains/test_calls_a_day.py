"""What a network costs in calls a day is what the page for operators says, counted on its engine."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import attrs
import pytest

from tests.chains.optional import require
from tests.docs.reading import ROOT, text

require("web3", "evm")
require("tronpy", "tron")
require("solders", "solana")
require("pytonlib", "ton")

from ytmarket.adapters.chains.evm.chains import CHAINS
from ytmarket.application.ports.chain_reader import ChainReader, Cursor
from ytmarket.domain.money import Usdt
from ytmarket.domain.networks import Network
from ytmarket.entrypoints.settings import Settings
from ytmarket.testing.chains.evm import new_evm_world
from ytmarket.testing.chains.solana import new_solana_world
from ytmarket.testing.chains.ton import new_ton_world
from ytmarket.testing.chains.ton_sandbox import TonSandbox
from ytmarket.testing.chains.tron import new_tron_world

POLLS_A_DAY = timedelta(days=1) // Settings().scan_interval

pytestmark = pytest.mark.anyio


@attrs.frozen(kw_only=True)
class Counted:
    """A chain whose node's calls are counted, and what befalls it between one poll and the next."""

    world: Any
    calls: list[str]
    rounds: Sequence[Callable[[], Awaitable[None]]]


async def drained(reader: ChainReader, cursor: Cursor) -> Cursor:
    more = True
    while more:
        page = await reader.read(cursor)
        cursor, more = page.cursor, page.more
    return cursor


@asynccontextmanager
async def counted(network: Network, program: Path, sandbox: TonSandbox) -> AsyncIterator[Counted]:
    """In each five seconds as many blocks as the real network has at least; TRON has five in fifteen."""
    match network:
        case Network.TRON:
            async with new_tron_world(program) as tron:
                rounds = [partial(tron.anvil.mine, blocks) for blocks in (2, 2, 1)]
                yield Counted(world=tron, calls=tron.node.calls, rounds=rounds)
        case Network.SOLANA:
            async with new_solana_world() as solana:

                async def pass_slots() -> None:
                    solana.ledger.pass_slots(12)

                yield Counted(world=solana, calls=solana.node.calls, rounds=[pass_slots])
        case Network.TON:
            async with new_ton_world(sandbox) as ton:
                yield Counted(world=ton, calls=ton.wire.calls, rounds=[ton.settle])
        case _:
            async with new_evm_world(program, CHAINS[network]) as evm:
                yield Counted(world=evm, calls=evm.node.calls, rounds=[partial(evm.anvil.mine, 2)])


def told(network: Network) -> tuple[int, int]:
    """Calls a day, and for each deposit, from the page's table."""
    (row,) = [line for line in PAGE.splitlines() if line.startswith(f"| `{network}` |")]
    *_, a_day, each = [cell.strip() for cell in row.strip("|").split("|")]
    return int(a_day.replace(",", "")), int(each)


PAGE = text(ROOT / "docs/operating.md")


@pytest.mark.parametrize("network", Network)
async def test_what_the_page_says_is_what_is_asked(
    anvil_program: Path, ton_sandbox: TonSandbox, network: Network
) -> None:
    async with counted(network, anvil_program, ton_sandbox) as chain:
        reader = chain.world.reader()
        await chain.world.pay(Usdt.of(1))  # accounts are opened
        await chain.world.settle()
        cursor = await drained(reader, await reader.start())
        await chain.world.settle()
        cursor = await drained(reader, cursor)

        chain.calls.clear()
        for happen in chain.rounds:
            await happen()
            cursor = await drained(reader, cursor)
        idle = len(chain.calls)

        async def asked(*amounts: int) -> int:
            nonlocal cursor
            for amount in amounts:
                await chain.world.pay(Usdt.of(amount))
            await chain.world.settle()
            chain.calls.clear()
            cursor = await drained(reader, cursor)
            return len(chain.calls)

        each = await asked(1, 2, 3) - await asked(1, 2) if network is not Network.TRON else 0
        assert (idle * POLLS_A_DAY // len(chain.rounds), each) == told(network)
