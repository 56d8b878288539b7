"""Who is told of alarms: the log, and the chats that the settings name."""

from __future__ import annotations

from typing import Final

import attrs

from ytmarket.adapters.system.alarm_log import LogTeller
from ytmarket.application.ports.alarms import AlarmTeller
from ytmarket.domain.alarms import RungAlarm
from ytmarket.entrypoints.settings import Settings
from ytmarket.entrypoints.telegram import ClosingTeller, chat_teller

REMEMBERED_MAX: Final = 1_000


@attrs.define(kw_only=True)
class Tellers:
    """The `AlarmTeller` port: the log hears of an alarm once, however often the chats are tried."""

    log: AlarmTeller = attrs.field(factory=LogTeller)
    chats: ClosingTeller | None = None
    _logged: dict[tuple[int, bool], None] = attrs.field(factory=dict, init=False)  # in their order

    async def tell(self, rung: RungAlarm) -> None:
        telling = (rung.id, rung.ended_at is not None)
        if telling not in self._logged:
            await self.log.tell(rung)
            self._logged[telling] = None
            if len(self._logged) > REMEMBERED_MAX:
                del self._logged[next(iter(self._logged))]
        if self.chats is not None:
            await self.chats.tell(rung)

    async def close(self) -> None:
        """Close the line to the chats."""
        if self.chats is not None:
            await self.chats.close()


def teller_of(settings: Settings) -> Tellers:
    """The ways in which this shop's operators are told. Raises `SettingsError`."""
    return Tellers(chats=chat_teller(settings))
