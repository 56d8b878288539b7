"""What a client may send before anybody knows who it is: so many bytes, in so many seconds.

uvicorn bounds the heads of requests only with its other parser, which is slower. Without a bound one
connection fills the server's memory, and many that never finish their heads use up its sockets.
"""

from __future__ import annotations

import asyncio
import sys
from asyncio import TimerHandle
from http import HTTPStatus
from typing import Any, Final

from httptools import HttpRequestParser
from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol

HEAD_BYTES_MAX: Final = 65_536
HEAD_SECONDS: Final = 30.0
SEPARATORS: Final = len(b": \r\n")


class HeadTooLarge(Exception):
    """Stops the parser."""


class BoundedHeads(HttpToolsProtocol):
    """uvicorn's protocol, with bounds to what is not yet, or no longer, part of a body."""

    def __init__(self, *args: Any, **settings: Any) -> None:
        super().__init__(*args, **settings)
        self._pending = 0  # bytes since the parser last brought something to its end
        self._has_begun = False  # a message, of which more is to come
        self._is_too_large = False
        self._data = b""
        self._plain_head: bytes | None = None  # of a request that asked for another protocol
        self._head_task: TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override] # as uvicorn's
        super().connection_made(transport)
        self._begin_waiting()

    def connection_lost(self, exc: Exception | None) -> None:
        self._end_waiting()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        self._pending += len(data)
        self._data = data
        super().data_received(data)
        if self.transport.is_closing():
            return
        if self._pending > HEAD_BYTES_MAX:
            self._refuse(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE)
        elif self._head_task is None and not self._is_answering:
            # A head, or what is left of a body that was refused before it came.
            self._begin_waiting()

    def on_message_begin(self) -> None:
        self._has_begun = True
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        # What has come counts a body, too, that came along.
        if self._pending > HEAD_BYTES_MAX and self._head_bytes() > HEAD_BYTES_MAX:
            self._is_too_large = True
            raise HeadTooLarge
        self._pending = 0
        self._end_waiting()
        if self.parser.should_upgrade() and self.parser.get_method() != b"CONNECT":
            self._plain_head = self._head_without_upgrade()
        else:
            super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        self._pending = 0
        super().on_body(body)

    def on_message_complete(self) -> None:
        self._pending = 0
        self._has_begun = False
        if self._plain_head is None:
            super().on_message_complete()

    def _unsupported_upgrade_warning(self) -> None:
        """Read the request once more as what it is in HTTP/1.1.

        Whoever offers another protocol (`Upgrade: h2c`, as Java's client and curl do) sends a body all the
        same. The parser takes what follows for the other protocol: the body would be lost, or be the next
        request.
        """
        if self._plain_head is None:
            return
        head, self._plain_head = self._plain_head, None
        rest = self._data[_offset_of_upgrade() :]
        self.parser = HttpRequestParser(self)
        self.parser.set_dangerous_leniencies(lenient_data_after_close=True)  # as uvicorn's own
        self.data_received(head)
        if rest and not self.transport.is_closing():
            self.data_received(rest)

    def send_400_response(self, msg: str) -> None:
        if self._is_too_large:
            self._refuse(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE)
        else:
            super().send_400_response(msg)

    def _head_without_upgrade(self) -> bytes:
        version = self.parser.get_http_version().encode()
        first = b"%s %s HTTP/%s\r\n" % (self.parser.get_method(), self.url, version)
        lines = (b"%s: %s\r\n" % line for line in self.headers if line[0] != b"upgrade")
        return first + b"".join(lines) + b"\r\n"

    def _head_bytes(self) -> int:
        return len(self.url) + sum(len(name) + len(value) + SEPARATORS for name, value in self.headers)

    def _begin_waiting(self) -> None:
        self._head_task = self.loop.call_later(HEAD_SECONDS, self._head_is_late)

    def _end_waiting(self) -> None:
        if self._head_task is not None:
            self._head_task.cancel()
            self._head_task = None

    def _head_is_late(self) -> None:
        if self._is_answering:
            self._begin_waiting()
        elif self._has_begun and self._pending:
            self._refuse(HTTPStatus.REQUEST_TIMEOUT)
        else:
            self.transport.close()

    @property
    def _is_answering(self) -> bool:
        cycle = self.cycle
        return cycle is not None and not cycle.response_complete  # type: ignore[redundant-expr] # None at first

    def _refuse(self, status: HTTPStatus) -> None:
        """Tell why, unless that would stand within another answer, and end the connection."""
        if not self._is_answering:
            text = status.phrase.encode()
            length = b"content-length: %d\r\n" % len(text)
            kind = b"content-type: text/plain; charset=utf-8\r\n"
            self.transport.write(STATUS_LINE[status] + kind + length + b"connection: close\r\n\r\n" + text)
        self.transport.close()


def _offset_of_upgrade() -> int:
    """Up to where the parser has read, as its exception that is being handled tells."""
    trouble = sys.exception()
    return int(trouble.args[0]) if trouble is not None else 0
