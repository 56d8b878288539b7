"""Alarms as they are kept, and whoever passes them on to an operator."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Protocol

from ytmarket.domain.alarms import Alarm, AlarmKind, RungAlarm


class AlarmRepository(Protocol):
    """What is wrong, until it is not, and what of it an operator has been told.

    * of one kind and subject one alarm rings at a time, however many ring it;
    * what rings about others than these ends with them, in the kinds that are named and in no other;
    * whether it rings is told as of now, in this unit of work;
    * an alarm is told by one process at a time, and by another once the lease has ended;
    * what began and what ended are both told; what ended before it was told is told once.
    """

    async def ring(self, alarm: Alarm, now: datetime) -> bool:
        """True when it was not ringing; otherwise only its detail is put right."""
        ...

    async def end(self, kind: AlarmKind, subject: str, now: datetime) -> bool:
        """False when it was not ringing."""
        ...

    async def end_others(
        self, kinds: Collection[AlarmKind], subjects: Collection[str], now: datetime
    ) -> None:
        """Of these kinds nothing rings on but what is about these subjects."""
        ...

    async def rings(self, kind: AlarmKind, subject: str) -> bool: ...

    async def lease_untold(self, now: datetime, until: datetime, *, limit: int) -> Sequence[RungAlarm]:
        """Alarms of which something is yet to be told, oldest first; ours until then."""
        ...

    async def told(self, rung: RungAlarm, now: datetime) -> None:
        """This much of it has been told. What has ended since is yet to be."""
        ...


class AlarmTeller(Protocol):
    """Passes alarms on to where an operator looks."""

    async def tell(self, rung: RungAlarm) -> None:
        """Tell that it rings, or that it has ended. Whatever is raised, it is tried again later."""
        ...
