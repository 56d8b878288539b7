"""How much to ask for at once, blocks or calls: as many as the node will take."""

from __future__ import annotations

from typing import Final

import attrs

PATIENCE_MAX: Final = 64


@attrs.define
class Span:
    """Halves when it was too much, doubles after successes; the more refusals, the more of those.

    Limits differ from node to node and, where results count, from day to day, so none is set.
    """

    largest: int
    size: int = attrs.field(init=False)
    _patience: int = attrs.field(default=1, init=False)
    _successes: int = attrs.field(default=0, init=False)

    def __attrs_post_init__(self) -> None:
        self.size = self.largest

    def was_too_wide(self, asked: int) -> bool:
        """Narrow it; False when *asked* was one already."""
        self.size = max(1, asked // 2)
        self._patience = min(2 * self._patience, PATIENCE_MAX)
        self._successes = 0
        return asked > 1

    def was_answered(self, asked: int) -> None:
        """Widen it in time. A short request at the chain's end says nothing about wider ones."""
        if asked < self.size:
            return
        if self.size == self.largest:
            self._patience = 1
            return
        self._successes += 1
        if self._successes >= self._patience:
            self.size = min(2 * self.size, self.largest)
            self._successes = 0
