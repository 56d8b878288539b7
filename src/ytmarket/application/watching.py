"""How the shop fares, for whoever watches it: asked once every few seconds, however many watch."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Final

import attrs

from ytmarket.application.errors import Unavailable
from ytmarket.application.ports.clock import Clock
from ytmarket.application.ports.heartbeats import Heartbeat
from ytmarket.application.ports.networks import NetworkState
from ytmarket.application.ports.queries import Queries
from ytmarket.application.ports.unit_of_work import NewUnitOfWork
from ytmarket.application.ports.watching import ShopFigures
from ytmarket.domain.alarms import RungAlarm

FRESH_SECONDS: Final = 5.0
SHARE: Final = 20
"""Of the time between two questions at most one part in so many is spent on answering them."""

SETTLED_AFTER: Final = timedelta(minutes=2)
"""No unit of work that tells of an order lasts so long."""

SILENT_AFTER: Final = timedelta(minutes=1)
"""A process that has not been heard of for so long has ended, or cannot write."""

FOLD_LIMIT: Final = 50_000
WEBHOOKS: Final = "webhooks"

Facts = Mapping[str, Mapping[str, int]]


@attrs.frozen(kw_only=True)
class ShopState:
    """All that is told of a shop, from about the same moment."""

    at: datetime
    figures: ShopFigures
    networks: Sequence[NetworkState]
    alarms: Sequence[RungAlarm]
    books_checked_at: datetime | None
    heartbeats: Sequence[Heartbeat]

    def alive(self) -> Mapping[str, int]:
        """How many processes of each role have been heard of lately."""
        return Counter(beat.role for beat in self.heartbeats if self.at - beat.seen_at < SILENT_AFTER)


class WatchService:
    """*webhooks* counts, for this process, what becomes of attempts; *pools* tells of its connections.

    *store* says in words what the store is.
    """

    def __init__(
        self,
        new_unit_of_work: NewUnitOfWork,
        queries: Queries,
        clock: Clock,
        *,
        webhooks: Counter[str],
        pools: Callable[[], Facts],
        store: str,
    ) -> None:
        self._new_unit_of_work = new_unit_of_work
        self._queries = queries
        self._clock = clock
        self._webhooks = webhooks
        self.pools = pools
        self.store = store
        self._state: ShopState | None = None
        self._fresh_until = 0.0
        self._asking: asyncio.Task[ShopState] | None = None

    async def state(self) -> ShopState:
        """As it was a few seconds ago at most. Raises `Unavailable`."""
        if self._state is not None and asyncio.get_running_loop().time() < self._fresh_until:
            return self._state
        if self._asking is None:
            self._asking = asyncio.create_task(self._ask(), name="ask how the shop fares")
            self._asking.add_done_callback(self._asked)
        return await asyncio.shield(self._asking)

    async def count(self) -> bool:
        """Write down what was counted here, and put old events into the count; whether more are left."""
        fresh = +self._webhooks  # without zeros
        async with self._new_unit_of_work() as uow:
            if fresh:
                await uow.tallies.add(WEBHOOKS, fresh)
            folded = await uow.tallies.fold_events(self._clock.now() - SETTLED_AFTER, limit=FOLD_LIMIT)
            await uow.commit()
            self._webhooks.subtract(fresh)
        return folded == FOLD_LIMIT

    async def close(self) -> None:
        """Write down what was counted since; a store that does not answer loses it."""
        if +self._webhooks:
            with suppress(Unavailable):
                await self.count()

    async def _ask(self) -> ShopState:
        loop = asyncio.get_running_loop()
        begun = loop.time()
        now = self._clock.now()
        state = ShopState(
            at=now,
            figures=await self._queries.figures(now),
            networks=await self._queries.network_states(),
            alarms=await self._queries.alarms(),
            books_checked_at=await self._queries.books_checked_at(),
            heartbeats=await self._queries.heartbeats(),
        )
        took = loop.time() - begun
        self._state, self._fresh_until = state, loop.time() + max(FRESH_SECONDS, SHARE * took)
        return state

    def _asked(self, task: asyncio.Task[ShopState]) -> None:
        self._asking = None
        if not task.cancelled():
            task.exception()  # whoever waits for it is told; nobody may be waiting any more
