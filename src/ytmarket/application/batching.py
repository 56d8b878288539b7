"""Serving many askers with one question: whatever gathers while one batch is served is the next."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Hashable, Mapping, Sequence
from typing import Generic, TypeVar

Q = TypeVar("Q")
A = TypeVar("A")
K = TypeVar("K", bound=Hashable)


class Batcher(Generic[Q, A]):
    """Serves questions in batches, one batch at a time, without ever waiting for one to fill.

    *serve* answers each question of a batch, in order; an exception as an answer is raised to its
    asker alone, an exception raised by *serve* to all of the batch.
    """

    def __init__(
        self, serve: Callable[[Sequence[Q]], Awaitable[Sequence[A | BaseException]]], *, limit: int
    ) -> None:
        self._serve = serve
        self._limit = limit
        self._waiting: deque[tuple[Q, asyncio.Future[A]]] = deque()
        self._running: asyncio.Task[None] | None = None

    async def ask(self, question: Q) -> A:
        """The answer to one question."""
        future: asyncio.Future[A] = asyncio.get_running_loop().create_future()
        self._waiting.append((question, future))
        if self._running is None:
            self._running = asyncio.create_task(self._run())
        return await future

    async def _run(self) -> None:
        try:
            while self._waiting:
                count = min(self._limit, len(self._waiting))
                await self._serve_batch([self._waiting.popleft() for _ in range(count)])
        finally:
            self._running = None

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
