"""How nodes fail: each way once, for every network."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from enum import StrEnum
from typing import Final, Generic, TypeVar

import attrs

RETRY_AFTER_SECONDS: Final = 7
DAY: Final = timedelta(days=1)
PATIENT: Final = timedelta(seconds=30)
"""How long a node is waited for, on a machine that has much to do."""

HASTY: Final = timedelta(seconds=1)
"""For tests with a silent node, which is waited for to the end."""

E = TypeVar("E")


class Fault(StrEnum):
    """What is wrong with a node."""

    HANGS_UP = "hangs up"
    IS_SILENT = "is silent"
    IS_BROKEN = "is broken"
    LOCKS_US_OUT = "locks us out"
    TALKS_NONSENSE = "talks nonsense"
    BREAKS_OFF = "breaks off"
    IS_BUSY = "is busy"
    """It wants to be left alone for seven seconds."""

    LAGS = "lags"
    """It has not got as far as we have read."""

    STANDS_STILL = "stands still"
    """It has not heard of a new block for a day."""

    IS_OF_ANOTHER_CHAIN = "is of another chain"
    LACKS_THE_TOKEN = "lacks the token"
    HAS_OTHER_DECIMALS = "has other decimals"


@attrs.define(kw_only=True)
class Faulty(Generic[E]):
    """A hop before a node, as long as it has a fault, or an edit by which answers are changed."""

    fault: Fault | None = None
    edit: E | None = None
    before: Callable[[], Awaitable[None]] | None = None
    """Happens before each request is passed on."""

    _over: asyncio.Event = attrs.field(factory=asyncio.Event, init=False)

    @contextmanager
    def having(self, fault: Fault) -> Iterator[None]:
        """Fail this way inside the block."""
        self.fault = fault
        try:
            yield
        finally:
            self.fault = None
            self._over.set()  # whoever it kept waiting need wait no longer
            self._over = asyncio.Event()

    @contextmanager
    def answering(self, edit: E) -> Iterator[None]:
        """Change answers inside the block."""
        self.edit = edit
        try:
            yield
        finally:
            self.edit = None
