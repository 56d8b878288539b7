"""A flood of transfers, outages of days, scanners killed anywhere: nothing is missed or read twice."""

from __future__ import annotations

import asyncio
import random
import sys
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from pathlib import Path

import attrs
import psycopg
import pytest
from hypothesis import settings

from tests.acceptance.server import environment
from tests.chains.flood import Flood
from tests.chains.optional import require

require("web3", "evm")

from ytmarket.adapters.chains.evm.chains import CHAINS
from ytmarket.adapters.chains.evm.reader import EvmReader
from ytmarket.adapters.postgres.database import PostgresDatabase
from ytmarket.adapters.postgres.migrate import migrate
from ytmarket.application.deposits import ScanService
from ytmarket.application.errors import ApplicationError
from ytmarket.application.ports.chain_reader import ReaderError
from ytmarket.domain.networks import Network
from ytmarket.testing.chains.evm import TOKEN, EvmWorld, new_evm_world
from ytmarket.testing.chains.faults import Fault
from ytmarket.testing.chains.faulty_node import Call, Reply
from ytmarket.testing.postgres import TemporaryPostgres

TRANSFERS, PROCESS_KILLS, SEEDS = {
    "quick": (20_000, 1, 1),
    "ci": (200_000, 2, 1),
    "thorough": (200_000, 10, 5),
}[settings.get_current_profile_name()]
PAGE_MAX = 10_000
EACH_MIN = 3
"""How often at least everything happens that may befall a scanner."""

KEPT = "select raw, count(*) from deposit where network = %s group by raw"

pytestmark = pytest.mark.anyio


@attrs.define
class Ordeal:
    """A scanner that is killed and started again, on a node that comes and goes."""

    flood: Flood
    dsn: str
    folder: Path
    scan: ScanService
    chance: random.Random
    happened: Counter[str] = attrs.field(factory=Counter)

    @property
    def world(self) -> EvmWorld:
        return self.flood.world

    def page_limit(self) -> int:
        """From 1 to 10,000 blocks, each order of magnitude as often."""
        return int(PAGE_MAX ** self.chance.random())

    def reader(self, *, span: int = PAGE_MAX) -> EvmReader:
        """One that is patient: this machine may be busy."""
        world = self.world
        return EvmReader.connect(
            world.chain, world.wallet, [world.node.url], world.clock, calls_per_second=10**6, span=span
        )

    async def go(self) -> None:
        """Read, or try to."""
        # Each time as a new process would, with another limit of its own and of the node's.
        limit = self.page_limit()
        self.world.node.edit = refusing_more_than(limit)
        reader = self.reader(span=self.page_limit())
        happens: list[Callable[[Awaitable[int]], Awaitable[None]]] = [
            self.undisturbed,
            self.killed_between_requests,
            self.killed_at_some_moment,
            self.cut_off_from_the_node,
        ]
        await self.chance.choice(happens)(self.scan.scan(reader))
        self.world.node.edit = self.world.node.before = None
        await reader.close()

    async def undisturbed(self, scan: Awaitable[int]) -> None:
        await scan
        self.happened["whole scans"] += 1

    async def killed_between_requests(self, scan: Awaitable[int]) -> None:
        task, requests = asyncio.ensure_future(scan), self.chance.randint(0, 12)

        async def before() -> None:
            nonlocal requests
            requests -= 1
            if requests < 0:
                task.cancel()

        self.world.node.before = before
        await self.end(task)

    async def killed_at_some_moment(self, scan: Awaitable[int]) -> None:
        task = asyncio.ensure_future(scan)
        await asyncio.wait([task], timeout=self.chance.random() ** 3 / 2)
        task.cancel()
        await self.end(task)

    async def end(self, task: asyncio.Future[int]) -> None:
        with suppress(ReaderError, ApplicationError):
            try:
                await task
            except asyncio.CancelledError:
                self.happened["kills"] += 1

    async def cut_off_from_the_node(self, scan: Awaitable[int]) -> None:
        """The chain goes on without us, for up to two days."""
        with self.world.node.having(Fault.HANGS_UP):
            with pytest.raises(ReaderError):
                await scan
            for _ in range(self.chance.choice([0, 1, 2, 12])):
                await self.flood.write()
                await self.flood.pass_time()
        self.happened["outages"] += 1

    async def kill_a_process(self) -> None:
        """A worker as an operator runs it, killed when it has been reading for a moment."""
        shop = {
            "YTMARKET_DATABASE_URL": self.dsn,
            "YTMARKET_EVM_WALLET": self.world.wallet,
            "YTMARKET_POLYGON_RPC": self.world.node.url,
            "YTMARKET_SCAN_SECONDS": "0.05",
        }
        self.world.node.edit = refusing_more_than(self.chance.randint(1, 5))
        calls = len(self.world.node.calls)
        with (self.folder / "worker.log").open("wb") as log:
            process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "ytmarket.entrypoints", "worker"),
                *("--data-dir", str(self.folder)),
                env=environment(shop),
                stderr=log,
            )
        for _ in range(3_000):
            if len(self.world.node.calls) > calls + 20 or process.returncode is not None:
                break
            await asyncio.sleep(0.01)
        await asyncio.sleep(self.chance.random() / 2)
        assert process.returncode is None, (self.folder / "worker.log").read_text()
        process.kill()
        await process.wait()
        self.world.node.edit = None
        self.happened["processes killed"] += 1


