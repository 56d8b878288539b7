"""`ytmarket audit`: what operators did, and whether anybody has touched the record of it."""

from __future__ import annotations

from typing import Annotated, Final

import typer
from rich.markup import escape

from ytmarket.domain.audit import AuditEnd, AuditRow
from ytmarket.entrypoints.bootstrap import Shop
from ytmarket.entrypoints.terminal import AsJson, DataDir, err, moment, out, show, stop, with_shop

app = typer.Typer(help="What operators did.", invoke_without_command=True)

SPARE: Final = ("details", "number")


@app.callback()
def audit(
    context: typer.Context,
    limit: Annotated[int, typer.Option(help="How many.", min=1, max=10_000)] = 50,
    data_dir: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """List the latest acts, newest first."""
    if context.invoked_subcommand is not None:
        return

    async def use(shop: Shop) -> None:
        rows = [_row(row) for row in await shop.services.audit.latest(limit)]
        show(rows, as_json=as_json, prose=("details", "target"), spare=SPARE)

    with_shop(data_dir, use)


@app.command()
def verify(
    known: Annotated[
        str | None, typer.Option(help="An end that you wrote down before, as this command prints it.")
    ] = None,
    data_dir: DataDir = None,
) -> None:
    """Follow the trail row by row; ends with 1 and the row's number where somebody has touched it."""
    noted = None if known is None else _end(known)

    async def use(shop: Shop) -> None:
        verified = await shop.services.audit.verify(noted)
        if verified.broken_at is not None:
            err.print(f"[bold red]The audit trail is broken at row {verified.broken_at}.[/]", highlight=False)
            if verified.untold:
                missing = escape(", ".join(verified.untold))
                err.print(f"Rows are gone: none tells of {missing}, which is in the books.", highlight=False)
            raise typer.Exit(1)
        out.print(f"{verified.end.number} rows, whole. Write the end down elsewhere:", highlight=False)
        out.print(f"{verified.end.number}:{verified.end.hash.hex()}", soft_wrap=True, highlight=False)

    with_shop(data_dir, use)


def _end(text: str) -> AuditEnd:
    number, _, digest = text.partition(":")
    try:
        return AuditEnd(int(number), bytes.fromhex(digest))
    except ValueError:
        stop(f"--known takes NUMBER:HASH as `ytmarket audit verify` prints it, not {text!r}")


def _row(row: AuditRow) -> dict[str, str]:
    entry = row.entry
    return {
        "number": str(row.number),
        "at": moment(entry.at),
        "actor": entry.actor,
        "action": entry.action,
        "target": entry.target,
        "details": ", ".join(f"{name}: {value}" for name, value in entry.details.items()),
    }
