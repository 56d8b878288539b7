"""Which processes work on the shop, as each of them says of itself."""

from __future__ import annotations

from datetime import datetime
from typing import Protocol

import attrs


@attrs.frozen(kw_only=True)
class Heartbeat:
    """One process was alive and could write. *process* is a name that no other has."""

    process: str
    role: str
    host: str
    pid: int
    version: str
    started_at: datetime
    seen_at: datetime


class HeartbeatRepository(Protocol):
    """What processes say of themselves.

    * of each process the latest beat is kept, and no other;
    * whoever leaves is forgotten at once, and whoever is silent when it is asked for.
    """

    async def beat(self, beat: Heartbeat) -> None: ...

    async def leave(self, process: str) -> None:
        """Fine for one that never beat."""
        ...

    async def forget(self, before: datetime) -> int:
        """Forget those last seen before then; how many."""
        ...
