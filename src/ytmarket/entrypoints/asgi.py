"""The server as an ASGI app: by itself, or mounted in another one."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager

from starlette.applications import Starlette

from ytmarket.adapters.http.app import ShopHolder, build_app
from ytmarket.adapters.http.door import Pace
from ytmarket.adapters.http.watching import AccessLog
from ytmarket.entrypoints.bootstrap import Shop, open_shop
from ytmarket.entrypoints.loops import Worker, heartbeat_loop, usage_loop
from ytmarket.entrypoints.settings import Settings


def create_app(
    settings: Settings | None = None,
    *,
    workers: bool = True,
    on_open: Callable[[Shop], AbstractAsyncContextManager[None]] | None = None,
    access_log: AccessLog | None = None,
) -> Starlette:
    """The shop as a Starlette app; without *settings* they are read from the environment.

    Its lifespan opens the database and, with *workers*, runs the loops that read deposits, deliver,
    refund and send webhooks. An app that mounts it enters `app.router.lifespan_context(app)` in its
    own lifespan. *on_open* wraps the time in which the shop is open; *access_log* hears of every request.
    """
    settings = settings or Settings.from_environment(os.environ)
    holder = ShopHolder()

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        wakers: list[Callable[[], None]] = []

        def on_placed() -> None:
            for wake in wakers:
                wake()

        role = "serve" if workers else "serve --no-workers"
        async with open_shop(settings, on_placed=on_placed, role=role) as shop:
            holder.services = shop.services
            try:
                async with on_open(shop) if on_open else _nothing(), _working(shop, wakers, run=workers):
                    yield
            finally:
                holder.services = None

    return build_app(
        holder=holder,
        lifespan=lifespan,
        admin_tokens=settings.admin_tokens,
        trusted_proxies=settings.trusted_proxies,
        metrics_token=settings.metrics_token,
        access_log=access_log,
        pace=Pace(scan=settings.scan_interval, refund_sweep=settings.refund_interval),
    )


@asynccontextmanager
async def _working(shop: Shop, wakers: list[Callable[[], None]], *, run: bool) -> AsyncIterator[None]:
    loops = [usage_loop(shop.services).run(), heartbeat_loop(shop.services).run()]
    if run:
        worker = Worker(shop.services, shop.readers, shop.settings, shop.leadership)
        wakers.extend([worker.fulfilment.wake.set, worker.webhooks.wake.set])
        loops.append(worker.run())
    tasks = [asyncio.create_task(loop) for loop in loops]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


@asynccontextmanager
async def _nothing() -> AsyncIterator[None]:
    yield
