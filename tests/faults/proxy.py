"""Stands between a server and its PostgreSQL and loses, holds up or cuts what they say to each other.

It understands as much of the protocol as is needed to know a COMMIT when it passes, and the answer
to it: only so can a commit be let through and its answer be lost.
"""

from __future__ import annotations

import asyncio
import random
import threading
from collections import Counter
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager, suppress
from enum import StrEnum, auto
from pathlib import Path
from typing import Any, Self

import attrs
import psycopg
from psycopg.conninfo import conninfo_to_dict, make_conninfo

SOCKET = ".s.PGSQL.5432"
QUERY, PARSE, EXECUTE = b"Q", b"P", b"E"
KEY_DATA, READY, COPY_IN = b"K", b"Z", b"G"
IDLE, ANY = b"I", b"ITE"  # outside a transaction, or anywhere
# Requests for encryption are answered by the server with one byte; ours ask for none.
PLAIN = {"sslmode": "disable", "gssencmode": "disable"}


class Fate(StrEnum):
    """What becomes of a commit."""

    PASS = auto()
    LOSE_ANSWER = auto()  # it happens, and nobody hears of it
    LOSE_COMMIT = auto()  # it never arrives


class Blow(StrEnum):
    """How a connection ends at a statement."""

    BEFORE = auto()  # the statement never arrives
    AFTER = auto()  # it is carried out, and nobody hears of it
    ADMIN = auto()  # an administrator ends the backend first, which has its last word


@attrs.define
class Proxy:
    """Use `with Proxy.before(dsn) as proxy`, and connect to `proxy.dsn`."""

    server: dict[str, Any]
    fate_of_next: Callable[[], Fate] = lambda: Fate.PASS
    happened: Counter[Fate] = attrs.field(factory=Counter)
    struck: bool = False
    _blow: tuple[Blow, int] | None = None  # which, and after how many more statements
    port: int = 0
    _loop: asyncio.AbstractEventLoop = attrs.field(factory=asyncio.new_event_loop)
    _flows: asyncio.Event = attrs.field(factory=asyncio.Event)
    _links: set[_Link] = attrs.field(factory=set)

    @classmethod
    @contextmanager
    def before(cls, dsn: str) -> Iterator[Self]:
        proxy = cls(conninfo_to_dict(dsn))
        proxy._flows.set()
        ready = threading.Event()
        thread = threading.Thread(target=proxy._run, args=(ready,), name="proxy")
        thread.start()
        assert ready.wait(10)
        try:
            yield proxy
        finally:
            proxy._do(proxy._end())
            proxy._loop.call_soon_threadsafe(proxy._loop.stop)
            thread.join()

    @property
    def dsn(self) -> str:
        """The way to the database through this proxy, over TCP."""
        kept = {name: self.server[name] for name in ("user", "password", "dbname")}
        return make_conninfo("", host="127.0.0.1", port=self.port, **kept, **PLAIN)

    def lose(self, fate: Fate, *, share: float = 1, seed: int = 0) -> None:
        """From now on this share of the commits meets that fate."""
        chance = random.Random(seed)
        self.fate_of_next = lambda: fate if chance.random() < share else Fate.PASS

    def lose_nothing(self) -> None:
        self.fate_of_next = lambda: Fate.PASS

    def strike(self, blow: Blow, at: int) -> None:
        """End the connection that carries the statement of this number, counted from now and from 1."""
        self.struck = False
        self._blow = (blow, at)

    def spare(self) -> None:
        """No blow any more, if it has not fallen."""
        self._blow = None

    def blow_on_next(self) -> Blow | None:
        """Count a statement; what befalls it."""
        if self._blow is None:
            return None
        blow, left = self._blow
        self._blow = (blow, left - 1) if left > 1 else None
        self.struck = left == 1
        return blow if self.struck else None

    def end_backend(self, pid: int) -> None:
        with psycopg.connect(make_conninfo("", **self.server), autocommit=True) as connection:
            connection.execute("select pg_terminate_backend(%s, 3000)", [pid])

    def hold(self) -> None:
        """From now on nothing passes, in either direction; connections stay open."""
        self._loop.call_soon_threadsafe(self._flows.clear)

    def release(self) -> None:
        self._loop.call_soon_threadsafe(self._flows.set)

    def cut(self) -> None:
        """End every connection."""

        async def cut() -> None:
            for link in list(self._links):
                link.cut()

        self._do(cut())

    def _do(self, work: Coroutine[Any, Any, None]) -> None:
        asyncio.run_coroutine_threadsafe(work, self._loop).result(10)

    def _run(self, ready: threading.Event) -> None:
        asyncio.set_event_loop(self._loop)
        listening = self._loop.run_until_complete(asyncio.start_server(self._serve, "127.0.0.1", 0))
        self.port = listening.sockets[0].getsockname()[1]
        ready.set()
        try:
            self._loop.run_forever()
        finally:
            listening.close()
            self._loop.close()

    async def _end(self) -> None:
        self._flows.set()
        for link in list(self._links):
            link.cut()
        others = asyncio.all_tasks() - {asyncio.current_task()}
        if others:
            await asyncio.wait(others, timeout=5)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        path = Path(str(self.server["host"])) / SOCKET
        try:
            back, forth = await asyncio.open_unix_connection(str(path))
        except OSError:
            writer.transport.abort()  # the server is away
            return
        link = _Link(self, reader, writer, back, forth)
        self._links.add(link)
        try:
            await link.run()
        finally:
            self._links.discard(link)


