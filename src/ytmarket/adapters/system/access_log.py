"""A line for every request that was answered: which path, how it ended, how long it took, who asked.

Lines of machines are put together without the log's machinery, and written many at a time: they must
not cost the requests that they tell of.
"""

from __future__ import annotations

import asyncio
import sys
import time
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, Final, TextIO

import msgspec
import structlog

from ytmarket.adapters.system.redaction import Redactor

FLUSH_SECONDS: Final = 0.2
LINES_MAX: Final = 500
FACTS_KEPT: Final = 4_096
REFUSED: Final = 400
PROBES: Final = frozenset({"/livez", "/readyz", "/metrics"})
"""Asked every few seconds; answered well they are worth no line."""


class AccessFacts(msgspec.Struct):
    """What a line tells beside its time, in the words of the other lines.

    *caller* is a key's fingerprint, or an operator's name.
    """

    method: str
    route: str
    status: int
    caller: str | None
    level: str = "info"
    event: str = "request"
    logger: str = "ytmarket.access"


class JsonAccessLog:
    """Lines for machines. Those of the last moments before a crash are lost; a clean end loses none.

    What recurs is rendered, and looked through for secrets, once: all else are numbers of ours.
    """

    def __init__(self, redactor: Redactor, stream: TextIO | None = None) -> None:
        self._redactor = redactor
        self._stream = stream or sys.stderr
        self._lines: list[str] = []
        self._timer: asyncio.TimerHandle | None = None
        self._facts = lru_cache(maxsize=FACTS_KEPT)(self._rendered)
        self._second = 0
        self._until_second = ""

    def __call__(
        self, *, request_id: str, method: str, route: str, status: int, seconds: float, caller: str | None
    ) -> None:
        if route in PROBES and status < REFUSED:
            return
        facts = self._facts(method, route, status, caller)
        self._lines.append(
            f'{{"timestamp":"{self._moment()}","request_id":"{request_id}","ms":{seconds * 1000:.2f},{facts}'
        )
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(FLUSH_SECONDS, self.flush)
        elif len(self._lines) >= LINES_MAX:
            self.flush()

    def flush(self) -> None:
        """Write what has gathered."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._lines:
            text = "\n".join(self._lines) + "\n"
            self._lines.clear()
            self._stream.write(text)
            self._stream.flush()

    def _rendered(self, method: str, route: str, status: int, caller: str | None) -> str:
        facts = AccessFacts(method=method, route=route, status=status, caller=caller)
        return self._redactor.hide_shapes(msgspec.json.encode(facts).decode().removeprefix("{"))

    def _moment(self) -> str:
        now = time.time()
        second = int(now)
        if second != self._second:
            self._second = second
            self._until_second = datetime.fromtimestamp(second, UTC).strftime("%Y-%m-%dT%H:%M:%S")
        return f"{self._until_second}.{int((now - second) * 1_000_000):06d}Z"


class PlainAccessLog:
    """Lines for a person, among the others."""

    def __init__(self) -> None:
        self._log = structlog.get_logger("ytmarket.access")

    def __call__(
        self, *, request_id: str, method: str, route: str, status: int, seconds: float, caller: str | None
    ) -> None:
        if route in PROBES and status < REFUSED:
            return
        told: dict[str, Any] = {} if caller is None else {"caller": caller}
        line = f"{method} {route} {status}"
        self._log.info(line, ms=round(seconds * 1000, 2), request_id=request_id, **told)

    def flush(self) -> None:
        """They are written at once."""
