"""Alarms told in the log: for shops in which nobody is told otherwise."""

from __future__ import annotations

from typing import Final

import structlog

from ytmarket.domain.alarms import RungAlarm

log: Final = structlog.get_logger()


class LogTeller:
    """The `AlarmTeller` port: a warning when an alarm rings, a word when it has ended."""

    async def tell(self, rung: RungAlarm) -> None:
        alarm = rung.alarm
        facts = {"alarm": alarm.kind.value, "subject": alarm.subject, "rung_at": rung.rung_at.isoformat()}
        if rung.ended_at is None:
            log.warning("an alarm is ringing", **facts, detail=alarm.detail)
        else:
            log.info("an alarm has ended", **facts, ended_at=rung.ended_at.isoformat())
