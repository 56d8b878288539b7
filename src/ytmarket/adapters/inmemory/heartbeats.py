"""Which processes work on the shop in memory: there is one at most, and tests play more."""

from __future__ import annotations

from datetime import datetime

import attrs

from ytmarket.adapters.inmemory.state import State
from ytmarket.application.ports.heartbeats import Heartbeat


@attrs.frozen
class InMemoryHeartbeats:
    """The `HeartbeatRepository` port."""

    _state: State

    async def beat(self, beat: Heartbeat) -> None:
        self._state.heartbeats.put(beat.process, beat)

    async def leave(self, process: str) -> None:
        if process in self._state.heartbeats:
            self._state.heartbeats.drop(process)

    async def forget(self, before: datetime) -> int:
        silent = [beat.process for beat in self._state.heartbeats.values() if beat.seen_at < before]
        for process in silent:
            self._state.heartbeats.drop(process)
        return len(silent)
