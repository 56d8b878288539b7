"""The machine's clock, set forward at will: local chains go by the machine's own."""

from __future__ import annotations

from datetime import datetime, timedelta

import attrs

from ytmarket.adapters.system.clock import SystemClock


@attrs.define
class ShiftedClock:
    """The `Clock` port."""

    _clock: SystemClock = attrs.field(factory=SystemClock)
    _shift: timedelta = timedelta(0)

    def now(self) -> datetime:
        return self._clock.now() + self._shift

    def advance(self, by: timedelta) -> None:
        """Let so much time pass for whoever asks this clock, and not for the chain."""
        self._shift += by
