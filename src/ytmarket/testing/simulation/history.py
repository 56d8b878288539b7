"""What happened in a simulation: counted by kind, hashed, and its last lines kept to be read."""

from __future__ import annotations

import hashlib
from collections import Counter, deque
from datetime import datetime
from typing import Final

import attrs

from ytmarket.application.ports.clock import Clock

LINES_KEPT: Final = 60


@attrs.frozen(kw_only=True)
class Report:
    """How a simulation went. Equal seeds, steps and faults give an equal *hash*.

    *counts* tells how often each kind of thing happened, *passed* from when to when the clock went.
    """

    seed: int
    steps: int
    counts: Counter[str]
    hash: str
    began: datetime
    ended: datetime


class History:
    """Takes down every event. Nothing that differs from run to run may be written here."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._digest = hashlib.sha256()
        self.counts: Counter[str] = Counter()
        self.last: deque[str] = deque(maxlen=LINES_KEPT)

    def note(self, kind: str, *facts: object) -> None:
        self.counts[kind] += 1
        line = " ".join([f"{self._clock.now():%m-%d %H:%M:%S.%f}", kind, *map(str, facts)])
        self._digest.update(line.encode() + b"\n")
        self.last.append(line)

    @property
    def hash(self) -> str:
        return self._digest.hexdigest()
