"""Alarms: one row from the first ring to the end, and a mark for what is yet to be told."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any, Final

import attrs

from ytmarket.adapters.postgres.connections import Connection
from ytmarket.domain.alarms import Alarm, AlarmKind, RungAlarm
from ytmarket.domain.ids import AlarmId

ALARM_COLUMNS: Final = "alarm.id, alarm.kind, alarm.subject, alarm.detail, alarm.rung_at, alarm.ended_at"
"""What `rung_of` reads, in its order; 6 columns."""

# A row that this statement has inserted was deleted or locked by nobody: its xmax is 0.
RING: Final = """
    insert into alarm (kind, subject, detail, rung_at) values (%s, %s, %s, %s)
    on conflict (kind, subject) where ended_at is null do update set detail = excluded.detail
    returning xmax = 0
"""
END: Final = """
    update alarm set ended_at = %s, untold = true where kind = %s and subject = %s and ended_at is null
"""
END_OTHERS: Final = """
    update alarm set ended_at = %s, untold = true
    where kind = any(%s) and subject <> all(%s) and ended_at is null
"""
RINGS: Final = "select from alarm where kind = %s and subject = %s and ended_at is null"
LEASE: Final = f"""
    with due as (
        select id from alarm where untold and coalesce(leased_until <= %s, true)
        order by id limit %s for no key update skip locked
    ),
    leased as (update alarm set leased_until = %s from due where alarm.id = due.id returning {ALARM_COLUMNS})
    select * from leased order by id
"""
TOLD: Final = """
    update alarm set untold = ended_at is distinct from %s::timestamptz, leased_until = null where id = %s
"""


@attrs.frozen
class PostgresAlarms:
    """The `AlarmRepository` port."""

    _connection: Connection

    async def ring(self, alarm: Alarm, now: datetime) -> bool:
        values = (str(alarm.kind), alarm.subject, alarm.detail, now)
        row = await (await self._connection.execute(RING, values)).fetchone()
        return row is not None and bool(row[0])

    async def end(self, kind: AlarmKind, subject: str, now: datetime) -> bool:
        ended = await self._connection.execute(END, (now, str(kind), subject))
        return ended.rowcount == 1

    async def end_others(
        self, kinds: Collection[AlarmKind], subjects: Collection[str], now: datetime
    ) -> None:
        await self._connection.execute(END_OTHERS, (now, [str(kind) for kind in kinds], list(subjects)))

    async def rings(self, kind: AlarmKind, subject: str) -> bool:
        found = await self._connection.execute(RINGS, (str(kind), subject))
        return await found.fetchone() is not None

    async def lease_untold(self, now: datetime, until: datetime, *, limit: int) -> Sequence[RungAlarm]:
        leased = await self._connection.execute(LEASE, (now, limit, until))
        return [rung_of(row) async for row in leased]

    async def told(self, rung: RungAlarm, now: datetime) -> None:  # noqa: ARG002 - the port's
        await self._connection.execute(TOLD, (rung.ended_at, rung.id))


def rung_of(row: tuple[Any, ...]) -> RungAlarm:
    """The alarm in a row of `ALARM_COLUMNS`."""
    number, kind, subject, detail, rung_at, ended_at = row
    alarm = Alarm(AlarmKind(kind), subject, detail)
    return RungAlarm(id=AlarmId(number), alarm=alarm, rung_at=rung_at, ended_at=ended_at)
