"""Which processes work on the shop: one row each, rewritten in its place."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final

import attrs

from ytmarket.adapters.postgres.connections import Connection
from ytmarket.application.ports.heartbeats import Heartbeat

HEARTBEAT_COLUMNS: Final = "process, role, host, pid, version, started_at, seen_at"
"""What `heartbeat_of` reads, in its order."""

BEAT: Final = f"""
    insert into heartbeat ({HEARTBEAT_COLUMNS}) values (%s, %s, %s, %s, %s, %s, %s)
    on conflict (process) do update set seen_at = excluded.seen_at
"""
LEAVE: Final = "delete from heartbeat where process = %s"
FORGET: Final = "delete from heartbeat where seen_at < %s"


@attrs.frozen
class PostgresHeartbeats:
    """The `HeartbeatRepository` port."""

    _connection: Connection

    async def beat(self, beat: Heartbeat) -> None:
        await self._connection.execute(BEAT, attrs.astuple(beat))

    async def leave(self, process: str) -> None:
        await self._connection.execute(LEAVE, (process,))

    async def forget(self, before: datetime) -> int:
        return (await self._connection.execute(FORGET, (before,))).rowcount


def heartbeat_of(row: tuple[Any, ...]) -> Heartbeat:
    """The beat in a row of `HEARTBEAT_COLUMNS`."""
    process, role, host, pid, version, started_at, seen_at = row
    return Heartbeat(
        process=process,
        role=role,
        host=host,
        pid=pid,
        version=version,
        started_at=started_at,
        seen_at=seen_at,
    )
