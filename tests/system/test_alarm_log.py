"""Where nobody is told otherwise, an alarm is a line of the log."""

import io
import json
from datetime import timedelta

import attrs
import pytest

from ytmarket.adapters.system.alarm_log import LogTeller
from ytmarket.adapters.system.logging import configure_logging
from ytmarket.domain.alarms import Alarm, AlarmKind, RungAlarm
from ytmarket.domain.ids import AlarmId
from ytmarket.testing.contracts.world import NOW

pytestmark = pytest.mark.anyio
STOPPED = Alarm(AlarmKind.NETWORK_STOPPED, "usdt_ton", "Its nodes disagree.")
RUNG = RungAlarm(id=AlarmId(1), alarm=STOPPED, rung_at=NOW)


async def test_an_alarm_is_a_warning_and_its_end_a_word() -> None:
    stream = io.StringIO()
    configure_logging(as_json=True, stream=stream)
    await LogTeller().tell(RUNG)
    await LogTeller().tell(attrs.evolve(RUNG, ended_at=NOW + timedelta(hours=1)))
    rang, ended = map(json.loads, stream.getvalue().splitlines())
    assert (rang["level"], rang["event"]) == ("warning", "an alarm is ringing")
    assert (rang["alarm"], rang["subject"]) == ("network_stopped", "usdt_ton")
    assert rang["detail"] == STOPPED.detail
    assert (ended["level"], ended["event"]) == ("info", "an alarm has ended")
    assert ended["ended_at"] > ended["rung_at"]
