"""`ytmarket verify`: whether the books are true."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack

import typer

from ytmarket.adapters.postgres.verify import Mismatch, verify_books
from ytmarket.entrypoints.bootstrap import database_of
from ytmarket.entrypoints.terminal import AsJson, DataDir, err, out, settings_with, show


def verify(data_dir: DataDir = None, as_json: AsJson = False) -> None:
    """Recompute every balance, escrow, reservation and stock count; ends with 1 on any mismatch."""

    async def run() -> list[Mismatch]:
        async with AsyncExitStack() as stack:
            dsn = await database_of(settings_with(data_dir), stack)
            return await verify_books(dsn)

    mismatches = asyncio.run(run())
    if as_json or mismatches:
        rows = [
            {"what": m.what, "where": m.where, "kept": m.kept, "recomputed": m.recomputed} for m in mismatches
        ]
        show(rows, as_json=as_json)
    if mismatches:
        err.print(f"[bold red]{len(mismatches)} mismatches.[/]", highlight=False)
        raise typer.Exit(1)
    if not as_json:
        out.print("The books are true.")
