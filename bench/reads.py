"""GET /balance and GET /products a second, beside a bare Starlette route that answers the same bytes."""

from __future__ import annotations

import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median

from _shop import BenchShop, database, free_port, key, serving
from orders import ours
from rich.console import Console
from rich.table import Table

CONNECTIONS = 64
SECONDS = 2
ROUNDS = 9

BARE = """
import socket, sys
import uvicorn
from starlette.applications import Starlette
from starlette.responses import Response
from starlette.routing import Route
from ytmarket.entrypoints.serve import app_config

BODY = sys.stdin.buffer.read()

async def bare(request):
    return Response(BODY, media_type="application/json")

listener = socket.socket()
listener.bind(("127.0.0.1", int(sys.argv[1])))
uvicorn.Server(app_config(Starlette(routes=[Route("/bare", bare)]))).run(sockets=[listener])
"""


@contextmanager
def bare_route(body: bytes) -> Iterator[BenchShop]:
    """A route that answers these bytes, under the same server with the same configuration."""
    port = free_port()
    command = [sys.executable, "-c", BARE, str(port)]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stderr=subprocess.DEVNULL)
    assert process.stdin is not None  # a pipe was asked for
    process.stdin.write(body)
    process.stdin.close()
    try:
        time.sleep(3)
        yield BenchShop(url="", port=port, dsn="", data_dir=Path())
    finally:
        process.terminate()
        process.wait(10)


def body_of(shop: BenchShop, kind: str) -> bytes:
    """What the shop answers: the bare route is given the same to say."""
    request = urllib.request.Request(f"{shop.url}/api/v1/{kind}", headers={"X-API-Key": key(1)})
    with urllib.request.urlopen(request) as answer:
        body: bytes = answer.read()
    return body


def measured(shop: BenchShop, kind: str, seconds: float = SECONDS) -> dict[str, float]:
    """Requests a second and the median wait."""
    found = ours(shop, CONNECTIONS, kind, seconds)
    if found["refused"]:
        raise SystemExit(f"{found['refused']} requests were refused")
    return found


def main() -> None:
    """Print the table: medians of rounds in which both take turns, as no machine is as fast all the time."""
    table = Table("route", "bytes", "per second", "median ms", "bare, per second", "of bare")
    with database() as (data_dir, dsn), serving(data_dir, dsn) as shop:
        for kind in ("balance", "products"):
            body = body_of(shop, kind)
            with bare_route(body) as bare:
                # A second of warming: prepared statements, the catalogue's lists.
                measured(shop, kind, 1)
                measured(bare, "bare", 1)
                rounds = [(measured(shop, kind), measured(bare, "bare")) for _ in range(ROUNDS)]
            table.add_row(
                f"GET /{kind}", str(len(body)),
                f"{median(found['per_second'] for found, _ in rounds):.0f}",
                f"{median(found['median_ms'] for found, _ in rounds):.2f}",
                f"{median(base['per_second'] for _, base in rounds):.0f}",
                f"{median(found['per_second'] / base['per_second'] for found, base in rounds):.2f}",
            )  # fmt: skip
    Console().print(table)


if __name__ == "__main__":
    main()
