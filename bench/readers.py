"""What each reader costs: a backlog beside the same answers fetched raw, an idle poll, an hour of polls."""

from __future__ import annotations

import asyncio
import gc
import json
import resource
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import attrs
from aiohttp import ClientSession
from rich.console import Console
from rich.table import Table

from ytmarket.adapters.chains.evm.chains import CHAINS
from ytmarket.application.ports.chain_reader import ChainReader, Cursor
from ytmarket.domain.money import Usdt
from ytmarket.domain.networks import Network
from ytmarket.testing.chains.anvil import find_anvil
from ytmarket.testing.chains.evm import new_evm_world
from ytmarket.testing.chains.faulty_node import Call, Reply
from ytmarket.testing.chains.solana import new_solana_world
from ytmarket.testing.chains.ton_sandbox import find_sandbox, running_sandbox
from ytmarket.testing.chains.tron import new_tron_world

ROOT = Path(__file__).resolve().parents[1]
IDLE_POLLS = 300
HOUR_POLLS = 2_000
"""An hour of them is 720; each finds a block that is new."""

WARM_POLLS = 300
PAGE_BYTES = resource.getpagesize()

Ask = Callable[[], Awaitable[object]]


class Missing(Exception):
    """A network cannot be measured here; the message says what would have to be installed."""


@attrs.frozen(kw_only=True)
class Bench:
    """One network, ready to be read."""

    network: Network
    deposits: int
    reader: Callable[[], ChainReader]
    """Asks the node without a hop."""

    observed: Callable[[], ChainReader]
    """Asks through a hop that remembers the requests."""

    write: Callable[[], Awaitable[None]]
    advance: Callable[[], Awaitable[None]]
    """One block more, in which nothing was sent to us."""

    requests: list[Ask]
    """What was asked through the hop, ready to be asked again."""


@attrs.frozen(kw_only=True)
class Figures:
    """What was measured; rates a second, costs a poll."""

    ours: float
    raw: float
    requests: float
    idle_ms: float
    before_mib: float
    after_mib: float


async def drained(reader: ChainReader, cursor: Cursor) -> tuple[int, Cursor]:
    """How many deposits there are behind the cursor, and where they end."""
    count, more = 0, True
    while more:
        page = await reader.read(cursor)
        count, cursor, more = count + len(page.deposits), page.cursor, page.more
    return count, cursor


async def measure(bench: Bench) -> Figures:
    """All of it, one after the other."""
    observed, reader = bench.observed(), bench.reader()
    start = await reader.start()
    await drained(observed, start)  # connected and checked
    await bench.write()
    bench.requests.clear()
    await drained(observed, start)
    asked = list(bench.requests)
    await drained(reader, start)

    begun = time.perf_counter()
    count, end = await drained(reader, start)
    ours = count / (time.perf_counter() - begun)
    if count != bench.deposits:
        raise SystemExit(f"{bench.network}: {count} deposits were read, and {bench.deposits} sent")
    begun = time.perf_counter()
    for ask in asked:
        await ask()
    raw = count / (time.perf_counter() - begun)

    bench.requests.clear()
    for _ in range(10):
        await observed.read(end)
    requests = len(bench.requests) / 10
    begun = time.perf_counter()
    for _ in range(IDLE_POLLS):
        await reader.read(end)
    idle_ms = (time.perf_counter() - begun) / IDLE_POLLS * 1000

    before, end = await polled(bench, reader, end, WARM_POLLS)
    after, end = await polled(bench, reader, end, HOUR_POLLS)
    return Figures(ours=ours, raw=raw, requests=requests, idle_ms=idle_ms, before_mib=before, after_mib=after)


async def polled(bench: Bench, reader: ChainReader, cursor: Cursor, polls: int) -> tuple[float, Cursor]:
    """The memory of this process after so many polls of a chain that goes on."""
    for _ in range(polls):
        await bench.advance()
        cursor = (await reader.read(cursor)).cursor
    gc.collect()
    return resident_mib(), cursor


def resident_mib() -> float:
    """The memory that this process occupies now."""
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * PAGE_BYTES / 2**20


def posting(session: ClientSession, url: str, body: bytes) -> Ask:
    """A request that can be made whenever it is wanted."""

    async def ask() -> bytes:
        async with session.post(url, data=body, headers={"Content-Type": "application/json"}) as answer:
            return await answer.read()

    return ask


def recording(requests: list[Ask], session: ClientSession, url: str) -> Callable[[bytes], None]:
    """For a hop: remembers each request as one that can be made again."""

    def respond(body: bytes) -> None:
        requests.append(posting(session, url, body))

    return respond


@asynccontextmanager
async def evm(network: Network, stack: AsyncExitStack, session: ClientSession) -> AsyncIterator[Bench]:
    """200 blocks, each with a transaction of a hundred transfers."""
    blocks, transfers = 200, 100
    world = await stack.enter_async_context(new_evm_world(anvil(), CHAINS[network]))
    await world.settle()
    requests: list[Ask] = []
    world.node.respond = recording(requests, session, world.anvil.url)

    async def write() -> None:
        for _ in range(blocks):
            await world.drip(transfers)
        await world.settle()

    yield Bench(
        network=network,
        deposits=blocks * transfers,
        reader=lambda: world.reader_of(world.anvil.url),
        observed=world.reader,
        write=write,
        advance=lambda: world.anvil.mine(1),
        requests=requests,
    )


