"""Serving many askers with one question: whatever gathers while one batch is served is the next."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Hashable, Mapping, Sequence
from typing import Final, Generic, TypeVar

from ytmarket.application.errors import Unavailable

TURN_SECONDS: Final = 2.0
"""How long a question waits for its batch to begin."""

Q = TypeVar("Q")
A = TypeVar("A")
K = TypeVar("K", bound=Hashable)


class Batcher(Generic[Q, A]):
    """Serves questions in batches, one batch at a time, without ever waiting for one to fill.

    *serve* answers each question of a batch, in order; an exception as an answer is raised to its
    asker alone, an exception raised by *serve* to all of the batch.

    Whoever has gone before its batch begins is not served; whoever has waited for *turn_seconds* is
    told so, and not served either.
    """

    def __init__(
        self,
        serve: Callable[[Sequence[Q]], Awaitable[Sequence[A | BaseException]]],
        *,
        limit: int,
        turn_seconds: float = TURN_SECONDS,
    ) -> None:
        self._serve = serve
        self._limit = limit
        self._turn_seconds = turn_seconds
        self._waiting: deque[tuple[float, Q, asyncio.Future[A]]] = deque()
        self._running: asyncio.Task[None] | None = None
        self._watch: asyncio.TimerHandle | None = None

    async def ask(self, question: Q) -> A:
        """The answer to one question. Raises `Unavailable` when its turn does not come in time."""
        loop = asyncio.get_running_loop()
        future: asyncio.Future[A] = loop.create_future()
        self._waiting.append((loop.time() + self._turn_seconds, question, future))
        if self._running is None:
            self._running = asyncio.create_task(self._run())
        elif self._watch is None:
            self._watch = loop.call_at(self._waiting[0][0], self._end_waits)
        return await future

    async def _run(self) -> None:
        try:
            while batch := self._next_batch():
                await self._serve_batch(batch)
        finally:
            self._running = None

    def _next_batch(self) -> list[tuple[Q, asyncio.Future[A]]]:
        batch: list[tuple[Q, asyncio.Future[A]]] = []
        while self._waiting and len(batch) < self._limit:
            _, question, future = self._waiting.popleft()
            if not future.done():
                batch.append((question, future))
        return batch

    def _end_waits(self) -> None:
        """Tell those whose time is up, and look again when the next one's will be."""
        loop = asyncio.get_running_loop()
        self._watch = None
        while self._waiting and self._waiting[0][0] <= loop.time():
            _, _, future = self._waiting.popleft()
            if not future.done():
                future.set_exception(Unavailable("too many are waiting"))
        if self._waiting:
            self._watch = loop.call_at(self._waiting[0][0], self._end_waits)

    async def _serve_batch(self, batch: list[tuple[Q, asyncio.Future[A]]]) -> None:
        try:
            answers = await self._serve([question for question, _ in batch])
        except Exception as trouble:  # noqa: BLE001 - it is the askers' to handle, each of them
            for _, future in batch:
                if not future.done():
                    future.set_exception(trouble)
            return
        except BaseException:
            for _, future in batch:
                future.cancel()
            raise
        for (_, future), answer in zip(batch, answers, strict=True):
            if future.done():
                continue
            if isinstance(answer, BaseException):
                future.set_exception(answer)
            else:
                future.set_result(answer)


def lookups(
    fetch: Callable[[Sequence[K]], Awaitable[Mapping[K, A]]], *, limit: int = 512
) -> Batcher[K, A | None]:
    """Batch look-ups by key: equal keys in a batch are fetched once; None where nothing is found."""

    async def serve(keys: Sequence[K]) -> Sequence[A | BaseException | None]:
        found = await fetch(list(dict.fromkeys(keys)))
        return [found.get(key) for key in keys]

    return Batcher(serve, limit=limit)
