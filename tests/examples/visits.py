"""Visits to an app that is not listening anywhere, with its lifespan around them."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import anyio
import httpx2
from starlette.applications import Starlette


@asynccontextmanager
async def visited(app: Starlette) -> AsyncIterator[httpx2.AsyncClient]:
    async with app.router.lifespan_context(app), calling(app) as http:
        yield http


def calling(app: Starlette) -> httpx2.AsyncClient:
    return httpx2.AsyncClient(transport=httpx2.ASGITransport(app=app), base_url="http://parent")


async def told(answer: Awaitable[httpx2.Response]) -> Any:
    found = await answer
    assert found.is_success, found.text
    return found.json()


async def until(ask: Callable[[], Awaitable[Any]], done: Callable[[Any], bool]) -> Any:
    with anyio.fail_after(30):
        while True:
            found = await ask()
            if done(found):
                return found
            await anyio.sleep(0.6)  # fifty questions in all, which a key may ask in a minute
