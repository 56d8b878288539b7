"""The command line: everything that is done with a shop from a terminal."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from typing import Annotated

import typer
from rich.markup import escape
from typer.main import get_command

from ytmarket.adapters.postgres.embedded_errors import EmbeddedServerError
from ytmarket.application.errors import ApplicationError
from ytmarket.application.ports.devnet import DevnetTransfer
from ytmarket.domain.errors import ShopError
from ytmarket.domain.money import Usdt
from ytmarket.domain.networks import Network
from ytmarket.entrypoints.bootstrap import Shop
from ytmarket.entrypoints.commands import (
    audit,
    books,
    catalog,
    deposits,
    keys,
    marketplace,
    networks,
    orders,
    stock,
    webhooks,
    website,
)
from ytmarket.entrypoints.commands.status import show_status
from ytmarket.entrypoints.settings import SettingsError, make_networks_known, table
from ytmarket.entrypoints.terminal import AsJson, DataDir, err, out, settings_with, show, stop, with_shop

app = typer.Typer(
    name="ytmarket",
    help="A wholesale shop for digital goods, paid from a prepaid USDT balance.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
devnet = typer.Typer(help="The built-in chain for trying things out.", no_args_is_help=True)
for name, group in (
    ("keys", keys.app),
    ("deposits", deposits.app),
    ("orders", orders.app),
    ("website", website.app),
    ("marketplace", marketplace.app),
    ("catalog", catalog.app),
    ("stock", stock.app),
    ("webhooks", webhooks.app),
    ("networks", networks.app),
    ("audit", audit.app),
    ("books", books.app),
    ("devnet", devnet),
):
    app.add_typer(group, name=name)
app.command()(books.verify)
app.command("status")(show_status)


def main() -> None:
    """Run the command line; trouble that a person can mend is one sentence, not a traceback."""
    try:
        _check_words(sys.argv[1:])
        make_networks_known(os.environ)
        get_command(app)()  # app() writes on the exceptions that pass it, and refusals are frozen
    except (SettingsError, ShopError, ApplicationError, EmbeddedServerError) as trouble:
        said = trouble.in_full() if isinstance(trouble, ShopError) else str(trouble)
        for line in (said, *getattr(trouble, "__notes__", ())):
            err.print(f"[bold red]ytmarket:[/] {escape(line)}", highlight=False)
        sys.exit(1)


def _check_words(words: Sequence[str]) -> None:
    """Only a file may be called what is no text. Raises `SettingsError`."""
    for word in words:
        try:
            word.encode()
        except UnicodeEncodeError:
            if not os.path.lexists(word):
                stop(f"{word!a} is not UTF-8")


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
def bot(data_dir: DataDir = None) -> None:
    """Run the operators' Telegram bot alone; `serve` and `worker` run it too. Any number may run."""
    from ytmarket.entrypoints.bot import run_bot

    run_bot(settings_with(data_dir))


@app.command()
def migrate(data_dir: DataDir = None) -> None:
    """Bring the database to this version's schema. `serve` does it too."""

    async def use(_: Shop) -> None:
        out.print("The database is up to date.")

    with_shop(data_dir, use)


@app.command()
def demo(
    network: Annotated[
        Network | None, typer.Option(help="Pay on a node of this network, on this machine, not on devnet.")
    ] = None,
) -> None:
    """Live through the quick start, from a top-up to delivered items, in a shop of its own."""
    from ytmarket.entrypoints.demo import run

    sys.exit(run(network))


@app.command("settings")
def list_settings(as_json: AsJson = False) -> None:
    """List every environment variable with its default and meaning."""
    columns = ("variable", "default", "meaning")
    rows = [dict(zip(columns, row, strict=True)) for row in table()]
    show(rows, as_json=as_json, prose=("default", "meaning"))


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
