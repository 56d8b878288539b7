"""What a page of the catalogue costs, first and deep, with a hundred to a hundred thousand products."""

from __future__ import annotations

import asyncio
import statistics
import time

from _shop import database
from rich.console import Console
from rich.table import Table

from ytmarket.adapters.postgres.database import PostgresDatabase
from ytmarket.application.ports.queries import Paging
from ytmarket.domain.catalog import ProductFilter

SIZES = (100, 1_000, 10_000, 100_000)
TRIES = 300
PAGE_SIZE = 50


async def measure(dsn: str, products: int) -> tuple[float, float]:
    """Median milliseconds of the first and of the last page."""
    opened = await PostgresDatabase.open(dsn)
    try:
        return await page_cost(opened, 1, products), await page_cost(opened, products // PAGE_SIZE, products)
    finally:
        await opened.close()


async def page_cost(opened: PostgresDatabase, page: int, products: int) -> float:
    """Median over many readings of one page, which must be full."""
    costs = []
    for _ in range(TRIES):
        started = time.perf_counter()
        found = await opened.queries.products(ProductFilter(), Paging(page=page, page_size=PAGE_SIZE))
        costs.append((time.perf_counter() - started) * 1000)
        if len(found.rows) != PAGE_SIZE or found.total != products:
            raise SystemExit(f"page {page} of {products}: {len(found.rows)} rows, total {found.total}")
    return statistics.median(costs)


def main() -> None:
    """Print the table and the ratio."""
    table = Table("products", "first page, ms", "last page, ms")
    firsts, lasts = [], []
    for products in SIZES:
        with database(accounts=1, products=products, units=1) as (_, dsn):
            first, last = asyncio.run(measure(dsn, products))
        firsts.append(first)
        lasts.append(last)
        table.add_row(f"{products:,}", f"{first:.2f}", f"{last:.2f}")
    Console().print(table)
    print(f"first page: 10^5 costs {firsts[-1] / firsts[0]:.2f} of 10^2")
    print(f"last page: 10^5 costs {lasts[-1] / lasts[0]:.2f} of 10^2")


if __name__ == "__main__":
    main()