def refusing_more_than(blocks: int) -> Callable[[Call, Reply], Reply]:
    """A node that answers for so many blocks at once."""

    def edit(call: Call, reply: Reply) -> Reply:
        if call["method"] == "eth_getLogs":
            wanted = call["params"][0]
            if int(wanted["toBlock"], 16) - int(wanted["fromBlock"], 16) >= blocks:
                words = f"exceed maximum block range: {blocks}"
                return {"jsonrpc": "2.0", "id": call["id"], "error": {"code": -32602, "message": words}}
        return reply

    return edit


@asynccontextmanager
async def ordeal_of(program: Path, dsn: str, folder: Path, seed: int) -> AsyncIterator[Ordeal]:
    chance = random.Random(seed)
    async with AsyncExitStack() as stack:
        world = await stack.enter_async_context(new_evm_world(program, CHAINS[Network.POLYGON]))
        store = await PostgresDatabase.open(dsn)
        stack.push_async_callback(store.close)
        scan = ScanService(new_unit_of_work=store.unit_of_work, clock=world.clock)
        await scan.scan(world.reader())
        yield Ordeal(Flood(world, chance), dsn, folder, scan, chance)


async def kept_in(dsn: str) -> Counter[int]:
    async with await psycopg.AsyncConnection.connect(dsn) as connection:
        rows = await (await connection.execute(KEPT, (str(Network.POLYGON),))).fetchall()
    return Counter({int(raw): int(times) for raw, times in rows})


@pytest.fixture(scope="module")
def database() -> Iterator[tuple[TemporaryPostgres, str]]:
    with TemporaryPostgres() as server:
        dsn = server.new_database()
        migrate(dsn)
        yield server, dsn


@pytest.mark.parametrize("seed", range(SEEDS))
async def test_every_transfer_is_kept_once_whatever_befalls_the_scanner(
    anvil_program: Path, database: tuple[TemporaryPostgres, str], tmp_path: Path, seed: int
) -> None:
    server, template = database
    dsn = server.new_database(template)
    async with ordeal_of(anvil_program, dsn, tmp_path, seed) as ordeal:
        flood, world = ordeal.flood, ordeal.world
        while flood.written < TRANSFERS:
            await flood.write()
            killed = ordeal.happened["processes killed"]
            if killed < PROCESS_KILLS and killed * TRANSFERS <= flood.written * PROCESS_KILLS:
                await ordeal.kill_a_process()
            await ordeal.go()
        await world.settle()
        last = ordeal.reader()
        await ordeal.scan.scan(last)
        await last.close()

        kept = await kept_in(dsn)
        assert sum(kept.values()) == sum(flood.sent.values())
        assert kept == flood.sent
        assert sum(raw * times for raw, times in kept.items()) == await balance(world)
        assert ordeal.happened["processes killed"] == PROCESS_KILLS
        assert min(ordeal.happened[kind] for kind in ("whole scans", "outages", "kills")) >= EACH_MIN
        print(f"{flood.written} transfers, {sum(kept.values())} to the wallet, {dict(ordeal.happened)}")


async def balance(world: EvmWorld) -> int:
    """What the token's contract says that the wallet holds."""
    call = {"to": world.chain.token, "data": TOKEN.call("balanceOf", world.wallet)}
    return int(await world.anvil.call("eth_call", call, "latest"), 16)
