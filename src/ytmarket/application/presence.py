"""A process says that it is there, and finds out whether the shop can be worked on."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Final, TypeAlias

import attrs

from ytmarket.application.errors import Unavailable
from ytmarket.application.ports.clock import Clock
from ytmarket.application.ports.heartbeats import Heartbeat
from ytmarket.application.ports.tokens import Tokens
from ytmarket.application.ports.unit_of_work import NewUnitOfWork

FORGOTTEN_AFTER: Final = timedelta(days=1)
ANSWER_SECONDS: Final = 2.0
FRESH_SECONDS: Final = 1.0

Probe: TypeAlias = Callable[[], Awaitable[object]]
"""Asks something behind the shop to do its work once; raises where it does not."""


@attrs.frozen(kw_only=True)
class Identity:
    """What this process is, for whoever looks after it."""

    role: str = "embedded"
    host: str = "-"
    pid: int = 0
    version: str = "-"


@attrs.define(kw_only=True)
class Presence:
    """This process's line in the list of those that work on the shop."""

    new_unit_of_work: NewUnitOfWork
    clock: Clock
    tokens: Tokens
    identity: Identity
    _process: str | None = attrs.field(default=None, init=False)
    _started_at: datetime | None = attrs.field(default=None, init=False)

    async def beat(self) -> None:
        """Write that we are here: it proves that what is written is kept. Raises `Unavailable`."""
        now = self.clock.now()
        self._process = self._process or self.tokens.lease()
        self._started_at = self._started_at or now
        beat = Heartbeat(
            process=self._process,
            started_at=self._started_at,
            seen_at=now,
            **attrs.asdict(self.identity),
        )
        async with self.new_unit_of_work() as uow:
            await uow.heartbeats.beat(beat)
            await uow.commit()

    async def forget_silent(self) -> int:
        """Strike those from the list that ended without a word a day ago; how many."""
        async with self.new_unit_of_work() as uow:
            count = await uow.heartbeats.forget(self.clock.now() - FORGOTTEN_AFTER)
            await uow.commit()
        return count

    async def leave(self) -> None:
        """Strike ourselves from the list. A store that does not answer will forget us by itself."""
        if self._process is None:
            return
        with suppress(Unavailable):
            async with self.new_unit_of_work() as uow:
                await uow.heartbeats.leave(self._process)
                await uow.commit()


class Readiness:
    """Whether everything behind the shop does its work, asked once a second at most.

    However many ask, one asks for all; what hangs is not asked again before it has ended.
    """

    def __init__(self, probes: Mapping[str, Probe], *, answer_seconds: float = ANSWER_SECONDS) -> None:
        self._probes = dict(probes)
        self._answer_seconds = answer_seconds
        self._under_way: dict[str, asyncio.Task[object]] = {}
        self._asking: asyncio.Task[None] | None = None
        self._fresh_until = 0.0
        self._missing: tuple[str, ...] = ()

    async def missing(self) -> Sequence[str]:
        """The names of what does not answer, or answers that it cannot."""
        if self._asking is None and asyncio.get_running_loop().time() >= self._fresh_until:
            self._asking = asyncio.create_task(self._ask(), name="ask whether the shop is ready")
        if self._asking is not None:
            await asyncio.shield(self._asking)
        return self._missing

    async def _ask(self) -> None:
        try:
            hanging = {name for name, task in self._under_way.items() if not task.done()}
            for name in self._probes.keys() - hanging:
                self._under_way[name] = asyncio.create_task(_run(self._probes[name]))
            await asyncio.wait(self._under_way.values(), timeout=self._answer_seconds)
            self._missing = tuple(name for name, task in self._under_way.items() if not _went_well(task))
        finally:
            self._fresh_until = asyncio.get_running_loop().time() + FRESH_SECONDS
            self._asking = None


async def _run(probe: Probe) -> object:
    return await probe()


def _went_well(task: asyncio.Task[object]) -> bool:
    if not task.done():
        task.cancel()
        return False
    return not task.cancelled() and task.exception() is None
