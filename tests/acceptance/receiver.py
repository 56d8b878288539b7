"""A client's own server on loopback, to which webhooks come."""

from __future__ import annotations

import json
import threading
import time
from collections import defaultdict
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from decimal import Decimal
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import attrs

from tests.acceptance.server import until

SILENT_SECONDS = 9


@attrs.frozen(kw_only=True)
class Hook:
    """One attempt, as it arrived."""

    headers: Mapping[str, str]
    raw: bytes
    at: float

    @property
    def body(self) -> Any:
        return json.loads(self.raw, parse_float=Decimal)


@attrs.define
class Receiver:
    """Keeps what comes, by path, and answers 204.

    `answers` says what the next attempts at a path are answered instead; a path in `silent` is answered
    when `released` is set.
    """

    port: int = 0
    hooks: dict[str, list[Hook]] = attrs.field(factory=lambda: defaultdict(list))
    answers: dict[str, list[int]] = attrs.field(factory=lambda: defaultdict(list))
    silent: set[str] = attrs.field(factory=set)
    released: threading.Event = attrs.field(factory=threading.Event)

    def url(self, name: str) -> str:
        return f"http://127.0.0.1:{self.port}/{name}"

    def statuses(self, name: str) -> list[str]:
        return [hook.body["status"] for hook in self.hooks[name]]

    def wait(self, name: str, number: int, *, seconds: float = 20) -> list[Hook]:
        """The attempts at that path, as soon as there are so many."""
        return until(lambda: list(self.hooks[name]), lambda hooks: len(hooks) >= number, seconds=seconds)

    def told(self, name: str, status: str) -> Hook:
        """The first hook that says so."""
        return until(lambda: [hook for hook in self.hooks[name] if hook.body["status"] == status], bool)[0]


@contextmanager
def receiving() -> Iterator[Receiver]:
    receiver = Receiver()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            name = self.path.lstrip("/")
            raw = self.rfile.read(int(self.headers["Content-Length"]))
            receiver.hooks[name].append(Hook(headers=dict(self.headers), raw=raw, at=time.time()))
            if name in receiver.silent:
                receiver.released.wait(SILENT_SECONDS)
            status = receiver.answers[name].pop(0) if receiver.answers[name] else 204
            self.send_response(status)
            self.send_header("Location", receiver.url("elsewhere"))
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    receiver.port = server.server_port
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield receiver
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
        server.server_close()
