"""Orders a second over HTTP, beside pgbench doing the same work one order a transaction.

Both on the same embedded server in one run, with synchronous_commit on. pgbench takes its orders
without the lock by which ours never get one price twice, so it does a little less than we do.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

import psycopg
from _shop import ACCOUNTS, PRODUCTS, BenchShop, database, serving
from rich.console import Console
from rich.table import Table

from ytmarket.adapters.postgres.embedded_binaries import INSTALLATION, find_wheel

SECONDS = 8
CONNECTIONS = (1, 32, 128)
PGBENCH_CLIENTS = (1, 8, 32, 64, 128)
"""Its best of these is what we are measured by, since nobody knows beforehand which is best."""

ADMITTED = 150
"""Connections of the server, theirs and ours, for the most clients and some to spare."""

# The statements of one order, as an application would send them: lock and check, then record.
TRANSACTION = """\
\\set account random(1, {accounts})
\\set product random(1, {products})
begin;
select balance from account where id = :account for no key update;
select price, available from product where id = :product \\gset
select count(*) from price_window where taken_at > now() - interval '15 minutes' and amount = any(array(
    select round(:price * (100 + hit) / 1000000) * 10000 + near * 10000
    from generate_series(0, 10) hit, generate_series(-2, 2) near)::bigint[]);
select id as unit from stock_unit where product_id = :product and order_id is null
    order by id limit 1 for update skip locked \\gset
select nextval('order_number') as number \\gset
insert into orders (id, channel, account_id, api_key_id, product_id, quantity, price, hits, charged, status,
    created_at, updated_at, deadline_at)
values (:number, 'api', :account, :account, :product, 1, :price, 0, :price, 'processing',
    now(), now(), now() + interval '10 minutes');
insert into transfer (kind, ref, debit, credit, amount, at, account_id, order_id)
values ('order_charged', :number, 'customer:' || :account, 'escrow', :price, now(), :account, :number);
insert into event (order_id, status, refunded, at, delivery)
values (:number, 'processing', 0, now(), 'unwanted');
update stock_unit set order_id = :number where id = :unit;
insert into price_window (amount, taken_at, order_id) values (:price, now(), :number)
    on conflict (amount) do update set taken_at = excluded.taken_at, order_id = excluded.order_id;
end;
"""


def ours(
    shop: BenchShop, connections: int, kind: str = "orders", seconds: float = SECONDS
) -> dict[str, float]:
    """Load from a process of its own."""
    load = Path(__file__).with_name("_load.py")
    sizes = [str(ACCOUNTS), str(PRODUCTS)]
    command = [sys.executable, str(load), str(shop.port), str(connections), str(seconds), kind, *sizes]
    found: dict[str, float] = json.loads(subprocess.run(command, check=True, capture_output=True).stdout)
    return found


def pgbench(dsn: str, clients: int) -> float:
    """Transactions a second."""
    with tempfile.NamedTemporaryFile("w", suffix=".sql") as script:
        script.write(TRANSACTION.format(accounts=ACCOUNTS, products=PRODUCTS))
        script.flush()
        settings = psycopg.conninfo.conninfo_to_dict(dsn)
        names = {
            "host": "PGHOST",
            "port": "PGPORT",
            "user": "PGUSER",
            "password": "PGPASSWORD",
            "dbname": "PGDATABASE",
        }
        environ = os.environ | {names[name]: str(value) for name, value in settings.items() if name in names}
        options = [
            "-n",
            "-M",
            "prepared",
            "-c",
            str(clients),
            "-j",
            "1",
            "-T",
            str(SECONDS),
            "-f",
            script.name,
        ]
        ran = subprocess.run(
            [str(find_wheel()[0] / INSTALLATION / "bin" / "pgbench"), *options],
            env=environ,
            check=False,
            capture_output=True,
            text=True,
        )
    found = re.search(r"tps = ([0-9.]+)", ran.stdout)
    if found is None:
        raise SystemExit(ran.stdout + ran.stderr)
    return float(found.group(1))


def main() -> None:
    """Print the table and the two ratios."""
    table = Table(
        "clients", "pgbench, orders/s", "ours over HTTP, orders/s", "median ms", "p99 ms", "of its best"
    )
    theirs, rates = {}, {}
    for count in PGBENCH_CLIENTS:
        with database(connections=ADMITTED) as (_, dsn):
            theirs[count] = pgbench(dsn, count)
    best = max(theirs.values())
    for count in CONNECTIONS:
        with database(connections=ADMITTED) as (data_dir, dsn), serving(data_dir, dsn) as shop:
            found = ours(shop, count)
            rates[count] = found["per_second"]
            if found["refused"]:
                raise SystemExit(f"{found['refused']} orders were refused")
            table.add_row(
                str(count), f"{theirs[count]:.0f}", f"{rates[count]:.0f}", f"{found['median_ms']:.2f}",
                f"{found['p99_ms']:.2f}", f"{rates[count] / best:.2f}",
            )  # fmt: skip
    Console().print(table)
    print("pgbench, orders/s: " + ", ".join(f"{rate:.0f} at {count}" for count, rate in theirs.items()))
    print(f"orders at 128 connections / pgbench at its best: {rates[128] / best:.2f}")
    print(f"latency at 1 connection / one plain transaction: {theirs[1] / rates[1]:.2f}")


if __name__ == "__main__":
    main()
