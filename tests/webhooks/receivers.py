"""Servers on loopback for webhooks to meet: honest, hostile, and one that must never be met."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager, suppress

import attrs
from httpcore2 import SOCKET_OPTION, AnyIOBackend, AsyncNetworkBackend, AsyncNetworkStream, ConnectError

Handler = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]

ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


@attrs.define
class Receiver:
    """What came in, connection by connection."""

    handler: Handler
    port: int = 0
    connections: int = 0
    open_connections: int = 0
    received: bytearray = attrs.field(factory=bytearray)
    requests: list[bytes] = attrs.field(factory=list)

    def url(self, path: str = "/hook", *, host: str = "127.0.0.1", scheme: str = "http") -> str:
        return f"{scheme}://{host}:{self.port}{path}"

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self.open_connections += 1
        try:
            with suppress(OSError, EOFError, ssl.SSLError):
                await self.handler(reader, writer)
        finally:
            self.open_connections -= 1
            writer.close()

    async def all_closed(self, within_seconds: float = 1.0) -> bool:
        """Whether the sender has let go of every connection."""
        with suppress(TimeoutError):
            async with asyncio.timeout(within_seconds):
                while self.open_connections:  # noqa: ASYNC110 - a test may poll
                    await asyncio.sleep(0.01)
        return self.open_connections == 0


@asynccontextmanager
async def receiver(
    handler: Handler | None = None, *, tls: ssl.SSLContext | None = None
) -> AsyncIterator[Receiver]:
    """Answers 200 to everything, unless a handler does otherwise."""
    found = Receiver(handler or _unused)
    if handler is None:
        found.handler = answering(found)
    server = await asyncio.start_server(found.serve, "127.0.0.1", 0, ssl=tls)
    found.port = server.sockets[0].getsockname()[1]
    try:
        yield found
    finally:
        server.close()
        tasks = [task for task in asyncio.all_tasks() if _is_serving(task)]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def _is_serving(task: asyncio.Task[object]) -> bool:
    return getattr(task.get_coro(), "__qualname__", "") == Receiver.serve.__qualname__


async def _unused(_reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
    raise AssertionError


async def read_request(reader: asyncio.StreamReader) -> bytes:
    """Head and body of one request."""
    head = await reader.readuntil(b"\r\n\r\n")
    lines = head.lower().split(b"\r\n")
    length = next((int(line.split(b":")[1]) for line in lines if line.startswith(b"content-length:")), 0)
    return head + await reader.readexactly(length)


def answering(found: Receiver, answer: bytes = ANSWER) -> Handler:
    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        found.requests.append(await read_request(reader))
        writer.write(answer)
        await writer.drain()

    return handle


def saying(answer: bytes) -> Handler:
    """Reads the request, gives this answer and closes."""

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        writer.write(answer)
        await writer.drain()

    return handle


@asynccontextmanager
async def canary() -> AsyncIterator[Receiver]:
    """Listens on both loopbacks; a single connection is a failure."""

    async def notice(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        found.received += await reader.read(65_536)
        writer.write(ANSWER)

    async with receiver(notice) as found:
        servers = []
        with suppress(OSError):  # not every machine has IPv6
            servers.append(await asyncio.start_server(found.serve, "::1", found.port))
        try:
            yield found
        finally:
            for server in servers:
                server.close()


@attrs.frozen
class NoWayOut(AsyncNetworkBackend):
    """Dials in earnest what leads inside, so that a hole meets the canary; nothing else leaves."""

    dialled: list[str] = attrs.field(factory=list)
    _real: AnyIOBackend = attrs.field(factory=AnyIOBackend)

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109 - the library's signature
        local_address: str | None = None,  # noqa: ARG002 - the library's signature
        socket_options: Iterable[SOCKET_OPTION] | None = None,  # noqa: ARG002 - the library's signature
    ) -> AsyncNetworkStream:
        self.dialled.append(host)
        if host.startswith(("127.", "::", "0.")):
            return await self._real.connect_tcp(host, port, timeout)
        raise ConnectError("the test ends here")


@attrs.frozen
class LyingNetwork(AsyncNetworkBackend):
    """Leads to one place on loopback, whichever address is dialled."""

    port: int
    _real: AnyIOBackend = attrs.field(factory=AnyIOBackend)

    async def connect_tcp(
        self,
        host: str,  # noqa: ARG002 - that is the lie
        port: int,  # noqa: ARG002 - the library's signature
        timeout: float | None = None,  # noqa: ASYNC109 - the library's signature
        local_address: str | None = None,  # noqa: ARG002 - the library's signature
        socket_options: Iterable[SOCKET_OPTION] | None = None,  # noqa: ARG002 - the library's signature
    ) -> AsyncNetworkStream:
        return await self._real.connect_tcp("127.0.0.1", self.port, timeout)
