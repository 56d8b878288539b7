"""GET /balance and GET /products a second, beside a bare Starlette route served the same way."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from _shop import BenchShop, database, free_port, serving
from orders import ours
from rich.console import Console
from rich.table import Table

CONNECTIONS = 64
SECONDS = 6

BARE = """
import socket, sys
import uvicorn
from starlette.applications import Starlette
from starlette.responses import JSONResponse
from starlette.routing import Route
from ytmarket.entrypoints.serve import app_config

async def bare(request):
    return JSONResponse({"balance_usdt": 50.0, "total_spent_usdt": 12.5, "currency": "USDT"})

listener = socket.socket()
listener.bind(("127.0.0.1", int(sys.argv[1])))
uvicorn.Server(app_config(Starlette(routes=[Route("/bare", bare)]))).run(sockets=[listener])
"""


@contextmanager
def bare_route() -> Iterator[BenchShop]:
    """A route that answers a constant, under the same server with the same configuration."""
    port = free_port()
    command = [sys.executable, "-c", BARE, str(port)]
    process = subprocess.Popen(command, stderr=subprocess.DEVNULL)
    try:
        time.sleep(3)
        yield BenchShop(url="", port=port, dsn="", data_dir=Path())
    finally:
        process.terminate()
        process.wait(10)


def main() -> None:
    """Print the table and the ratios."""
    table = Table("route", "per second", "median ms", "of bare")
    with bare_route() as bare:
        base = ours(bare, CONNECTIONS, "bare", SECONDS)
    table.add_row("bare Starlette", f"{base['per_second']:.0f}", f"{base['median_ms']:.2f}", "1.00")
    with database() as (data_dir, dsn), serving(data_dir, dsn) as shop:
        for kind in ("balance", "products"):
            ours(shop, CONNECTIONS, kind, 1)  # warm: prepared statements, the catalogue's pages
            found = ours(shop, CONNECTIONS, kind, SECONDS)
            if found["refused"]:
                raise SystemExit(f"{found['refused']} requests were refused")
            ratio = found["per_second"] / base["per_second"]
            table.add_row(
                f"GET /{kind}", f"{found['per_second']:.0f}", f"{found['median_ms']:.2f}", f"{ratio:.2f}"
            )
    Console().print(table)


if __name__ == "__main__":
    main()
