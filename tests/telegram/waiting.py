"""Waiting for what another task or process is about to do."""

import asyncio
import time
from collections.abc import Callable

SECONDS = 90  # a busy machine takes its time to start processes


async def until(is_so: Callable[[], object]) -> None:
    deadline = time.monotonic() + SECONDS
    while not is_so():
        assert time.monotonic() < deadline, "it does not come about"
        await asyncio.sleep(0.02)
