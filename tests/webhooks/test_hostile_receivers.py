"""Receivers that stall, flood and lie: an attempt ends in time, small, and never with an exception."""

import asyncio
import gzip
import socket
import struct
import time
import tracemalloc
from typing import Final

import pytest

from tests.webhooks.dns_server import name_server
from tests.webhooks.receivers import Handler, Receiver, read_request, receiver, saying
from ytmarket.adapters.webhooks.sender import GuardedSender, tls_context

DEADLINE: Final = 0.6
SLACK: Final = 5.0  # of a busy machine; who were held would be held for good
PATIENT: Final = 30.0
TLS: Final = tls_context()


def sender(deadline: float = DEADLINE) -> GuardedSender:
    return GuardedSender(allow_private=True, deadline_seconds=deadline, tls=TLS)


async def timed_post(
    url: str, *, deadline: float = DEADLINE, body: bytes = b"{}"
) -> tuple[int | None, float]:
    start = time.monotonic()
    status = await sender(deadline).post(url, body, {"Content-Type": "application/json"})
    return status, time.monotonic() - start


async def forever(writer: asyncio.StreamWriter, piece: bytes, pause: float = 0.0) -> None:
    while True:
        writer.write(piece)
        await writer.drain()
        await asyncio.sleep(pause)


async def silence(reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
    while await reader.read(65_536):
        pass


async def deafness(_reader: asyncio.StreamReader, _writer: asyncio.StreamWriter) -> None:
    await asyncio.sleep(3600)  # until the test is over


def dripping(text: bytes, pause: float = 0.05) -> Handler:
    async def handle(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for number in range(10_000):
            writer.write(text[number % len(text)].to_bytes())
            await writer.drain()
            await asyncio.sleep(pause)

    return handle


def flooding(head: bytes, piece: bytes) -> Handler:
    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        writer.write(head)
        await forever(writer, piece)

    return handle


async def reset(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    raw: socket.socket = writer.get_extra_info("socket")
    raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


STALLS: Final = {
    "says nothing": silence,
    "drips its status line": dripping(b"HTTP/1.1 200 OK\r\nX: " + b"y" * 1000),
    "drips headers": dripping(b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 1000),
    "only says continue": flooding(b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
}


@pytest.mark.parametrize("what", STALLS)
async def test_who_keeps_us_waiting_is_left_at_the_deadline(what: str) -> None:
    async with receiver(STALLS[what]) as found:
        status, seconds = await timed_post(found.url())
        assert status is None
        assert DEADLINE <= seconds < DEADLINE + SLACK
        assert await found.all_closed()


async def test_a_body_that_is_never_taken_does_not_hold_us() -> None:
    async with receiver(deafness) as found:
        status, seconds = await timed_post(found.url(), body=bytes(30_000_000))
        assert status is None
        assert seconds < DEADLINE + SLACK


@pytest.mark.parametrize("what", ["says nothing", "drips its status line"])
async def test_a_tls_handshake_without_end_is_left_and_its_connection_closed(what: str) -> None:
    tarpit = dripping(b"\x16\x03\x03\x40\x00\x02\x00\x3f\xfc" + bytes(64)) if "drips" in what else silence
    async with receiver(tarpit) as found:
        status, seconds = await timed_post(found.url(scheme="https"))
        assert status is None
        assert DEADLINE <= seconds < DEADLINE + SLACK
        assert await found.all_closed()


async def test_a_name_server_that_says_nothing_counts_against_the_same_deadline() -> None:
    async with name_server(lambda _name, _kind: None) as server:
        start = time.monotonic()
        slow = GuardedSender(
            resolver=server.resolver(lifetime_seconds=30),
            deadline_seconds=DEADLINE,
            tls=TLS,
            allow_private=True,
        )
        assert await slow.post("http://silent.example/", b"", {}) is None
        assert DEADLINE <= time.monotonic() - start < DEADLINE + SLACK


OK: Final = b"HTTP/1.1 200 OK\r\n"
ENDLESS: Final = {
    "a body by length": flooding(OK + b"Content-Length: 1000000000000\r\n\r\n", bytes(65_536)),
    "a body until close": flooding(OK + b"\r\n", bytes(65_536)),
    "a body in chunks": flooding(
        OK + b"Transfer-Encoding: chunked\r\n\r\n", b"1000\r\n" + bytes(4096) + b"\r\n"
    ),
    "a body in tiny chunks": flooding(OK + b"Transfer-Encoding: chunked\r\n\r\n", b"1\r\nx\r\n" * 1000),
}


@pytest.mark.parametrize("what", ENDLESS)
async def test_a_body_without_end_is_cut_off_and_the_status_counts(what: str) -> None:
    async with receiver(ENDLESS[what]) as found:
        status, seconds = await timed_post(found.url(), deadline=PATIENT)
        assert status == 200
        assert seconds < PATIENT / 2
        assert await found.all_closed()


async def test_of_a_body_without_end_little_is_read() -> None:
    taken = 0

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal taken
        await read_request(reader)
        writer.write(OK + b"\r\n")
        while True:
            writer.write(bytes(65_536))
            await writer.drain()
            taken += 65_536

    async with receiver(handle) as found:
        assert (await timed_post(found.url(), deadline=PATIENT))[0] == 200
        assert await found.all_closed()
    assert taken < 16 * 2**20  # what fits into the buffers on the way


@pytest.mark.parametrize(
    "head", [b"Content-Length: 100\r\n\r\n", b"Transfer-Encoding: chunked\r\n\r\n", b"\r\n"]
)
async def test_a_body_that_drips_is_not_waited_for(head: bytes) -> None:
    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        writer.write(OK + head)
        await forever(writer, b"1\r\nx\r\n", 0.1)

    async with receiver(handle) as found:
        status, seconds = await timed_post(found.url(), deadline=PATIENT)
        assert status == 200
        assert seconds < PATIENT / 2
        assert await found.all_closed()


async def test_the_drip_ends_with_the_deadline_where_that_comes_first() -> None:
    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await read_request(reader)
        await asyncio.sleep(DEADLINE / 2)
        writer.write(OK + b"\r\n")
        await forever(writer, b"x", 0.05)

    async with receiver(handle) as found:
        status, seconds = await timed_post(found.url())
        assert status == 200
        assert seconds < DEADLINE + SLACK


NONSENSE: Final = {
    "one huge header": saying(OK + b"X: " + b"y" * 300_000 + b"\r\n\r\n"),
    "very many headers": saying(OK + b"X: y\r\n" * 60_000 + b"\r\n"),
    "headers without end": flooding(OK, b"X: " + b"y" * 1000 + b"\r\n"),
    "a status line without end": flooding(b"HTTP/1.1 200 ", b"O" * 65_536),
    "another protocol": saying(b"SSH-2.0-OpenSSH_9.2\r\n"),
    "an old protocol": saying(b"HTTP/0.9\r\n\r\n"),
    "a status that is none": saying(b"HTTP/1.1 abc OK\r\n\r\n"),
    "a status too long": saying(b"HTTP/1.1 20000 OK\r\n\r\n"),
    "binary": saying(bytes(range(256)) * 10),
    "nul in a header": saying(OK + b"X: \0\r\n\r\n"),
    "a length that is none": saying(OK + b"Content-Length: -1\r\n\r\n"),
    "two lengths": saying(OK + b"Content-Length: 1\r\nContent-Length: 2\r\n\r\nxx"),
    "nothing at all": saying(b""),
    "half a head": saying(b"HTTP/1.1 200 OK\r\nX:"),
    "a reset": reset,
}


@pytest.mark.parametrize("what", NONSENSE)
async def test_nonsense_is_no_answer(what: str) -> None:
    async with receiver(NONSENSE[what]) as found:
        status, seconds = await timed_post(found.url(), deadline=PATIENT)
        assert status is None
        assert seconds < PATIENT / 2
        assert found.connections == 1
        assert await found.all_closed()


@pytest.mark.parametrize("what", ["says nothing", "another protocol", "a reset", "binary", "nothing at all"])
async def test_what_does_not_speak_tls_is_no_answer(what: str) -> None:
    talk: Handler = {**STALLS, **NONSENSE}[what]

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if what != "says nothing":
            writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
        await (reset(reader, writer) if what == "a reset" else talk(reader, writer))

    async with receiver(handle) as found:
        status, _ = await timed_post(found.url(scheme="https"))
        assert status is None
        assert await found.all_closed()


async def test_a_body_shorter_than_promised_does_not_take_the_status_back() -> None:
    for answer in (
        OK + b"Content-Length: 100\r\n\r\nshort",
        OK + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n",
    ):
        async with receiver(saying(answer)) as found:
            assert (await timed_post(found.url()))[0] == 200


async def test_a_closed_port_is_no_answer() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
        status, seconds = await timed_post(f"http://127.0.0.1:{port}/", deadline=PATIENT)
    assert status is None
    assert seconds < PATIENT / 2


async def test_a_zip_bomb_stays_zipped() -> None:
    bomb = gzip.compress(bytes(50_000_000))
    head = OK + b"Content-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(bomb)
    async with receiver(saying(head + bomb)) as found:
        assert await peak_of(found) < 1_000_000


async def test_a_flood_takes_less_than_a_megabyte() -> None:
    async with receiver(ENDLESS["a body by length"]) as found:
        assert await peak_of(found) < 1_000_000
    async with receiver(NONSENSE["headers without end"]) as found:
        assert await peak_of(found) < 1_000_000


async def peak_of(found: Receiver) -> int:
    await timed_post(found.url(), deadline=5)  # whatever is only made once is made now
    tracemalloc.start()
    try:
        before, _ = tracemalloc.get_traced_memory()
        await timed_post(found.url(), deadline=5)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    return peak - before


async def test_many_hostile_receivers_at_once_hold_up_no_honest_one() -> None:
    async with (
        receiver(silence) as tarpit,
        receiver(ENDLESS["a body until close"]) as flood,
        receiver() as honest,
    ):
        post = sender(4).post
        silent = [asyncio.create_task(post(tarpit.url(), b"{}", {})) for _ in range(100)]
        flooded = [asyncio.create_task(post(flood.url(), b"{}", {})) for _ in range(20)]
        assert await asyncio.gather(*(post(honest.url(), b"{}", {}) for _ in range(50))) == [200] * 50
        assert not any(task.done() for task in silent)
        assert await asyncio.gather(*silent) == [None] * 100
        assert await asyncio.gather(*flooded) == [200] * 20
        assert await tarpit.all_closed()
        assert await flood.all_closed()
