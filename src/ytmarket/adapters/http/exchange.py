"""One HTTP request on its way to an answer, and the time it has for that."""

from __future__ import annotations

import asyncio
from enum import Enum, auto
from typing import Final

import attrs
from starlette.types import Receive, Scope

from ytmarket.adapters.http.deadline import Deadline
from ytmarket.adapters.http.refusals import BodyTooLarge, ClientGone

ANSWER_SECONDS: Final = 4.5  # clients are promised an answer within 5, and it must be written, too
BODY_SECONDS: Final = 30.0
LENGTH_DIGITS_MAX: Final = 15
PATH_CHARS_MAX: Final = 200
REPLACEMENT: Final = "\N{REPLACEMENT CHARACTER}"

RawHeader = tuple[bytes, bytes]


class Phase(Enum):
    """How far a request has come; what a time-out means depends on it."""

    ADMISSION = auto()
    BODY = auto()
    HANDLING = auto()


@attrs.define
class Exchange:
    """A request, and the headers that its answer will carry whatever the answer is."""

    scope: Scope
    receive: Receive
    request_id: str
    deadline: Deadline
    body_seconds: float = BODY_SECONDS
    phase: Phase = Phase.ADMISSION
    answer_headers: list[RawHeader] = attrs.field(factory=list)
    caller: str | None = None  # a key's fingerprint or an operator's name, once it is known

    @property
    def method(self) -> str:
        method: str = self.scope["method"]
        return method

    @property
    def api_path(self) -> str:
        """The path as the API's documents name it, wherever the app is mounted; it is shown and stored."""
        path: str = self.scope["path"]
        told = path[max(path.rfind("/api/"), 0) :][:PATH_CHARS_MAX]
        if told.isprintable():
            return told
        return "".join(letter if letter.isprintable() else REPLACEMENT for letter in told)

    @property
    def query_string(self) -> bytes:
        query: bytes = self.scope["query_string"]
        return query

    def path_parameter(self, name: str) -> str:
        value: str = self.scope["path_params"][name]
        return value

    def header(self, name: bytes) -> str | None:
        """The header's value; lines of one name are joined, so that none of them is overlooked."""
        lines = [value for key, value in self.scope["headers"] if key == name]
        return b", ".join(lines).decode("latin-1") if lines else None

    async def body(self, max_bytes: int) -> bytes:
        """The whole body. The client's own slowness does not count against the time to answer.

        Raises `BodyTooLarge` and `ClientGone`.
        """
        length = self.header(b"content-length")
        if length is not None and (len(length) > LENGTH_DIGITS_MAX or int(length) > max_bytes):
            raise BodyTooLarge(max_bytes=max_bytes)
        before, now = self.phase, asyncio.get_running_loop().time
        left = self.deadline.when - now()
        self.phase = Phase.BODY
        self.deadline.reschedule(now() + self.body_seconds)
        body = await self._received(max_bytes)
        self.deadline.reschedule(now() + left)
        self.phase = before
        return body

    async def _received(self, max_bytes: int) -> bytes:
        chunks: list[bytes] = []
        size = 0
        while True:
            message = await self.receive()
            if message["type"] == "http.disconnect":
                raise ClientGone
            chunk = message.get("body", b"")
            size += len(chunk)
            if size > max_bytes:
                raise BodyTooLarge(max_bytes=max_bytes)
            chunks.append(chunk)
            if not message.get("more_body", False):
                return chunks[0] if len(chunks) == 1 else b"".join(chunks)
