"""Load over HTTP/1.1 keep-alive connections: each sends its next request when the last is answered.

Run as a program of its own, so that the one that serves is not slowed down by the one that asks:
`python _load.py PORT CONNECTIONS SECONDS KIND`, KIND being a name in REQUESTS. Prints one JSON line.
"""

from __future__ import annotations

import asyncio
import json
import random
import sys
import time
from collections.abc import Callable
from functools import partial

import uvloop


def _post_order(accounts: int, products: int) -> bytes:
    product, account = random.randint(1, products), random.randint(1, accounts)
    body = b'{"product_id": %d, "quantity": 1, "payment_method": "balance"}' % product
    return (
        b"POST /api/v1/orders HTTP/1.1\r\nHost: 127.0.0.1\r\nX-API-Key: bench-key-%d\r\n"
        b"Content-Type: application/json\r\nContent-Length: %d\r\n\r\n%s" % (account, len(body), body)
    )


def _get(path: bytes) -> Callable[[int, int], bytes]:
    def request(accounts: int, _: int) -> bytes:
        account = random.randint(1, accounts)
        return b"GET %s HTTP/1.1\r\nHost: 127.0.0.1\r\nX-API-Key: bench-key-%d\r\n\r\n" % (path, account)

    return request


REQUESTS = {
    "orders": _post_order,
    "balance": _get(b"/api/v1/balance"),
    "products": _get(b"/api/v1/products?page_size=50"),
    "bare": _get(b"/bare"),
}


def _same(client: Client) -> Client:
    return client


class Client(asyncio.Protocol):
    """One connection."""

    def __init__(self, make: Callable[[], bytes], until: float, done: asyncio.Future[None]) -> None:
        self.make, self.until, self.done = make, until, done
        self.buffer = bytearray()
        self.sent = 0.0
        self.waits: list[float] = []
        self.refused = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport
        self._ask()

    def data_received(self, data: bytes) -> None:
        self.buffer += data
        head = self.buffer.find(b"\r\n\r\n")
        if head < 0:
            return
        names = self.buffer[:head].lower() + b"\r\n"
        at = names.find(b"content-length:")
        length = int(names[at + 15 : names.find(b"\r\n", at)])
        if len(self.buffer) < head + 4 + length:
            return
        now = time.perf_counter()
        if self.buffer[9:12] == b"200":
            self.waits.append(now - self.sent)
        else:
            self.refused += 1
        self.buffer.clear()
        if now < self.until:
            self._ask()
        else:
            self.transport.close()

    def connection_lost(self, _: Exception | None) -> None:
        if not self.done.done():
            self.done.set_result(None)

    def _ask(self) -> None:
        self.sent = time.perf_counter()
        self.transport.write(self.make())  # type: ignore[attr-defined] # it is a transport that writes


async def run(
    port: int, connections: int, seconds: float, kind: str, sizes: tuple[int, int]
) -> dict[str, float]:
    loop = asyncio.get_running_loop()
    started = time.perf_counter()
    clients, ends = [], []
    for _ in range(connections):
        done: asyncio.Future[None] = loop.create_future()
        client = Client(lambda: REQUESTS[kind](*sizes), started + seconds, done)
        await loop.create_connection(partial(_same, client), "127.0.0.1", port)
        clients.append(client)
        ends.append(done)
    await asyncio.gather(*ends)
    lasted = time.perf_counter() - started
    waits = sorted(wait for client in clients for wait in client.waits)
    return {
        "per_second": len(waits) / lasted,
        "median_ms": waits[len(waits) // 2] * 1000 if waits else 0.0,
        "p99_ms": waits[len(waits) * 99 // 100] * 1000 if waits else 0.0,
        "refused": sum(client.refused for client in clients),
    }


if __name__ == "__main__":
    port, connections, seconds, kind, accounts, products = sys.argv[1:]
    figures = uvloop.run(
        run(int(port), int(connections), float(seconds), kind, (int(accounts), int(products)))
    )
    print(json.dumps(figures))
