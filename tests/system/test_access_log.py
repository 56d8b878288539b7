"""A line for each request, written many at a time, with nothing in it that a client chose."""

from __future__ import annotations

import asyncio
import io
import json
from datetime import UTC, datetime, timedelta
from typing import Any

from ytmarket.adapters.system import access_log
from ytmarket.adapters.system.access_log import JsonAccessLog
from ytmarket.adapters.system.redaction import REDACTED, Redactor

SECRET = "operator-token-0123456789"


def tell(log: JsonAccessLog, number: int = 1, **changes: Any) -> None:
    facts: dict[str, Any] = {
        "request_id": f"{number:020x}",
        "method": "GET",
        "route": "/api/v1/orders/{id}",
        "status": 200,
        "seconds": 0.0123456,
        "caller": "0123456789ab",
    }
    log(**facts | changes)


def read(stream: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


async def test_a_line_tells_what_was_asked_by_whom_and_how_it_ended() -> None:
    stream = io.StringIO()
    log = JsonAccessLog(Redactor(), stream)
    tell(log)
    tell(log, 2, caller=None, status=503, seconds=61)
    log.flush()
    first, second = read(stream)
    moment = datetime.fromisoformat(first.pop("timestamp"))
    assert abs(datetime.now(UTC) - moment) < timedelta(seconds=30)
    assert first == {
        "level": "info",
        "event": "request",
        "logger": "ytmarket.access",
        "request_id": f"{1:020x}",
        "method": "GET",
        "route": "/api/v1/orders/{id}",
        "status": 200,
        "ms": 12.35,
        "caller": "0123456789ab",
    }
    assert (second["caller"], second["status"], second["ms"]) == (None, 503, 61_000.0)


class Announcing(io.StringIO):
    """Says when it was written to."""

    def __init__(self) -> None:
        super().__init__()
        self.written = asyncio.Event()

    def write(self, text: str) -> int:
        self.written.set()
        return super().write(text)


async def test_lines_are_written_together_and_soon() -> None:
    stream = Announcing()
    log = JsonAccessLog(Redactor(), stream)
    for number in range(3):
        tell(log, number)
    assert not stream.getvalue()
    async with asyncio.timeout(30):
        await stream.written.wait()
    assert [line["request_id"] for line in read(stream)] == [f"{number:020x}" for number in range(3)]
    tell(log, 4)
    log.flush()
    log.flush()
    assert len(read(stream)) == 4


async def test_in_a_rush_nothing_gathers_without_bound() -> None:
    stream = io.StringIO()
    log = JsonAccessLog(Redactor(), stream)
    for number in range(access_log.LINES_MAX * 2 + 1):
        tell(log, number)
    assert len(read(stream)) == access_log.LINES_MAX * 2
    log.flush()


async def test_the_last_guard_looks_at_what_recurs_too() -> None:
    stream = io.StringIO()
    log = JsonAccessLog(Redactor.of([SECRET]), stream)
    tell(log, caller=SECRET)
    tell(log, caller='"quoted"\n')
    log.flush()
    assert SECRET not in stream.getvalue()
    assert [line["caller"] for line in read(stream)] == [REDACTED, '"quoted"\n']


async def test_probes_that_are_answered_well_are_worth_no_line() -> None:
    stream = io.StringIO()
    log = JsonAccessLog(Redactor(), stream)
    for route in access_log.PROBES:
        tell(log, route=route)
        tell(log, route=route, status=503)
    log.flush()
    assert [line["status"] for line in read(stream)] == [503] * len(access_log.PROBES)


async def test_moments_go_on_from_second_to_second() -> None:
    stream = io.StringIO()
    log = JsonAccessLog(Redactor(), stream)
    log._second = 1
    tell(log)
    log._second += 5  # as if a clock had jumped
    tell(log)
    log.flush()
    first, second = (datetime.fromisoformat(line["timestamp"]) for line in read(stream))
    assert timedelta(0) <= second - first < timedelta(seconds=5)