@attrs.define(eq=False)
class _Link:
    """One connection through the proxy."""

    proxy: Proxy
    client: asyncio.StreamReader
    to_client: asyncio.StreamWriter
    server: asyncio.StreamReader
    to_server: asyncio.StreamWriter
    pid: int = 0
    #: The server's word for being ready, after which it is heard no more; nothing is passed on until then.
    last_word: bytes | None = None

    async def run(self) -> None:
        passing = [asyncio.ensure_future(self._forth()), asyncio.ensure_future(self._back())]
        try:
            await asyncio.wait(passing, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in passing:
                task.cancel()
            await asyncio.gather(*passing, return_exceptions=True)
            self.cut()

    def cut(self) -> None:
        for writer in (self.to_client, self.to_server):
            with suppress(OSError):
                writer.transport.abort()

    async def _forth(self) -> None:
        await self._pass_first()
        with suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                kind, message = await _message(self.client)
                await self.proxy._flows.wait()
                if _is_commit(kind, message):
                    fate = self.proxy.fate_of_next()
                    self.proxy.happened[fate] += 1
                    if fate is Fate.LOSE_COMMIT:
                        return
                    if fate is Fate.LOSE_ANSWER:
                        self.last_word = IDLE
                if kind in {QUERY, EXECUTE} and not await self._survives():
                    return
                self.to_server.write(kind + message)
                if self.client._buffer:  # type: ignore[attr-defined] # more of the same batch: write it together
                    continue
                await self.to_server.drain()

    async def _survives(self) -> bool:
        match self.proxy.blow_on_next():
            case Blow.BEFORE:
                return False
            case Blow.AFTER:
                self.last_word = ANY
            case Blow.ADMIN:
                await asyncio.to_thread(self.proxy.end_backend, self.pid)
            case None:
                pass
        return True

    async def _pass_first(self) -> None:
        """The first message, a start or a cancellation, has no kind."""
        with suppress(asyncio.IncompleteReadError, ConnectionError):
            size = await self.client.readexactly(4)
            rest = await self.client.readexactly(int.from_bytes(size) - 4)
            await self.proxy._flows.wait()
            self.to_server.write(size + rest)
            await self.to_server.drain()

    async def _back(self) -> None:
        with suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                kind, message = await _message(self.server)
                await self.proxy._flows.wait()
                if kind == KEY_DATA:
                    self.pid = int.from_bytes(message[4:8])
                if self.last_word is not None:
                    if kind == COPY_IN or (kind == READY and message[-1:] in self.last_word):
                        return  # the server has done it, or waits for more, and nobody will hear of it
                    continue
                self.to_client.write(kind + message)
                if self.server._buffer:  # type: ignore[attr-defined] # see above
                    continue
                await self.to_client.drain()


async def _message(reader: asyncio.StreamReader) -> tuple[bytes, bytes]:
    kind = await reader.readexactly(1)
    size = await reader.readexactly(4)
    return kind, size + await reader.readexactly(int.from_bytes(size) - 4)


def _is_commit(kind: bytes, message: bytes) -> bool:
    """A simple query, or the text of a statement after its name."""
    if kind == QUERY:
        text = message[4:]
    elif kind == PARSE:
        text = message[4:].partition(b"\0")[2]
    else:
        return False
    return text.lstrip()[:6].upper() == b"COMMIT"
