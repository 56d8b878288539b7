"""The quick start, lived through in a terminal: from a key to delivered items."""

from __future__ import annotations

import asyncio
import json
import tempfile
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

import attrs
import httpx2
import uvicorn
from rich.console import Console
from rich.panel import Panel
from rich.rule import Rule
from rich.syntax import Syntax
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from ytmarket.adapters.system.clock import SystemClock
from ytmarket.adapters.system.logging import configure_logging
from ytmarket.application.audit import Actor
from ytmarket.domain import signatures
from ytmarket.domain.money import Usdt
from ytmarket.domain.networks import Network
from ytmarket.domain.times import epoch_seconds
from ytmarket.entrypoints.asgi import create_app
from ytmarket.entrypoints.bootstrap import Shop
from ytmarket.entrypoints.demo_chain import ground_for
from ytmarket.entrypoints.demo_ground import Ground
from ytmarket.entrypoints.seed import seed
from ytmarket.entrypoints.serve import app_config
from ytmarket.entrypoints.settings import Settings

console: Final = Console()
PATIENCE_SECONDS: Final = 60
SHOWN_LINES: Final = 24


class DemoFailed(Exception):
    """The quick start did not go as it should."""


@attrs.define
class Client:
    """A customer with a signing key, who shows everybody what is sent and answered."""

    http: httpx2.AsyncClient
    key: str
    secret: str

    async def get(self, path: str, *, quiet: bool = False) -> Any:
        """Ask; *quiet* shows nothing."""
        answer = await self.http.get(path, headers={"X-API-Key": self.key})
        return self._shown("GET", path, None, answer, quiet=quiet)

    async def post(self, path: str, body: Mapping[str, object]) -> Any:
        """Send a signed request."""
        raw, timestamp = json.dumps(body), str(epoch_seconds(SystemClock().now()))
        headers = {
            "X-API-Key": self.key,
            "Content-Type": "application/json",
            "X-Timestamp": timestamp,
            "X-Signature": signatures.sign(self.secret.encode(), timestamp, raw.encode()),
        }
        answer = await self.http.post(path, content=raw, headers=headers)
        return self._shown("POST", path, body, answer)

    @staticmethod
    def _shown(
        method: str,
        path: str,
        body: Mapping[str, object] | None,
        answer: httpx2.Response,
        *,
        quiet: bool = False,
    ) -> Any:
        if answer.status_code >= 400:
            raise DemoFailed(f"{method} {path} was answered {answer.status_code}: {answer.text}")
        found = answer.json()
        if not quiet:
            console.print(f"[bold cyan]{method}[/] {path}", highlight=False)
            if body is not None:
                show_json(body)
            console.print(f"[green]{answer.status_code}[/] in {answer.elapsed.total_seconds() * 1000:.1f} ms")
            show_json(found)
        return found


@attrs.define
class Receiver:
    """The customer's own server, to which webhooks come."""

    secret: str = ""
    url: str = ""
    received: list[dict[str, Any]] = attrs.field(factory=list)
    arrival: asyncio.Event = attrs.field(factory=asyncio.Event)

    async def receive(self, request: Request) -> Response:
        """Take a webhook if it is signed as it should be."""
        body = await request.body()
        timestamp = request.headers.get("X-Webhook-Timestamp", "")
        good = signatures.sign(self.secret.encode(), timestamp, body) == request.headers.get(
            "X-Webhook-Signature"
        )
        if good:
            self.received.append(json.loads(body))
            self.arrival.set()
        return Response(status_code=204 if good else 401)


def run(network: Network | None = None) -> int:
    """The whole demo; 0 when every step went well.

    With a *network*, its top-up is paid on a local node of that network instead of devnet. Raises
    `SettingsError` where none can be had.
    """
    configure_logging(as_json=False, level="ERROR")
    try:
        asyncio.run(_run(network))
    except DemoFailed as trouble:
        console.print(f"[bold red]The demo failed:[/] {trouble}", highlight=False)
        return 1
    return 0


async def _run(network: Network | None) -> None:
    with tempfile.TemporaryDirectory(prefix="ytmarket-demo-") as folder:
        receiver = Receiver()
        hook = Starlette(routes=[Route("/webhook", receiver.receive, methods=["POST"])])
        async with ground_for(network) as ground, served(hook) as hook_url:
            receiver.url = f"{hook_url}/webhook"
            await _with_shop(Path(folder), receiver, ground)


