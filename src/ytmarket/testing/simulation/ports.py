"""Ports that take time and fail, as often as chance has it."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager

import attrs

from ytmarket.adapters.inmemory import DevnetReader, InMemoryDatabase, InMemoryUnitOfWork
from ytmarket.adapters.inmemory.state import State
from ytmarket.application.errors import OutcomeUnknown, Unavailable
from ytmarket.application.ports.chain_reader import (
    ChainBehind,
    ChainRateLimited,
    ChainUnavailable,
    Cursor,
    Page,
)
from ytmarket.application.ports.supplier import (
    CannotDeliver,
    Delivered,
    DeliveredSome,
    Fulfilment,
    NotYet,
)
from ytmarket.domain.ids import EventId, OrderId
from ytmarket.domain.networks import Network
from ytmarket.domain.orders import Order
from ytmarket.testing.simulation.history import History


@attrs.frozen(kw_only=True)
class Faults:
    """How likely each trouble is, from 0 to 1, whenever a port is used (*killed*, *outage*: per step)."""

    unavailable: float = 0.02  # the store, before anything was done
    lost: float = 0.02  # the store gave up while committing, and nothing was kept
    unheard: float = 0.02  # the store kept it, and could not say so
    reader: float = 0.1
    supplier: float = 0.1
    receiver: float = 0.2
    impatient: float = 0.05  # a client that goes before its answer comes
    killed: float = 0.05
    outage: float = 0.01


NO_FAULTS = Faults(
    unavailable=0, lost=0, unheard=0, reader=0, supplier=0, receiver=0, impatient=0, killed=0, outage=0
)


@attrs.define
class Fate:
    """Chance, shared by all: whether something fails now, and how long it takes."""

    chance: random.Random
    faults: Faults
    history: History

    def strikes(self, what: str) -> bool:
        """Whether the fault of that name happens here and now."""
        likely: float = getattr(self.faults, what)
        if self.chance.random() >= likely:
            return False
        self.history.note(f"fault:{what}")
        return True

    async def linger(self, seconds: float = 0.01) -> None:
        """Take about so long; now and then a hundred times that."""
        if self.chance.random() < 0.02:
            seconds *= 100
        await asyncio.sleep(self.chance.expovariate(1) * seconds)


class SimulatedStore(InMemoryDatabase):
    """The store in memory, with a way to it that takes time and breaks."""

    def __init__(self, fate: Fate) -> None:
        super().__init__()
        self._fate = fate

    @asynccontextmanager
    async def unit_of_work(self) -> AsyncIterator[InMemoryUnitOfWork]:
        await self._fate.linger()
        if self._fate.strikes("unavailable"):
            raise Unavailable("the connection was refused")
        async with super().unit_of_work() as uow:
            await self._fate.linger(0.001)
            yield uow
        await self._fate.linger()

    @contextmanager
    def committed(self) -> Iterator[State]:
        """What is in the store now; the block must not await."""
        with self._state.journal.hidden():
            yield self._state

    def _commit(self) -> None:
        if self._fate.strikes("lost"):
            raise OutcomeUnknown("the connection broke before the commit")
        super()._commit()
        if self._fate.strikes("unheard"):
            raise OutcomeUnknown("the connection broke after the commit")


@attrs.frozen
class SimulatedReader:
    """Devnet, over a node that has its moods."""

    _inner: DevnetReader
    _fate: Fate

    @property
    def network(self) -> Network:
        return self._inner.network

    @property
    def wallet(self) -> str:
        return self._inner.wallet

    async def start(self) -> Cursor:
        await self._call()
        return await self._inner.start()

    async def read(self, cursor: Cursor) -> Page:
        await self._call()
        page = await self._inner.read(cursor)
        await self._fate.linger(0.05)
        return page

    async def cursor_at(self, height: int) -> Cursor:
        await self._call()
        return await self._inner.cursor_at(height)

    async def close(self) -> None:
        await self._inner.close()

    async def _call(self) -> None:
        await self._fate.linger(0.05)
        if self._fate.strikes("reader"):
            trouble = (ChainUnavailable("no answer"), ChainRateLimited(retry_after=1), ChainBehind("it lags"))
            raise self._fate.chance.choice(trouble)


class SimulatedSupplier:
    """Delivers, fails, delivers a part, or has it wait; what it has promised once it keeps."""

    def __init__(self, fate: Fate) -> None:
        self._fate = fate
        self._said: dict[OrderId, Fulfilment] = {}

    async def fulfil(self, order: Order) -> Fulfilment:
        await self._fate.linger(0.1)
        if self._fate.strikes("supplier"):
            raise Unavailable("the supplier does not answer")
        said = self._said.get(order.id) or self._answer(order)
        if not isinstance(said, NotYet):
            self._said[order.id] = said
        return said

    def _answer(self, order: Order) -> Fulfilment:
        chance = self._fate.chance
        kind = chance.choices(("all", "some", "none", "later"), (60, 15, 10, 15))[0]
        if kind == "some" and order.quantity > 1:
            return DeliveredSome(chance.randrange(1, order.quantity), "there was no more")
        if kind == "none":
            return CannotDeliver("it is broken")
        return NotYet() if kind == "later" else Delivered()


class SimulatedReceivers:
    """The servers of the clients. *told* are the events that they took, in the order they came."""

    def __init__(self, fate: Fate) -> None:
        self._fate = fate
        self.told: dict[EventId, bytes] = {}

    async def post(self, url: str, body: bytes, headers: Mapping[str, str]) -> int | None:
        del url
        await self._fate.linger(0.5)
        event = EventId(headers["X-Webhook-Id"])
        if self._fate.strikes("receiver"):
            return self._fate.chance.choice((None, 500, 503, 302, 404))
        self.told.setdefault(event, body)
        return 200
