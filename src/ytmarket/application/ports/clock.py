"""What time it is, from one clock for the whole shop."""

from __future__ import annotations

from datetime import datetime
from typing import Protocol


class Clock(Protocol):
    """The shop's clock.

    * it answers in UTC, with a time zone;
    * it never goes backwards within a process.
    """

    def now(self) -> datetime: ...
