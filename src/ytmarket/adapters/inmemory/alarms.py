"""Alarms in memory."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from datetime import datetime
from typing import Any

import attrs

from ytmarket.adapters.inmemory.rows import AlarmRow
from ytmarket.adapters.inmemory.state import State
from ytmarket.domain.alarms import Alarm, AlarmKind, RungAlarm
from ytmarket.domain.ids import AlarmId


@attrs.frozen
class InMemoryAlarms:
    """The `AlarmRepository` port."""

    _state: State

    async def ring(self, alarm: Alarm, now: datetime) -> bool:
        for row in self._ringing(alarm.kind, alarm.subject):
            self._put(row, rung=attrs.evolve(row.rung, alarm=alarm))
            return False
        key = AlarmId(next(self._state.alarm_numbers))
        self._state.alarms.put(key, AlarmRow(rung=RungAlarm(id=key, alarm=alarm, rung_at=now)))
        return True

    async def end(self, kind: AlarmKind, subject: str, now: datetime) -> bool:
        for row in self._ringing(kind, subject):
            self._put(row, rung=attrs.evolve(row.rung, ended_at=now), is_told=False)
            return True
        return False

    async def end_others(
        self, kinds: Collection[AlarmKind], subjects: Collection[str], now: datetime
    ) -> None:
        ringing = [row.rung.alarm for row in self._state.alarms.values() if row.rung.ended_at is None]
        for alarm in ringing:
            if alarm.kind in kinds and alarm.subject not in subjects:
                await self.end(alarm.kind, alarm.subject, now)

    async def rings(self, kind: AlarmKind, subject: str) -> bool:
        return any(self._ringing(kind, subject))

    async def lease_untold(self, now: datetime, until: datetime, *, limit: int) -> Sequence[RungAlarm]:
        due = [
            row
            for row in self._state.alarms.values()
            if not row.is_told and (row.leased_until is None or row.leased_until <= now)
        ][:limit]
        for row in due:
            self._put(row, leased_until=until)
        return [row.rung for row in due]

    async def told(self, rung: RungAlarm, now: datetime) -> None:  # noqa: ARG002 - the port's
        row = self._state.alarms[rung.id]
        self._put(row, is_told=row.rung.ended_at == rung.ended_at, leased_until=None)

    def _ringing(self, kind: AlarmKind, subject: str) -> Iterator[AlarmRow]:
        for row in list(self._state.alarms.values()):
            alarm = row.rung.alarm
            if row.rung.ended_at is None and (alarm.kind, alarm.subject) == (kind, subject):
                yield row

    def _put(self, row: AlarmRow, **changes: Any) -> None:
        self._state.alarms.put(row.rung.id, attrs.evolve(row, **changes))
