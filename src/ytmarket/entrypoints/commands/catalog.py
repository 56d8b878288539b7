"""`ytmarket catalog`: products from a file."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ytmarket.domain.errors import SkuTaken
from ytmarket.entrypoints.bootstrap import Shop
from ytmarket.entrypoints.importing import ImportRefused, read_products
from ytmarket.entrypoints.terminal import DataDir, actor, out, progress, stop, with_shop

app = typer.Typer(help="Products.", no_args_is_help=True)


@app.callback()
def catalog() -> None:
    """Products."""


@app.command("import")
def import_products(
    file: Annotated[Path, typer.Argument(help="CSV with a header, or JSON Lines (.jsonl).")],
    data_dir: DataDir = None,
) -> None:
    """Add products, or change those with the same id: all of the file or nothing.

    Columns: id, sku, title, category, price_usdt, and min_quantity if it is not 1.
    """
    read = read_products(file)
    if not read:
        stop(f"{file} has no products in it")

    async def use(shop: Shop) -> None:
        with progress() as shown:
            task = shown.add_task("writing", total=len(read))
            try:
                await shop.services.catalog.put_all(
                    [line.content for line in read],
                    actor(),
                    on_put=lambda count: shown.update(task, completed=count),
                )
            except SkuTaken as taken:
                line = read[taken.position or 0]
                problem = f"another product has the sku {line.content.sku!r}"
                raise ImportRefused(file, [(line.number, problem)]) from None
        out.print(f"{len(read)} products are in the catalogue.")

    with_shop(data_dir, use)
