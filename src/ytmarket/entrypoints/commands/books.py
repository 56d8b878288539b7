"""`ytmarket verify` and `ytmarket books`: whether the books are true, and whose money stands still if not."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import AsyncExitStack
from typing import Annotated

import typer

from ytmarket.adapters.postgres.verify import verify_books
from ytmarket.application.ports.books import Mismatch
from ytmarket.entrypoints.bootstrap import Shop, database_of
from ytmarket.entrypoints.terminal import (
    AsJson,
    DataDir,
    Reason,
    err,
    instruction,
    out,
    settings_with,
    show,
    with_shop,
)

app = typer.Typer(help="Whose money stands still.", no_args_is_help=True)


@app.callback()
def books() -> None:
    """Whose money stands still."""


@app.command()
def unfreeze(
    fp: Annotated[str, typer.Argument(help="Fingerprint of one of the account's keys.")],
    reason: Reason,
    data_dir: DataDir = None,
) -> None:
    """Let a customer's money move again, once its books are in order."""

    async def use(shop: Shop) -> None:
        thawed = await shop.services.books.unfreeze(fp, instruction(reason))
        out.print(f"The account of {fp} is free again." if thawed else f"The account of {fp} was not frozen.")

    with_shop(data_dir, use)


def verify(data_dir: DataDir = None, as_json: AsJson = False) -> None:
    """Recompute every balance, escrow, reservation and stock count; ends with 1 on any mismatch."""

    async def run() -> Sequence[Mismatch]:
        async with AsyncExitStack() as stack:
            dsn = await database_of(settings_with(data_dir), stack)
            return await verify_books(dsn)

    mismatches = asyncio.run(run())
    if as_json or mismatches:
        rows = [
            {"what": m.what, "where": m.where, "kept": m.kept, "recomputed": m.recomputed} for m in mismatches
        ]
        show(rows, as_json=as_json, prose=("what", "where"))
    if mismatches:
        err.print(f"[bold red]{len(mismatches)} mismatches.[/]", highlight=False)
        raise typer.Exit(1)
    if not as_json:
        out.print("The books are true.")
