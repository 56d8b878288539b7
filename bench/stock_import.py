"""Units a second from a file to the shelf, beside a plain COPY of the very same rows.

Both on the same embedded server in one run, with synchronous_commit on. The import reads and checks the
file, encrypts each unit for its row, refuses duplicates, counts and audits; COPY only writes.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from pathlib import Path

import psycopg
from _shop import database
from rich.console import Console
from rich.table import Table

from ytmarket.adapters.postgres.database import PostgresDatabase
from ytmarket.adapters.system.master_key import load_master_keys
from ytmarket.adapters.system.vault import AesGcmVault
from ytmarket.application.audit import Actor
from ytmarket.application.catalog import CatalogService
from ytmarket.domain.catalog import Product
from ytmarket.domain.ids import ProductId
from ytmarket.domain.money import Usdt
from ytmarket.entrypoints.importing import read_units

UNITS = 100_000
PRODUCT = Product(id=ProductId(900), sku="IMPORT", title="Imported", category="Bench", price=Usdt.of(8))
ACTOR = Actor("bench")
PLAIN = """
    create table plain (like stock_unit including all);
    alter table plain add foreign key (product_id) references product
"""
COPY = "copy plain (id, product_id, sealed, fingerprint, created_at) from stdin (format binary)"
ROWS = """
    select id, product_id, sealed, fingerprint, created_at from stock_unit where product_id = 900 order by id
"""


def write(file: Path) -> None:
    """A unit a line, as a supplier would send them."""
    with file.open("w", encoding="utf-8") as lines:
        for number in range(UNITS):
            unit = {"login": f"user-{number:07d}@mail.example", "password": f"{number * 7919:x}-secret-word"}
            lines.write(json.dumps(unit) + "\n")


async def ours(dsn: str, data_dir: Path, file: Path) -> dict[str, float]:
    """Seconds for each stage of an import."""
    store = await PostgresDatabase.open(dsn)
    vault = AesGcmVault.of(load_master_keys(None, data_dir))
    service = CatalogService(
        new_unit_of_work=store.unit_of_work,
        new_patient_unit_of_work=store.patient_unit_of_work,
        clock=store.clock,
        vault=vault,
    )
    await service.put(PRODUCT, ACTOR)
    times = [time.perf_counter()]
    contents = [line.content for line in read_units(file)]
    times.append(time.perf_counter())

    def sealed(count: int) -> None:
        if count == UNITS:
            times.append(time.perf_counter())

    available = await service.add_stock(PRODUCT.id, contents, ACTOR, on_sealed=sealed)
    times.append(time.perf_counter())
    if available != UNITS:
        sys.exit(f"{available} units are available, not {UNITS}")
    await store.close()
    began, was_read, was_sealed, ended = times
    return {"read": was_read - began, "sealed": was_sealed - was_read, "written": ended - was_sealed}


def plainly(dsn: str) -> float:
    """Seconds for a COPY of the rows that the import made."""
    with psycopg.connect(dsn) as connection:
        rows = connection.execute(ROWS, binary=True).fetchall()
        for statement in PLAIN.split(";"):
            connection.execute(statement.encode())
        connection.commit()
        began = time.perf_counter()
        with connection.cursor().copy(COPY) as copy:
            copy.set_types(["int8", "int8", "bytea", "bytea", "timestamptz"])
            for row in rows:
                copy.write_row(row)
        connection.commit()
        return time.perf_counter() - began


def main() -> None:
    """Print the figures."""
    with database(accounts=10, products=1, units=10) as (data_dir, dsn):
        file = data_dir.parent / "units.jsonl"
        write(file)
        stages = asyncio.run(ours(dsn, data_dir, file))
        copied = plainly(dsn)
    total = sum(stages.values())
    table = Table("stage", "seconds", "units a second", title=f"{UNITS:,} units into stock")
    for name, seconds in {**stages, "import in all": total, "plain COPY": copied}.items():
        table.add_row(name, f"{seconds:.2f}", f"{UNITS / seconds:,.0f}")
    console = Console()
    console.print(table)
    console.print(f"The import takes {total / copied:.2f} times as long as the plain COPY.")


if __name__ == "__main__":
    main()
