"""`ytmarket stock`: units from a file."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ytmarket.domain import limits
from ytmarket.domain.errors import DuplicateUnit
from ytmarket.domain.ids import ProductId
from ytmarket.entrypoints.bootstrap import Shop
from ytmarket.entrypoints.importing import ImportRefused, read_units
from ytmarket.entrypoints.terminal import DataDir, actor, out, progress, stop, with_shop

app = typer.Typer(help="Units on the shelves.", no_args_is_help=True)


@app.callback()
def stock() -> None:
    """Units on the shelves."""


@app.command("import")
def import_stock(
    product: Annotated[
        int, typer.Argument(metavar="PRODUCT", help="The product's id.", min=1, max=limits.ID_MAX)
    ],
    file: Annotated[Path, typer.Argument(help="CSV with a header, or JSON Lines (.jsonl); a unit a line.")],
    data_dir: DataDir = None,
) -> None:
    """Put units on a product's shelf: all of the file or nothing, and none that was there before."""

    async def use(shop: Shop) -> None:
        with progress() as shown:
            task = shown.add_task("reading", total=None)
            lines = read_units(file)
            if not lines:
                stop(f"{file} has no units in it")
            shown.update(task, description="sealing", total=len(lines))
            contents = [line.content for line in lines]
            try:
                available = await shop.services.catalog.add_stock(
                    ProductId(product),
                    contents,
                    actor(),
                    on_sealed=lambda count: shown.update(
                        task, completed=count, description="sealing" if count < len(lines) else "writing"
                    ),
                )
            except DuplicateUnit as duplicate:
                number = lines[duplicate.position].number
                problem = "this unit stands in the file twice, or was in stock before"
                raise ImportRefused(file, [(number, problem)]) from None
        out.print(f"{len(lines)} units added; {available} are available.")

    with_shop(data_dir, use)
