"""USDT that belongs to us and lies where no reader looks."""

from __future__ import annotations

from typing import Final

import attrs

from ytmarket.application.alarms import AlarmService
from ytmarket.application.ports.chain_auditor import WatchedReader
from ytmarket.domain.alarms import Alarm, AlarmKind
from ytmarket.domain.money import Usdt

SHOWN_MAX: Final = 3


@attrs.frozen(kw_only=True)
class StrayService:
    """Rings while our wallet holds the token in other accounts than the one in which deposits are seen."""

    alarms: AlarmService

    async def look(self, reader: WatchedReader) -> None:
        """Ask the chain. Raises `ReaderError`; the alarm is as it was then."""
        strays, network = await reader.stray_accounts(), reader.network
        if not strays:
            await self.alarms.end(AlarmKind.NETWORK_DIFFERENCE, network.value)
            return
        held = Usdt.from_raw(sum(stray.balance for stray in strays), network.facts.decimals)
        more = f" and {len(strays) - SHOWN_MAX} more" if len(strays) > SHOWN_MAX else ""
        named = ", ".join(stray.address for stray in strays[:SHOWN_MAX]) + more
        detail = (
            f"{held} USDT of ours lie beside the account that is read, in {named}. Find out who sent them,"
            " and move them to the wallet's own account: they arrive there as a deposit without a sender."
            " Credit that one with `ytmarket deposits credit`, and nothing by hand."
        )
        await self.alarms.ring(Alarm(AlarmKind.NETWORK_DIFFERENCE, network.value, detail))
