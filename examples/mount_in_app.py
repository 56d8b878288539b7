"""Mounts the shop in an app of your own, under /shop: `python examples/mount_in_app.py`, then open it.

The shop opens its database and runs its workers in its lifespan, which a parent does not enter by
itself: the parent's own lifespan has to. FastAPI takes the same lifespan, and `app.mount("/shop", shop)`.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Mount, Route

from ytmarket.entrypoints.asgi import create_app
from ytmarket.entrypoints.settings import Settings


def build(settings: Settings | None = None) -> Starlette:
    """Your app with the shop in it; without settings the shop reads them from the environment."""
    shop = create_app(settings)

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        async with shop.router.lifespan_context(shop):
            yield

    async def home(_: Request) -> PlainTextResponse:
        return PlainTextResponse("My app. The shop is at /shop/api/v1.\n")

    return Starlette(routes=[Route("/", home), Mount("/shop", shop)], lifespan=lifespan)


if __name__ == "__main__":
    # Without a wallet this is devnet, which gives its money away: keep it on loopback.
    uvicorn.run(build(), host="127.0.0.1", port=8000)
