"""Readers that do as they are told, and a shop in memory that reads through them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Final

import attrs

from tests.http.shop import World
from ytmarket.adapters.inmemory.leadership import InMemoryLeadership
from ytmarket.application.ports.chain_reader import ChainGap, ChainReader, Cursor, Page
from ytmarket.application.ports.devnet import DevnetTransfer
from ytmarket.application.ports.networks import NetworkState
from ytmarket.application.ports.queries import Queries
from ytmarket.domain.alarms import AlarmKind
from ytmarket.domain.deposits import DepositRecord
from ytmarket.domain.money import Usdt
from ytmarket.domain.networks import Network
from ytmarket.entrypoints.scanner import Scanner

PATIENCE_SECONDS: Final = 30.0
MOMENT: Final = timedelta(milliseconds=1)

Trouble = Exception | type[Exception]


@attrs.define(kw_only=True)
class ScriptedReader:
    """Reads devnet, but for the troubles that it is given: it raises the first of them while there is one."""

    inner: ChainReader
    troubles: list[Trouble] = attrs.field(factory=list)
    cursor_troubles: list[Trouble] = attrs.field(factory=list)
    forgotten: set[int] = attrs.field(factory=set)  # heights
    hangs: bool = False
    waits: int = 0  # so many pages hold something back
    waits_from: int = 1  # the height of that
    asked: int = 0
    asking: int = 0
    asking_max: int = 0

    @property
    def network(self) -> Network:
        return self.inner.network

    @property
    def wallet(self) -> str:
        return self.inner.wallet

    async def start(self) -> Cursor:
        await self._suffer()
        return Cursor("0")

    async def read(self, cursor: Cursor) -> Page:
        await self._suffer()
        page = await self.inner.read(cursor)
        waits, self.waits = self.waits > 0, max(0, self.waits - 1)
        return attrs.evolve(page, waits_from=self.waits_from if waits else None)

    async def cursor_at(self, height: int) -> Cursor:
        await self._suffer()
        if self.cursor_troubles:
            raise self.cursor_troubles[0]
        if height in self.forgotten:
            raise ChainGap(f"{height} is gone")
        return await self.inner.cursor_at(height)

    async def close(self) -> None:
        await self.inner.close()

    async def _suffer(self) -> None:
        self.asked += 1
        self.asking += 1
        self.asking_max = max(self.asking, self.asking_max)
        try:
            await asyncio.sleep(0)
            if self.hangs:
                await asyncio.Event().wait()
            if self.troubles:
                raise self.troubles[0]
        finally:
            self.asking -= 1


def scripted(world: World, network: Network, *troubles: Trouble, hangs: bool = False) -> ScriptedReader:
    return ScriptedReader(inner=world.devnet.reader(network), troubles=list(troubles), hangs=hangs)


def scanner_of(world: World, reader: ChainReader, leadership: InMemoryLeadership | None = None) -> Scanner:
    return Scanner(
        reader=reader,
        services=world.services,
        leadership=leadership or InMemoryLeadership(),
        pause=MOMENT,
    )


@asynccontextmanager
async def running(*scanners: Scanner) -> AsyncIterator[list[asyncio.Task[None]]]:
    """Scanners at work inside the block."""
    tasks = [asyncio.create_task(scanner.run()) for scanner in scanners]
    try:
        yield tasks
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def until(is_so: Callable[[], bool]) -> None:
    async with asyncio.timeout(PATIENCE_SECONDS):
        while not is_so():  # noqa: ASYNC110 - what is waited for has no event
            await asyncio.sleep(0.005)


async def pay(world: World, network: Network, amount: str) -> str:
    return await world.devnet.send(DevnetTransfer(network=network, amount=Usdt.of(amount), sender="somebody"))


async def seen(queries: Queries, tx_hash: str) -> DepositRecord:
    """The deposit, as soon as it has been read."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        while not (found := await queries.deposits_by_hash(tx_hash)):  # noqa: ASYNC110 - as above
            await asyncio.sleep(0.005)
    return found[0]


async def state_of(queries: Queries, network: Network) -> NetworkState:
    (state,) = [state for state in await queries.network_states() if state.network is network]
    return state


async def is_ringing(queries: Queries, network: Network) -> bool:
    """Whether the alarm rings that this network is not read."""
    alarms = [rung.alarm for rung in await queries.alarms()]
    return any((a.kind, a.subject) == (AlarmKind.NETWORK_STOPPED, network.value) for a in alarms)
