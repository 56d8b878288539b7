"""HTTP by hand on connections that stay open: as many requests as a server can take, sent at one moment."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import attrs


@attrs.frozen
class Answer:
    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def told(self) -> Any:
        return json.loads(self.body)


@attrs.frozen
class Line:
    """One connection to a server."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    async def ask(self, request: bytes) -> Answer:
        self.writer.write(request)
        head = await self.reader.readuntil(b"\r\n\r\n")
        first, *lines = head.decode("latin-1").split("\r\n")[:-2]
        headers = {name.lower(): value for name, value in (line.split(": ", 1) for line in lines)}
        return Answer(
            int(first.split()[1]), headers, await self.reader.readexactly(int(headers["content-length"]))
        )


@asynccontextmanager
async def lines(ports: Sequence[int], how_many: int) -> AsyncIterator[list[Line]]:
    """So many connections, to the servers in turn."""
    async with AsyncExitStack() as stack:
        opened = []
        for number in range(how_many):
            reader, writer = await asyncio.open_connection("127.0.0.1", ports[number % len(ports)])
            stack.callback(writer.close)
            opened.append(Line(reader, writer))
        yield opened


def request(method: str, path: str, headers: Mapping[str, str], body: bytes = b"") -> bytes:
    """What goes over the wire."""
    told = {"Host": "shop", "Content-Length": str(len(body)), **headers}
    head = [f"{method} {path} HTTP/1.1", *(f"{name}: {value}" for name, value in told.items()), "", ""]
    return "\r\n".join(head).encode() + body
