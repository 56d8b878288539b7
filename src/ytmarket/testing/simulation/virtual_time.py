"""An event loop whose time passes only when nobody has anything left to do."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable
from concurrent.futures import Executor
from datetime import timedelta
from selectors import SelectorKey, SelectSelector
from typing import TypeVar, TypeVarTuple, Unpack

from ytmarket.adapters.inmemory import ManualClock

_MICROS_PER_SECOND = 1_000_000

T = TypeVar("T")
Ts = TypeVarTuple("Ts")


class Stuck(Exception):
    """Everybody waits for somebody else, and time alone will not help."""


class _Skipper(SelectSelector):
    """Instead of waiting for a time, goes there."""

    def __init__(self, clock: ManualClock) -> None:
        super().__init__()
        self._clock = clock

    def select(self, timeout: float | None = None) -> list[tuple[SelectorKey, int]]:
        if timeout is None:
            raise Stuck("nothing is planned, and somebody still waits")
        # Rounded up: a moment that is a little too early would be waited for again, for ever.
        self._clock.advance(timedelta(microseconds=math.ceil(timeout * _MICROS_PER_SECOND)))
        return []


class VirtualTimeLoop(asyncio.SelectorEventLoop):
    """Runs tasks one at a time, in an order that depends on nothing outside; *clock* is its time.

    Whoever sleeps for an hour is back at once, and finds the clock an hour on.
    """

    def __init__(self, clock: ManualClock) -> None:
        super().__init__(_Skipper(clock))
        self._clock = clock
        self._began = clock.now()

    def time(self) -> float:
        return (self._clock.now() - self._began) / timedelta(seconds=1)

    def run_in_executor(
        self, executor: Executor | None, func: Callable[[Unpack[Ts]], T], *args: *Ts
    ) -> asyncio.Future[T]:
        """Do it here and at once: threads take turns as they like, and that cannot be repeated."""
        del executor
        done: asyncio.Future[T] = self.create_future()
        try:
            done.set_result(func(*args))
        except Exception as trouble:  # noqa: BLE001 - it is the asker's
            done.set_exception(trouble)
        return done
