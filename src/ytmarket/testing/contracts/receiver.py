"""A client's server on loopback, honest or hostile, for contract tests of webhook senders."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from typing import Final, Protocol, TypeAlias

import attrs

Behaviour: TypeAlias = Callable[[asyncio.StreamWriter], Awaitable[None]]

CHUNK: Final = b"x" * 4096


@attrs.frozen(kw_only=True)
class Arrived:
    """One request as the receiver saw it; the names of headers are in lower case."""

    body: bytes
    headers: Mapping[str, str]


class Receiver(Protocol):
    """Somewhere to send webhooks to, which answers as it is told."""

    @property
    def url(self) -> str: ...

    @property
    def arrived(self) -> list[Arrived]: ...

    def answer(self, status: int | None) -> None:
        """Answer this from now on; None: hang up without an answer."""
        ...


@attrs.define
class LoopbackReceiver:
    """An HTTP server on 127.0.0.1. `connections` counts those who came near it at all."""

    url: str = ""
    arrived: list[Arrived] = attrs.field(factory=list)
    connections: int = 0
    behave: Behaviour = attrs.field(default=lambda writer: _say(writer, 200))

    def answer(self, status: int | None) -> None:
        self.behave = _hang_up if status is None else lambda writer: _say(writer, status)

    def redirect(self, to: str) -> None:
        self.behave = lambda writer: _say(writer, 307, location=to)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            with suppress(OSError, asyncio.IncompleteReadError):
                self.arrived.append(await _read_request(reader))
                await self.behave(writer)
        finally:
            writer.close()


async def garbage(writer: asyncio.StreamWriter) -> None:
    """Says what is no HTTP."""
    writer.write(b"\x00\xff what?\r\n\r\n" * 100)
    await writer.drain()


async def silence(writer: asyncio.StreamWriter) -> None:
    """Never says anything."""
    await asyncio.sleep(3_600)
    writer.close()


async def dripping(writer: asyncio.StreamWriter) -> None:
    """Says a header a moment, for ever."""
    writer.write(b"HTTP/1.1 200 OK\r\n")
    while True:
        writer.write(b"X-Drip: 1\r\n")
        await writer.drain()
        await asyncio.sleep(0.1)


async def endless(writer: asyncio.StreamWriter) -> None:
    """Says 200, then sends a body that has no end."""
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n\r\n")
    while True:
        writer.write(CHUNK)
        await writer.drain()
        await asyncio.sleep(0)


@asynccontextmanager
async def loopback_receiver() -> AsyncIterator[LoopbackReceiver]:
    """Open one on a free port; whoever is still being served at the end is let go."""
    receiver, serving = LoopbackReceiver(), set[asyncio.Task[None]]()

    def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(receiver.serve(reader, writer))
        serving.add(task)
        task.add_done_callback(serving.discard)

    server = await asyncio.start_server(connected, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    receiver.url = f"http://127.0.0.1:{port}/hook"
    try:
        yield receiver
    finally:
        server.close()
        for task in list(serving):
            task.cancel()
        await asyncio.gather(*serving, return_exceptions=True)


async def _read_request(reader: asyncio.StreamReader) -> Arrived:
    head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    lines = [line.partition(":") for line in head.split("\r\n")[1:] if line]
    headers = {name.lower(): value.strip() for name, _, value in lines}
    body = await reader.readexactly(int(headers.get("content-length", "0")))
    return Arrived(body=body, headers=headers)


async def _say(writer: asyncio.StreamWriter, status: int, location: str | None = None) -> None:
    lines = [f"HTTP/1.1 {status} Whatever", "Content-Length: 0", "Connection: close"]
    if location is not None:
        lines.append(f"Location: {location}")
    writer.write("\r\n".join([*lines, "", ""]).encode())
    await writer.drain()


async def _hang_up(writer: asyncio.StreamWriter) -> None:
    writer.close()
