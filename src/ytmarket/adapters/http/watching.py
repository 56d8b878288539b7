"""What a process remembers of the requests it answered: how many, how they ended, how long they took.

It stands on the way of every request, so it counts in plain lists; they become metrics when asked for.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator
from time import perf_counter
from typing import Final, Protocol

import attrs

from ytmarket.adapters.http.exchange import Exchange

BUCKETS: Final = (0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)
"""Upper bounds in seconds; what took longer stands in a last one."""

METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
OTHER: Final = "other"
GONE: Final = 499
"""Stands for the status of a request whose sender left before it was complete."""

Series = tuple[str, str, int]
"""The route's template, the method and the status: as many as the code has, whatever clients send."""


class AccessLog(Protocol):
    """Takes one line for each request. It may hold no text that a client chose."""

    def __call__(
        self, *, request_id: str, method: str, route: str, status: int, seconds: float, caller: str | None
    ) -> None: ...


@attrs.define
class RequestTally:
    """Requests by series: how many took how long, by bucket, and how long all of them together."""

    _counts: dict[Series, list[int]] = attrs.field(factory=dict)
    _seconds: dict[Series, float] = attrs.field(factory=dict)

    def count(self, series: Series, seconds: float) -> None:
        counts = self._counts.get(series)
        if counts is None:
            counts = self._counts[series] = [0] * (len(BUCKETS) + 1)
            self._seconds[series] = 0.0
        counts[bisect_left(BUCKETS, seconds)] += 1
        self._seconds[series] += seconds

    def series(self) -> Iterator[tuple[Series, list[int], float]]:
        """Each with its buckets, which do not contain each other, and its seconds."""
        for series, counts in sorted(self._counts.items()):
            yield series, counts, self._seconds[series]


@attrs.frozen
class Watch:
    """Told of every request when it has been answered; *access_log* is for whoever wants a line of it."""

    tally: RequestTally = attrs.field(factory=RequestTally)
    access_log: AccessLog | None = None

    def __call__(self, exchange: Exchange, status: int, begun: float) -> None:
        """*begun* is when the request came, by `perf_counter`."""
        seconds = perf_counter() - begun
        scope = exchange.scope
        method: str = scope["method"]
        if method not in METHODS:
            method = OTHER  # what is no method of HTTP is the client's own text
        route: str = scope["route"].path
        self.tally.count((route, method, status), seconds)
        if self.access_log is not None:
            self.access_log(
                request_id=exchange.request_id,
                method=method,
                route=route,
                status=status,
                seconds=seconds,
                caller=exchange.caller,
            )
