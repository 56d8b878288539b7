"""The shop's store in memory: units of work that take turns, and questions beside them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Final

from ytmarket.adapters.inmemory.books import InMemoryBooks
from ytmarket.adapters.inmemory.queries import InMemoryQueries
from ytmarket.adapters.inmemory.state import State
from ytmarket.adapters.inmemory.unit_of_work import InMemoryUnitOfWork
from ytmarket.application.errors import OutcomeUnknown, Unavailable

WAIT_MAX: Final = timedelta(seconds=5)


class InMemoryDatabase:
    """One shop's store. Everything is lost with the process.

    Units of work run one after the other, so each has locked everything; whoever waits longer than
    `wait_max` for its turn gets Unavailable. Questions are answered at once, from what has been
    committed.
    """

    def __init__(self, *, wait_max: timedelta = WAIT_MAX) -> None:
        self._state = State()
        self._turn = asyncio.Lock()
        self._holder: asyncio.Task[object] | None = None
        self._wait_seconds_max = wait_max.total_seconds()
        self.is_down = False
        """Set it to rehearse what happens while the store does not answer."""
        self.queries = InMemoryQueries(self._state, self._check_up)
        self.books = InMemoryBooks(self._state)

    @asynccontextmanager
    async def unit_of_work(self) -> AsyncIterator[InMemoryUnitOfWork]:
        """The `NewUnitOfWork` of this store."""
        self._check_up()
        await self._take_turn()
        try:
            yield InMemoryUnitOfWork(self._state, self._commit)
        finally:
            self._state.journal.roll_back()
            self._holder = None
            self._turn.release()

    async def _take_turn(self) -> None:
        task = asyncio.current_task()
        if self._holder is not None and self._holder is task:
            raise RuntimeError("this task has a unit of work open already; it would wait for itself for ever")
        try:
            async with asyncio.timeout(self._wait_seconds_max):
                await self._turn.acquire()
        except TimeoutError:
            raise Unavailable("another unit of work has not ended") from None
        self._holder = task

    def _check_up(self) -> None:
        if self.is_down:
            raise Unavailable("the store in memory was switched off")

    def _commit(self) -> None:
        if self.is_down:
            raise OutcomeUnknown("the store in memory was switched off meanwhile")
        self._state.journal.keep()