async def _with_shop(folder: Path, receiver: Receiver, ground: Ground) -> None:
    settings = Settings(
        data_dir=folder / "data",
        webhook_allow_private=True,
        scan_interval=timedelta(seconds=1),
        **ground.settings,
    )
    minted: dict[str, str] = {}

    @asynccontextmanager
    async def on_open(shop: Shop) -> AsyncIterator[None]:
        await seed(shop)
        key = await shop.services.api_keys.mint("quick start", Actor("cli:demo"))
        minted.update(key=key.key, secret=key.secret or "")
        for reader in shop.readers:
            # From its first reading on a network is watched: nobody shall pay before that.
            await shop.services.scan.scan(reader)
        yield

    with console.status("A shop of its own is being set up: PostgreSQL, catalogue, workers …"):
        shop = served(create_app(settings, on_open=on_open))
        url = await shop.__aenter__()
    try:
        receiver.secret = minted["secret"]
        async with httpx2.AsyncClient(base_url=url, trust_env=False) as http:
            await _steps(Client(http, minted["key"], minted["secret"]), receiver, ground)
    finally:
        await shop.__aexit__(None, None, None)


async def _steps(client: Client, receiver: Receiver, ground: Ground) -> None:
    step(1, "A key and its secret, issued together, shown once")
    console.print(f"key     {client.key[:12]}…\nsecret  {client.secret[:8]}…", highlight=False)
    step(2, "Does the key work?")
    await client.get("/api/v1/health")
    step(3, "What is there, in batches of at least ten, up to 2 USDT each?")
    catalogue = await client.get("/api/v1/products?min_qty=10&max_price=2&page_size=3")
    step(4, "Top up: ask for an address, send USDT, see the balance grow")
    await top_up(client, ground)
    step(5, "Place an order, paid from the balance")
    product = catalogue["items"][0]
    order = await client.post(
        "/api/v1/orders",
        {
            "product_id": product["id"],
            "quantity": max(10, product["min_quantity"]),
            "payment_method": "balance",
            "webhook_url": receiver.url,
        },
    )
    step(6, "Poll until it is done")
    path = f"/api/v1/orders/{order['order_id']}"
    with console.status("Waiting for the delivery …"):
        await until(client, path, lambda found: found["status"] != "processing")
    done = await client.get(path)
    if done["status"] != "completed" or len(done["items"]) != done["quantity"]:
        raise DemoFailed(f"the order ended {done['status']}")
    step(7, "The webhook that told us, signed with the key's secret")
    await told(receiver, "completed")
    show_json(receiver.received[-1])
    console.print(
        Panel(
            "[bold green]Topped up, ordered, delivered.[/] `make run` serves a shop to play with.",
            expand=False,
        )
    )


async def top_up(client: Client, ground: Ground) -> None:
    """Open a top-up, pay exactly what it asks for, and wait until it is credited."""
    topup = await client.post("/api/v1/balance/topup", {"amount_usdt": 100, "network": ground.network})
    payment = await ground.pay(client.http, Usdt.of(str(topup["amount_usdt"])))
    console.print(f"[dim]{payment.title}:[/]", highlight=False)
    for words, answer in payment.steps.items():
        console.print(f"[bold cyan]{words}[/]", highlight=False)
        show_json(answer)
    with console.status("Waiting for the deposit to be read and credited …"):
        await until(
            client, f"/api/v1/balance/topup/{topup['topup_id']}", lambda t: t["status"] == "credited_auto"
        )
    await client.get("/api/v1/balance")


async def until(client: Client, path: str, done: Any) -> Any:
    """Poll quietly until the answer is as wanted."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < deadline:
        found = await client.get(path, quiet=True)
        if done(found):
            return found
        await asyncio.sleep(1.1)
    raise DemoFailed(f"{path} did not change within {PATIENCE_SECONDS} s")


async def told(receiver: Receiver, status: str) -> None:
    """Wait for the webhook with this status."""
    try:
        async with asyncio.timeout(PATIENCE_SECONDS):
            while not any(body["status"] == status for body in receiver.received):
                receiver.arrival.clear()
                await receiver.arrival.wait()
    except TimeoutError:
        raise DemoFailed(f"no webhook said {status} within {PATIENCE_SECONDS} s") from None


def step(number: int, title: str) -> None:
    """A heading."""
    console.print()
    console.print(Rule(f"[bold]{number}. {title}", align="left"))


def show_json(found: object) -> None:
    """JSON in colour, long answers cut."""
    lines = json.dumps(found, indent=2, ensure_ascii=False).splitlines()
    if len(lines) > SHOWN_LINES:
        lines = [*lines[:SHOWN_LINES], f"… {len(lines) - SHOWN_LINES} lines more"]
    console.print(Syntax("\n".join(lines), "json", background_color="default", word_wrap=True))


@asynccontextmanager
async def served(app: Starlette) -> AsyncIterator[str]:
    """Serve an app on a free loopback port; its URL."""
    config = app_config(app)
    config.port = 0
    server = uvicorn.Server(config)
    server.install_signal_handlers = lambda: None  # type: ignore[attr-defined] # the demo's own Ctrl-C
    task = asyncio.create_task(server.serve())
    while not server.started:
        if task.done():
            await task
            raise DemoFailed("the server did not start")
        await asyncio.sleep(0.02)
    port = server.servers[0].sockets[0].getsockname()[1]
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        server.should_exit = True
        await task
