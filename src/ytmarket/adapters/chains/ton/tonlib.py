"""TON's own client library, which asks lite servers and believes only what they prove."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

import attrs
from pytonlib import TonlibClient

from ytmarket.adapters.chains.ton.config import Config

THREADS: Final = 2  # one waits for answers all the time, one sends


@attrs.frozen
class OwnThreads:
    """The event loop, but what blocks runs on threads of its own.

    pytonlib would keep one of the loop's few for ever, for each client.
    """

    _loop: asyncio.AbstractEventLoop
    _threads: ThreadPoolExecutor

    def create_task(self, coroutine: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
        return self._loop.create_task(coroutine)

    def create_future(self) -> asyncio.Future[Any]:
        return self._loop.create_future()

    def run_in_executor(
        self, _executor: None, function: Callable[..., Any], *args: Any
    ) -> asyncio.Future[Any]:
        return self._loop.run_in_executor(self._threads, function, *args)


@attrs.frozen
class Session:
    """A client of one lite server that has been started."""

    client: Any
    _let_go: Callable[[], None]

    async def sync(self, limit: timedelta) -> None:
        """Prove the way from the configuration's block to the newest; at the first time it is long."""
        seconds = limit / timedelta(seconds=1)
        await self.client.tonlib_wrapper.execute({"@type": "sync"}, timeout=seconds)

    async def close(self) -> None:
        with suppress(RuntimeError):  # it had crashed
            await self.client.close()
        self._let_go()


Opening = Callable[[Config, int, Path, timedelta], Awaitable[Session]]
"""From a configuration, the place of one of its lite servers, a folder for what was proved, and how long
an answer may take, to a session. Raises what pytonlib raises."""


async def open_tonlib(config: Config, index: int, folder: Path, limit: timedelta) -> Session:
    """The real one."""
    threads = ThreadPoolExecutor(THREADS, thread_name_prefix="tonlib")
    client = TonlibClient(
        index,
        dict(config),
        str(folder),
        loop=OwnThreads(asyncio.get_running_loop(), threads),
        tonlib_timeout=limit / timedelta(seconds=1),
    )
    session = Session(client, lambda: threads.shutdown(wait=False))
    try:
        await client.init()
    except BaseException:
        await session.close()
        raise
    return session
