"""The command line: everything that is done with a shop from a terminal."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Awaitable, Callable
from getpass import getuser
from pathlib import Path
from typing import Annotated, Any, NoReturn

import attrs
import typer
from rich.console import Console

from ytmarket.adapters.postgres.embedded_errors import EmbeddedServerError
from ytmarket.application.audit import Actor
from ytmarket.application.errors import ApplicationError
from ytmarket.application.instructions import Instruction
from ytmarket.application.ports.devnet import DevnetTransfer
from ytmarket.domain import api_keys
from ytmarket.domain.errors import ShopError
from ytmarket.domain.ids import OrderId
from ytmarket.domain.money import Usdt
from ytmarket.domain.networks import Network
from ytmarket.domain.orders import Order
from ytmarket.entrypoints.bootstrap import Shop, open_shop
from ytmarket.entrypoints.settings import Settings, SettingsError, table

app = typer.Typer(
    name="ytmarket",
    help="A wholesale shop for digital goods, paid from a prepaid USDT balance.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
keys = typer.Typer(help="Customers' API keys.", no_args_is_help=True)
orders = typer.Typer(help="Orders.", no_args_is_help=True)
devnet = typer.Typer(help="The built-in chain for trying things out.", no_args_is_help=True)
app.add_typer(keys, name="keys")
app.add_typer(orders, name="orders")
app.add_typer(devnet, name="devnet")

out = Console()
err = Console(stderr=True)

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")]
DataDir = Annotated[
    Path | None, typer.Option("--data-dir", help="Folder for the embedded database and the master key.")
]


def main() -> None:
    """Run the command line; trouble that a person can mend is one sentence, not a traceback."""
    try:
        app()
    except (SettingsError, ShopError, ApplicationError, EmbeddedServerError) as trouble:
        err.print(f"[bold red]ytmarket:[/] {trouble}", highlight=False)
        sys.exit(1)


def settings_with(data_dir: Path | None = None, **changes: Any) -> Settings:
    """The environment's settings, with what the command line says instead."""
    settings = Settings.from_environment(os.environ)
    if data_dir is not None:
        changes["data_dir"] = data_dir
    return attrs.evolve(settings, **changes)


def actor() -> Actor:
    """Who sits at the terminal."""
    return Actor(f"cli:{getuser()}")


def with_shop(data_dir: Path | None, use: Callable[[Shop], Awaitable[None]]) -> None:
    """Open the shop beside a running server, or by itself, for one command."""

    async def run() -> None:
        async with open_shop(settings_with(data_dir)) as shop:
            await use(shop)

    asyncio.run(run())


@app.command()
def serve(
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port to listen on.", min=0, max=65535)] = 8000,
    data_dir: DataDir = None,
    workers: Annotated[bool, typer.Option(help="Read deposits, deliver and refund in this process.")] = True,
    demo: Annotated[
        bool, typer.Option("--demo", help="Fill an empty devnet shop with a demo catalogue.")
    ] = False,
) -> None:
    """Serve the shop: API and workers, on the embedded database unless another is named."""
    from ytmarket.entrypoints.serve import serve as run

    run(settings_with(data_dir), host=host, port=port, workers=workers, demo=demo)


@app.command()
def worker(data_dir: DataDir = None) -> None:
    """Run the loops alone: deposits, delivery, refunds, webhooks. Any number may run."""
    from ytmarket.entrypoints.serve import work

    work(settings_with(data_dir))


@app.command()
def migrate(data_dir: DataDir = None) -> None:
    """Bring the database to this version's schema. `serve` does it too."""

    async def use(_: Shop) -> None:
        out.print("The database is up to date.")

    with_shop(data_dir, use)


@app.command()
def demo() -> None:
    """Live through the quick start, from a top-up to delivered items, in a shop of its own."""
    from ytmarket.entrypoints.demo import run

    sys.exit(run())


@app.command("settings")
def list_settings(as_json: AsJson = False) -> None:
    """List every environment variable with its default and meaning."""
    columns = ("variable", "default", "meaning")
    show([dict(zip(columns, row, strict=True)) for row in table()], as_json=as_json)


@keys.command()
def mint(
    label: Annotated[str, typer.Argument(help="Whose key it is, for your lists.")],
    secret: Annotated[bool, typer.Option(help="Issue an HMAC secret as well.")] = True,
    allow_ip: Annotated[
        list[str] | None, typer.Option(help="Address or CIDR range it may be used from.")
    ] = None,
    data_dir: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """Mint a key. Key and secret are shown now and never again."""
    allowed = [api_keys.parse_range(text, "--allow-ip") for text in allow_ip or []]

    async def use(shop: Shop) -> None:
        minted = await shop.services.api_keys.mint(label, actor(), with_secret=secret, allowed=allowed)
        told = {"fp": minted.record.fp, "key": minted.key, "secret": minted.secret or "-", "label": label}
        if as_json:
            show([told], as_json=True)
        else:
            for name, value in told.items():
                out.print(f"{name:<8}{value}", soft_wrap=True, highlight=False)

    with_shop(data_dir, use)


@orders.command()
def cancel(
    order_id: int,
    reason: Annotated[str, typer.Option(prompt=True, help="Why, for the audit.")],
    data_dir: DataDir = None,
) -> None:
    """Call an order off; its customer is refunded by the next sweep."""

    async def use(shop: Shop) -> None:
        word: Instruction[Order] = Instruction(actor=actor(), reason=reason)
        order = (await shop.services.fulfilment.cancel(OrderId(order_id), word)).fresh
        out.print(f"Order {order.id} is {order.status}; {order.due} USDT will be given back.")

    with_shop(data_dir, use)


@devnet.command()
def send(
    network: Annotated[Network, typer.Argument(help="Network to send on.")],
    amount: Annotated[str, typer.Argument(help="USDT to send, such as 100.00.")],
    token: Annotated[str | None, typer.Option(help="Send another token than USDT.")] = None,
    age_seconds: Annotated[int, typer.Option(help="How long ago the chain says it was.", min=0)] = 0,
    data_dir: DataDir = None,
) -> None:
    """Send USDT to the shop's wallet on devnet."""

    async def use(shop: Shop) -> None:
        if shop.services.devnet is None:
            stop("this shop is on real networks; there is no devnet to send on")
        transfer = DevnetTransfer(
            network=network, amount=Usdt.of(amount), token=token, age_seconds=age_seconds
        )
        out.print(await shop.services.devnet.send(transfer))

    with_shop(data_dir, use)


def stop(message: str) -> NoReturn:
    """End the command with a sentence."""
    raise SettingsError(message)


def show(rows: list[dict[str, str]], *, as_json: bool) -> None:
    """A table for people, or JSON for programs."""
    from ytmarket.entrypoints.tables import print_rows

    print_rows(out, rows, as_json=as_json)
