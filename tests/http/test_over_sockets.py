"""What only a real server and raw bytes can show: chunks, lengths, half requests, many on one line."""

import asyncio
import json
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import attrs
import pytest
import uvicorn

from tests.http.shop import World, as_sent, open_world
from ytmarket.entrypoints import heads
from ytmarket.entrypoints.heads import HEAD_BYTES_MAX
from ytmarket.entrypoints.serve import app_config

ORDER = {"product_id": 1, "quantity": 1, "payment_method": "balance"}


@attrs.frozen
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def code(self) -> str:
        code: str = json.loads(self.body)["code"]
        return code


@attrs.frozen
class Line:
    """One connection to the server."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    async def send(self, *parts: bytes) -> None:
        for part in parts:
            self.writer.write(part)
            await self.writer.drain()

    async def answer(self, *, head: bool = False) -> Answer:
        async with asyncio.timeout(10):
            first = await self.reader.readuntil(b"\r\n\r\n")
            status, *lines = first.decode("latin-1").split("\r\n")[:-2]
            headers = {name.lower(): value for name, value in (line.split(": ", 1) for line in lines)}
            length = 0 if head else int(headers["content-length"])
            return Answer(int(status.split()[1]), headers, await self.reader.readexactly(length))

    async def end(self) -> None:
        """The server ends the connection, whatever it still says."""
        async with asyncio.timeout(30):
            with suppress(ConnectionError):
                await self.reader.read()


@asynccontextmanager
async def served(world: World) -> AsyncIterator[int]:
    """The shop on a free port of the loopback interface."""
    server = uvicorn.Server(app_config(world.app()))
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        task = asyncio.create_task(server.serve(sockets=[listener]))
        while not server.started:  # noqa: ASYNC110 - uvicorn has no event to wait for
            await asyncio.sleep(0.01)
        try:
            yield listener.getsockname()[1]
        finally:
            server.should_exit = True
            await task


@asynccontextmanager
async def connected(port: int) -> AsyncIterator[Line]:
    line = Line(*await asyncio.open_connection("127.0.0.1", port))
    try:
        yield line
    finally:
        line.writer.close()


@pytest.fixture
async def world() -> World:
    world = open_world(limit=1_000)
    await world.product(1, "8", units=50)
    return world


async def head(world: World, method: str, path: str, *headers: str) -> bytes:
    key = await world.rich()
    lines = [f"{method} /api/v1{path} HTTP/1.1", "Host: shop", f"X-API-Key: {key.key}", *headers, "", ""]
    return "\r\n".join(lines).encode("latin-1")


async def test_chunked_bodies(world: World) -> None:
    body = as_sent(ORDER)
    chunks = b"".join(b"%x\r\n%b\r\n" % (1, body[at : at + 1]) for at in range(len(body))) + b"0\r\n\r\n"
    async with served(world) as port, connected(port) as line:
        await line.send(await head(world, "POST", "/orders", "Transfer-Encoding: chunked"), chunks)
        assert (await line.answer()).status == 200


async def test_chunks_without_end_are_cut_off(world: World) -> None:
    chunk = b"4000\r\n" + b" " * 0x4000 + b"\r\n"
    async with served(world) as port, connected(port) as line:
        await line.send(await head(world, "POST", "/orders", "Transfer-Encoding: chunked"), *([chunk] * 5))
        answer = await line.answer()
        assert (answer.status, answer.code) == (413, "body_too_large")


@pytest.mark.parametrize("length", ["65537", "99999999999999999"])
async def test_a_length_that_is_too_large_is_refused_before_the_body_is_sent(
    world: World, length: str
) -> None:
    async with served(world) as port, connected(port) as line:
        await line.send(await head(world, "POST", "/orders", f"Content-Length: {length}"))
        answer = await line.answer()
        assert (answer.status, answer.code) == (413, "body_too_large")


async def test_many_requests_on_one_line(world: World) -> None:
    body = as_sent(ORDER)
    order = await head(world, "POST", "/orders", f"Content-Length: {len(body)}") + body
    async with served(world) as port, connected(port) as line:
        await line.send(order * 3)
        assert [(await line.answer()).status for _ in range(3)] == [200, 200, 200]


async def test_head_is_get_without_a_body(world: World) -> None:
    async with served(world) as port, connected(port) as line:
        request = await head(world, "HEAD", "/products")
        await line.send(request)
        answer = await line.answer(head=True)
        assert (answer.status, answer.headers["content-type"]) == (200, "application/json")
        await line.send(request)
        assert (await line.answer(head=True)).status == 200


async def test_a_request_that_breaks_off_hurts_nobody(world: World) -> None:
    request = await head(world, "POST", "/orders", "Content-Length: 60")
    async with served(world) as port:
        async with connected(port) as line:
            await line.send(request, b'{"product_id": 1,')
        async with connected(port) as line:
            await line.send(await head(world, "GET", "/health"))
            assert (await line.answer()).status == 200


@pytest.mark.parametrize(
    "name", ["X-API-Key", "X-Signature", "X-Timestamp", "Idempotency-Key", "X-Forwarded-For"]
)
async def test_bytes_beyond_ascii_in_headers(world: World, name: str) -> None:
    signer = await world.rich("99", secret=True)
    async with served(world) as port, connected(port) as line:
        request = f"POST /api/v1/orders HTTP/1.1\r\nHost: shop\r\nX-API-Key: {signer.key}\r\n"
        odd = name.encode() + b": \xff\xfe\xe9\r\n"
        await line.send(request.encode() + odd + b"Content-Length: 2\r\n\r\n{}")
        assert (await line.answer()).status == 401


async def test_odd_paths(world: World) -> None:
    async with served(world) as port, connected(port) as line:
        for path in (
            "/orders/%00",
            "/orders/%ff%fe",
            "/balance/topup/%ed%a0%80",
            "/products?category=%ff",
            "//",
            "/%2e%2e",
        ):
            await line.send(await head(world, "GET", path))
            assert (await line.answer()).status in {200, 404}


START = b"GET /livez HTTP/1.1\r\nHost: shop\r\n"
LINES = b"".join(b"a%d: b\r\n" % number for number in range(10_000))
PADDING = b"a" * HEAD_BYTES_MAX


@pytest.mark.parametrize(
    "request_head",
    [
        (START + b"X-A: " + PADDING)[: HEAD_BYTES_MAX + 1],
        (START + LINES)[: HEAD_BYTES_MAX + 1],
        (b"GET /livez?" + PADDING)[: HEAD_BYTES_MAX + 1],
        START + b"X-A: " + PADDING[: -len("/livezHost: shop\r\nX-A: \r\n") + 1] + b"\r\n\r\n",
    ],
    ids=["one long line", "many lines", "a long path", "all at once"],
)
async def test_a_head_without_bounds_fills_no_memory(world: World, request_head: bytes) -> None:
    async with served(world) as port, connected(port) as line:
        await line.send(request_head)
        assert (await line.answer()).status == 431
        await line.end()


async def test_a_head_that_is_only_large_is_read(world: World) -> None:
    async with served(world) as port, connected(port) as line:
        large = START + b"X-A: " + PADDING[:-1_000] + b"\r\n\r\n"
        await line.send(large, large)
        assert [(await line.answer()).status for _ in range(2)] == [200, 200]


async def test_trailers_are_bounded_too(world: World) -> None:
    chunks = b"1\r\nx\r\n0\r\n"
    async with served(world) as port, connected(port) as line:
        await line.send(await head(world, "POST", "/orders", "Transfer-Encoding: chunked"), chunks)
        with suppress(ConnectionError):
            await line.send(*[LINES] * 10)
        await line.end()


@asynccontextmanager
async def in_a_hurry(port: int, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Line]:
    """A connection that was answered once; from now on the server waits for nobody."""
    async with connected(port) as line:
        await line.send(START + b"\r\n")
        assert (await line.answer()).status == 200
        monkeypatch.setattr(heads, "HEAD_SECONDS", 0.01)
        yield line


async def test_who_does_not_finish_a_head_is_not_waited_for(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with served(world) as port, in_a_hurry(port, monkeypatch) as line:
        await line.send(START)
        assert (await line.answer()).status == 408
        await line.end()
        async with connected(port) as silent:
            await silent.end()


async def test_who_is_refused_before_the_body_came_holds_no_connection(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    request = b"POST /api/v1/orders HTTP/1.1\r\nHost: shop\r\nContent-Length: 10\r\n\r\n"
    async with served(world) as port:
        for rest in (b"x", b"x" * 10):
            async with connected(port) as line:
                await line.send(request)
                assert (await line.answer()).status == 401
                monkeypatch.setattr(heads, "HEAD_SECONDS", 0.01)
                await line.send(rest)
                await line.end()
            monkeypatch.undo()


async def test_line_ends_between_requests_are_no_request(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with served(world) as port, in_a_hurry(port, monkeypatch) as line:
        await line.send(b"\r\n")
        async with asyncio.timeout(30):
            assert await line.reader.read() == b"", "it ends without a word"


UPGRADES = ("Connection: Upgrade, HTTP2-Settings", "Upgrade: h2c", "HTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA")


async def test_an_offer_of_another_protocol_changes_nothing(world: World) -> None:
    body = as_sent(ORDER)
    whole = await head(world, "POST", "/orders", f"Content-Length: {len(body)}", *UPGRADES)
    chunked = await head(world, "POST", "/orders", "Transfer-Encoding: chunked", *UPGRADES)
    look = await head(world, "GET", "/health", *UPGRADES)
    chunks = b"%x\r\n%b\r\n0\r\n\r\n" % (len(body), body)
    ways: list[list[bytes]] = [
        [whole + body],
        [whole, body],
        [bytes([byte]) for byte in whole + body],
        [chunked + chunks],
        [chunked, chunks],
    ]
    async with served(world) as port:
        for parts in ways:
            async with connected(port) as line:
                for part in parts:
                    await line.send(part)
                    await asyncio.sleep(0)
                assert (await line.answer()).status == 200
                await line.send(whole + body)
                assert (await line.answer()).status == 200
        async with connected(port) as line:
            await line.send(look + whole + body + look)
            assert [(await line.answer()).status for _ in range(3)] == [200, 200, 200]
