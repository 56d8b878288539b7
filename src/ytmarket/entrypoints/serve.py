"""Serving the shop over HTTP, with a word to whoever started it."""

from __future__ import annotations

import asyncio
import gc
import signal
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from ipaddress import ip_address
from typing import Final

import attrs
import uvicorn
from rich.console import Console
from rich.panel import Panel
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ytmarket.adapters.system.access_log import JsonAccessLog, PlainAccessLog
from ytmarket.adapters.system.logging import configure_logging
from ytmarket.adapters.system.redaction import Redactor
from ytmarket.application.api_keys import MintedKey
from ytmarket.entrypoints.asgi import create_app
from ytmarket.entrypoints.bootstrap import Shop, open_shop
from ytmarket.entrypoints.heads import BoundedHeads
from ytmarket.entrypoints.loops import Worker, heartbeat_loop
from ytmarket.entrypoints.secrecy import secrets_of
from ytmarket.entrypoints.seed import DEMO_BALANCE, DemoKeys, seed
from ytmarket.entrypoints.settings import Settings, SettingsError
from ytmarket.entrypoints.telegram import check_bot

console = Console()

ACCESS_LEVELS: Final = ("DEBUG", "INFO")


def serve(settings: Settings, *, host: str, port: int, workers: bool, demo: bool) -> None:
    """Serve until told to stop. Raises `SettingsError` for what must not be served so."""
    if settings.is_devnet and not _is_loopback(host):
        raise SettingsError(
            f"devnet gives its money away, so it listens on loopback only, not on {host};"
            " set a wallet (YTMARKET_TRON_WALLET, …) for real networks"
        )
    if demo and not settings.is_devnet:
        raise SettingsError("--demo is for devnet; unset the wallets, or leave --demo away")
    check_bot(settings)
    access_log = _log(settings)
    listener = _listen(host, port)

    @asynccontextmanager
    async def announced(shop: Shop) -> AsyncIterator[None]:
        keys = await seed(shop) if demo else None
        _announce(shop.settings, listener, demo=demo, keys=keys)
        _settle_memory()
        yield

    app = Attended(create_app(settings, workers=workers, on_open=announced, access_log=access_log))
    server = uvicorn.Server(app_config(app))

    def stop(*_: object) -> None:
        # What comes before uvicorn listens to signals ends it too; and it raises the one that ended it
        # once more when all is closed: that was the end.
        server.should_exit = True

    for name in (signal.SIGTERM, signal.SIGINT):
        signal.signal(name, stop)
    try:
        server.run(sockets=[listener])
    except SystemExit:
        if app.trouble is None:
            raise
    finally:
        if access_log is not None:
            access_log.flush()
    if app.trouble is not None:
        raise app.trouble


@attrs.define(eq=False)
class Attended:
    """The app as uvicorn gets it. What keeps the shop from opening or closing is kept for whoever started it.

    uvicorn itself would log a traceback of it and end with a code.
    """

    _app: ASGIApp
    trouble: Exception | None = attrs.field(default=None, init=False)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "lifespan":
            await self._app(scope, receive, send)
            return

        async def send_without_traceback(message: Message) -> None:
            await send({name: value for name, value in message.items() if name != "message"})

        try:
            await self._app(scope, receive, send_without_traceback)
        except Exception as trouble:
            self.trouble = trouble
            raise


def app_config(app: object) -> uvicorn.Config:
    """How uvicorn serves the shop: our own proxy rule, our own log, nothing told of the server."""
    return uvicorn.Config(
        app,  # type: ignore[arg-type] # uvicorn's own ASGI types are narrower than Starlette's
        http=BoundedHeads,
        ws="none",
        lifespan="on",
        proxy_headers=False,
        server_header=False,
        access_log=False,
        log_config=None,
        timeout_keep_alive=75,
        timeout_graceful_shutdown=10,
    )


def work(settings: Settings) -> None:
    """Run the loops until told to stop. Raises `SettingsError`."""
    check_bot(settings)
    _log(settings)

    async def run() -> None:
        async with open_shop(settings, role="worker") as shop:
            worker, heart = (
                Worker(shop.services, shop.readers, settings, shop.leadership),
                heartbeat_loop(shop.services),
            )
            running = asyncio.gather(worker.run(), heart.run(), return_exceptions=True)
            loop = asyncio.get_running_loop()
            for name in (signal.SIGINT, signal.SIGTERM):
                loop.add_signal_handler(name, running.cancel)
            with suppress(asyncio.CancelledError):
                await running

    asyncio.run(run())


def _log(settings: Settings) -> JsonAccessLog | PlainAccessLog | None:
    """For people on a terminal, for machines elsewhere; the operator's own secrets in no line."""
    as_json = not sys.stderr.isatty()
    secrets = secrets_of(settings)
    configure_logging(as_json=as_json, level=settings.log_level, secrets=secrets)
    if not settings.access_log or settings.log_level not in ACCESS_LEVELS:
        return None
    return JsonAccessLog(Redactor.of(secrets)) if as_json else PlainAccessLog()


def _settle_memory() -> None:
    """What was loaded until now stays: the collector need not walk it again while requests come.

    Requests make few cycles; looked for less often, they cost a sixth less of the time in all.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 50)


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
    except OSError as trouble:
        listener.close()
        raise SettingsError(
            f"cannot listen on {host}:{port}: {trouble.strerror}; try another --port (make run PORT=9000)"
        ) from None
    listener.set_inheritable(True)
    return listener


def _announce(settings: Settings, listener: socket.socket, *, demo: bool, keys: DemoKeys | None) -> None:
    host, port = listener.getsockname()[:2]
    url = f"http://{f'[{host}]' if ':' in host else host}:{port}"
    lines = [f"[bold]ytmarket[/] serves [cyan]{url}/api/v1[/]"]
    if settings.is_devnet:
        lines.append(
            "[bold yellow]DEVNET[/]: no wallet is set, so all six networks are played by a built-in chain."
            " Nothing here is worth anything."
        )
    if not settings.admin_tokens:
        lines.append("The admin API is off; YTMARKET_ADMIN_TOKEN=<16 characters or more> turns it on.")
    console.print(Panel("\n".join(lines), expand=False))
    if keys is not None:
        _print_keys(keys)
    elif demo:
        console.print("The demo keys were printed at the first start. Another one: ytmarket keys mint NAME")


def _print_keys(keys: DemoKeys) -> None:
    console.print("[bold]Two demo keys, shown only now:[/]")
    _print_key("signs its requests", keys.signing)
    _print_key(f"without a secret, holds {DEMO_BALANCE} devnet USDT", keys.funded)


def _print_key(name: str, minted: MintedKey) -> None:
    """One thing a line and never wrapped, so that it can be copied."""
    console.print(f"  {name}", style="dim")
    console.print(f"    key     {minted.key}", soft_wrap=True, highlight=False)
    if minted.secret is not None:
        console.print(f"    secret  {minted.secret}", soft_wrap=True, highlight=False)
