"""Writes down who knocked at an operator's door without being one."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

import attrs

from ytmarket.application.audit import Actor, audited
from ytmarket.application.instructions import OPERATORS
from ytmarket.application.ports.clock import Clock
from ytmarket.application.ports.unit_of_work import NewUnitOfWork
from ytmarket.domain.errors import IdempotencyInFlight
from ytmarket.domain.idempotency import Attempt
from ytmarket.domain.times import epoch_seconds

SPAN: Final = timedelta(hours=1)


@attrs.frozen(kw_only=True)
class StrangerService:
    """One row for a place and hour, however many processes are knocked at: the trail cannot be flooded."""

    new_unit_of_work: NewUnitOfWork
    clock: Clock

    async def turned_away(self, actor: Actor, action: str, target: str, **details: object) -> bool:
        """Write it down; False where this place has its row for this hour."""
        now = self.clock.now()
        attempt = Attempt(f"{action} {target} {_hour(now)}", b"")
        async with self.new_unit_of_work() as uow:
            try:
                known = await uow.requests.hold(OPERATORS, attempt)
            except IdempotencyInFlight:  # another process is writing it down
                return False
            if known is not None:
                return False
            await uow.requests.keep(OPERATORS, attempt, b"", now)
            await audited(uow, actor, now, action, target, **details)
            await uow.commit()
        return True


def _hour(now: datetime) -> int:
    return epoch_seconds(now) // int(SPAN.total_seconds())
