"""A filled shop on a fresh embedded database, served by itself: what the other benchmarks measure."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import attrs
import psycopg

from ytmarket.adapters.postgres import embedded
from ytmarket.adapters.postgres.migrate import migrate
from ytmarket.testing.postgres import temporary_data_dir

ACCOUNTS = 2_000
PRODUCTS = 100
UNITS = 2_000

# Keys are known by number, so that load needs no list of them.
FILL = """
    insert into account (label, created_at) select 'bench ' || i, now() from generate_series(1, {accounts}) i;
    insert into transfer (kind, ref, debit, credit, amount, at, account_id)
    select 'adjustment', 'bench-' || id, 'adjustments', 'customer:' || id, 100000000000000, now(), id
    from account;
    insert into api_key (id, account_id, fp, digest, label, created_at)
    select id, id, 'bench' || id, sha256(('bench-key-' || id)::bytea), 'bench', now() from account;
    insert into product (id, sku, title, category, price, min_quantity, created_at, updated_at)
    select i, 'BENCH-' || i, 'Product ' || i, 'Category ' || i % 6, 8000000 + i % 1000 * 130000, 1,
        now(), now()
    from generate_series(1, {products}) i;
    insert into stock_unit (id, product_id, sealed, fingerprint, created_at)
    select nextval('stock_unit_number'), product, decode(repeat('5a', 120), 'hex'),
        sha256((product || ':' || unit)::bytea), now()
    from generate_series(1, {products}) product, generate_series(1, {units}) unit;
"""


@attrs.frozen(kw_only=True)
class BenchShop:
    """Where the shop answers, and where its database is."""

    url: str
    port: int
    dsn: str
    data_dir: Path


def key(number: int) -> str:
    """The API key of account *number*."""
    return f"bench-key-{number}"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def database(
    *, accounts: int = ACCOUNTS, products: int = PRODUCTS, units: int = UNITS, connections: int = 60
) -> Iterator[tuple[Path, str]]:
    """A fresh database with customers, products and stock; its data folder and its address.

    It admits so many *connections*, as a rule those of a shop's own server.
    """
    with temporary_data_dir() as data_dir:
        server = embedded.start(data_dir, settings={"max_connections": str(connections)})
        try:
            migrate(server.dsn)
            with psycopg.connect(server.dsn, autocommit=True) as connection:
                for statement in FILL.format(accounts=accounts, products=products, units=units).split(";"):
                    if statement.strip():
                        connection.execute(statement)
                connection.execute("vacuum analyze")
                connection.execute("checkpoint")
            yield data_dir, server.dsn
        finally:
            server.stop()


@contextmanager
def serving(data_dir: Path, dsn: str, settings: Mapping[str, str] | None = None) -> Iterator[BenchShop]:
    """The shop served by a process of its own, without workers."""
    port = free_port()
    environ = {name: value for name, value in os.environ.items() if not name.startswith("YTMARKET_")}
    # The stock is made up, so nothing of it can be opened.
    environ |= {"YTMARKET_RATE_LIMIT": "999999999", "YTMARKET_MASTER_KEY_LOST": "yes", **(settings or {})}
    command = [sys.executable, "-m", "ytmarket.entrypoints", "serve", "--no-workers"]
    process = subprocess.Popen(
        [*command, "--port", str(port), "--data-dir", str(data_dir)],
        env=environ,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        _wait(port, process)
        yield BenchShop(url=f"http://127.0.0.1:{port}", port=port, dsn=dsn, data_dir=data_dir)
    finally:
        process.terminate()
        process.wait(20)


def _wait(port: int, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise SystemExit("the shop did not start")
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                probe.settimeout(5)
                probe.sendall(b"GET /api/v1/health HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
                if b" 401 " in probe.recv(200):  # open: it refuses us for want of a key alone
                    return
        time.sleep(0.05)
    raise SystemExit("the shop did not answer within 30 s")
