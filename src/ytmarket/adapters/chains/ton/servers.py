"""The lite servers of one configuration, of which one is kept open."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final, TypeVar

import attrs

from ytmarket.adapters.chains.ton.config import ConfigSource
from ytmarket.adapters.chains.ton.server import LiteServer, Terms
from ytmarket.application.endpoints import Endpoint, Pace
from ytmarket.application.ports.chain_reader import ReaderError
from ytmarket.application.ports.clock import Clock
from ytmarket.application.rotation import Rotation

KEPT: Final = timedelta(hours=1)
"""Lite servers come and go: a configuration is got anew when none of its own has served for so long."""

T = TypeVar("T")
Task = Callable[[LiteServer], Awaitable[T]]


@attrs.define
class Loaded:
    """A configuration's lite servers, and when one of them served last, or it was loaded."""

    rotation: Rotation[LiteServer]
    served_at: datetime
    folder: TemporaryDirectory[str]
    """Where tonlib keeps how far it has proved the chain, for all of them."""

    async def close(self) -> None:
        for server in self.rotation.nodes:
            await server.close()
        self.folder.cleanup()


class LiteServers:
    """Loads the configuration when it is first needed, and asks the first of its servers that serves."""

    def __init__(self, endpoint: Endpoint, clock: Clock, *, calls_per_second: int, terms: Terms) -> None:
        self._source = ConfigSource(endpoint, terms.timeout, clock)
        self._source.check()
        self._clock = clock
        self._calls_per_second = calls_per_second
        self._terms = terms
        self._loaded: Loaded | None = None

    async def use(self, task: Task[T]) -> T:
        """What the first one that serves answers; the whole of *task* runs on one. Raises `ReaderError`."""
        loaded = self._loaded = self._loaded or await self._load()
        try:
            answer = await loaded.rotation.use(partial(self._alone, task))
        except ReaderError:
            if self._clock.now() - loaded.served_at > KEPT:
                await self.close()
            raise
        loaded.served_at = self._clock.now()
        return answer

    async def close(self) -> None:
        loaded, self._loaded = self._loaded, None
        if loaded is not None:
            await loaded.close()

    async def _alone(self, task: Task[T], server: LiteServer) -> T:
        """A client takes two threads and more of tonlib's own, so that no other is left open."""
        others = self._loaded.rotation.nodes if self._loaded is not None else []
        for other in others:
            if other is not server:
                await other.close()
        return await task(server)

    async def _load(self) -> Loaded:
        config = await self._source.load()
        folder = TemporaryDirectory(prefix="ytmarket-ton-", ignore_cleanup_errors=True)
        servers = [
            LiteServer(
                self._source.endpoint,
                config,
                index,
                folder=Path(folder.name),
                pace=Pace(self._clock, self._calls_per_second),
                terms=self._terms,
            )
            for index in range(len(config["liteservers"]))
        ]
        return Loaded(Rotation(servers, self._clock), self._clock.now(), folder)