@asynccontextmanager
async def tron(_: Network, stack: AsyncExitStack, session: ClientSession) -> AsyncIterator[Bench]:
    """100 blocks, each with a transaction of twenty transfers."""
    blocks, transfers = 100, 20
    world = await stack.enter_async_context(new_tron_world(anvil()))
    requests: list[Ask] = []

    def edit(call: Call, reply: Reply) -> Reply:
        body = {name: value for name, value in call.items() if name != "method"}
        url = f"{world.tron.url.rstrip('/')}/{call['method']}"
        requests.append(posting(session, url, json.dumps(body).encode()))
        return reply

    world.node.edit = edit

    async def write() -> None:
        for _ in range(blocks):
            await world.drip(transfers)
        await world.settle()

    yield Bench(
        network=Network.TRON,
        deposits=blocks * transfers,
        reader=lambda: world.reader_of(world.tron.url),
        observed=world.reader,
        write=write,
        advance=lambda: world.anvil.mine(1),
        requests=requests,
    )


@asynccontextmanager
async def solana(_: Network, stack: AsyncExitStack, session: ClientSession) -> AsyncIterator[Bench]:
    """A thousand transactions, each a deposit."""
    payments = 1_000
    world = await stack.enter_async_context(new_solana_world())
    requests: list[Ask] = []
    world.node.respond = recording(requests, session, world.url)

    async def write() -> None:
        for number in range(payments):
            await world.pay(Usdt.cents(100 + number))
        await world.settle()

    async def advance() -> None:
        world.ledger.pass_slots(1)

    yield Bench(
        network=Network.SOLANA,
        deposits=payments,
        reader=lambda: world.reader_of(world.url),
        observed=world.reader,
        write=write,
        advance=advance,
        requests=requests,
    )


@asynccontextmanager
async def ton(_: Network, stack: AsyncExitStack, _session: ClientSession) -> AsyncIterator[Bench]:
    """Five hundred transactions, each a deposit. Raw is asked without pytonlib, and without its parsing."""
    payments = 500
    try:
        from ytmarket.testing.chains.ton import SPARE_PORT, new_ton_world  # noqa: PLC0415 - it may be missing
    except ImportError:
        raise Missing("TON's reader is missing, which needs a C compiler: make setup CHAINS=1") from None
    folder = find_sandbox(ROOT)
    if folder is None:
        raise Missing("TON's sandbox is missing: npm install --prefix tests/node")
    sandbox = stack.enter_context(running_sandbox(folder))
    world = await stack.enter_async_context(new_ton_world(sandbox))
    requests: list[Ask] = []

    def edit(query: dict[str, Any], answer: dict[str, Any]) -> dict[str, Any]:
        requests.append(lambda: sandbox.answer(query))
        return answer

    world.wire.edit = edit

    async def write() -> None:
        for number in range(payments):
            await world.pay(Usdt.cents(100 + number))
        await world.settle()

    yield Bench(
        network=Network.TON,
        deposits=payments,
        reader=lambda: world.reader_of(world.config(SPARE_PORT)),
        observed=world.reader,
        write=write,
        advance=world.settle,
        requests=requests,
    )


def anvil() -> Path:
    """Where the EVM networks and TRON are executed."""
    program = find_anvil(ROOT)
    if program is None:
        raise Missing("anvil is missing: npm install --prefix tests/node")
    return program


NETWORKS = [
    (evm, Network.POLYGON),  # BSC and Arbitrum are read by the same reader
    (tron, Network.TRON),
    (solana, Network.SOLANA),
    (ton, Network.TON),
]


async def run() -> tuple[Table, list[str]]:
    """Every network in turn, each on a chain of its own: the table, and the ratios in words."""
    columns = ["network", "deposits a second", "raw", "of raw", "idle poll: requests", "ms"]
    table, ratios = Table(*columns, "MiB before", "after an hour", "of before"), []
    for opening, network in NETWORKS:
        async with AsyncExitStack() as stack:
            session = await stack.enter_async_context(ClientSession())
            try:
                bench = await stack.enter_async_context(opening(network, stack, session))
            except Missing as lack:
                ratios.append(f"{network} was left out: {lack}")
                continue
            found = await measure(bench)
        table.add_row(
            network,
            f"{found.ours:,.0f}",
            f"{found.raw:,.0f}",
            f"{found.ours / found.raw:.2f}",
            f"{found.requests:.1f}",
            f"{found.idle_ms:.1f}",
            f"{found.before_mib:.0f}",
            f"{found.after_mib:.0f}",
            f"{found.after_mib / found.before_mib:.2f}",
        )
        ratios += [
            f"{network}: deposits read a second / the same answers fetched raw: {found.ours / found.raw:.2f}",
            f"{network}: memory after an hour of polls / before: {found.after_mib / found.before_mib:.2f}",
        ]
    return table, ratios


def main() -> None:
    """Print the table and the ratios."""
    table, ratios = asyncio.run(run())
    Console(width=140).print(table)
    print(*ratios, sep="\n")


if __name__ == "__main__":
    main()
