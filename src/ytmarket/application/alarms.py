"""Alarms: rung by whoever finds something wrong, ended once it is put right, told once to operators."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from datetime import datetime, timedelta
from typing import Final

import attrs

from ytmarket.application.ports.alarms import AlarmTeller
from ytmarket.application.ports.clock import Clock
from ytmarket.application.ports.networks import NetworkState
from ytmarket.application.ports.queries import ExhaustedWebhooks, Paging, Queries
from ytmarket.application.ports.unit_of_work import NewUnitOfWork
from ytmarket.domain.alarms import Alarm, AlarmKind
from ytmarket.domain.deposits import DepositStatus
from ytmarket.domain.networks import Network

LAG_MAX: Final = timedelta(minutes=5)
LEASE: Final = timedelta(seconds=60)  # a teller needs seconds
QUEUE: Final = "queue"
"""The subject of an alarm about all unmatched deposits together."""

EXHAUSTED_FOR: Final = timedelta(days=1)
"""How long an event that nobody sends again is worth an alarm."""

SEEN_BY_LOOKING: Final = frozenset(
    {AlarmKind.DEPOSITS_UNMATCHED, AlarmKind.NETWORK_LAGGING, AlarmKind.WEBHOOK_EXHAUSTED}
)
"""Those that follow from the state; the others are rung by whoever finds them."""


@attrs.frozen(kw_only=True)
class AlarmService:
    """*networks* are those with a wallet; one whose reading lags by more than *lag_max* is an alarm."""

    new_unit_of_work: NewUnitOfWork
    queries: Queries
    clock: Clock
    networks: Collection[Network] = ()
    lag_max: timedelta = LAG_MAX

    async def ring(self, alarm: Alarm) -> bool:
        """Ring; True when it was not ringing before."""
        async with self.new_unit_of_work() as uow:
            new = await uow.alarms.ring(alarm, self.clock.now())
            await uow.commit()
        return new

    async def end(self, kind: AlarmKind, subject: str) -> bool:
        """It is put right; False when it was not ringing."""
        async with self.new_unit_of_work() as uow:
            ended = await uow.alarms.end(kind, subject, self.clock.now())
            await uow.commit()
        return ended

    async def look(self) -> None:
        """Ring what follows from the state of the shop, and end what does not any more."""
        ringing = {
            (rung.alarm.kind, rung.alarm.subject): rung.alarm
            for rung in await self.queries.alarms()
            if rung.alarm.kind in SEEN_BY_LOOKING
        }
        wrong = {
            (alarm.kind, alarm.subject): alarm
            for alarm in (
                *await self._unmatched(),
                *await self._lagging(ringing),
                *_exhausted(await self.queries.exhausted_webhooks(self.clock.now() - EXHAUSTED_FOR)),
            )
        }
        for name, alarm in wrong.items():
            if ringing.get(name) != alarm:
                await self.ring(alarm)
        for kind, subject in ringing.keys() - wrong.keys():
            await self.end(kind, subject)

    async def tell_due(self, teller: AlarmTeller, *, limit: int = 20) -> int:
        """Pass on what nobody has been told yet; how many. Raises what went wrong with the last."""
        now = self.clock.now()
        async with self.new_unit_of_work() as uow:
            due = await uow.alarms.lease_untold(now, now + LEASE, limit=limit)
            await uow.commit()
        trouble: Exception | None = None
        for rung in due:
            try:
                await teller.tell(rung)
            except Exception as told_nobody:  # noqa: BLE001 - one that cannot be told keeps no other back
                trouble = told_nobody
                continue
            async with self.new_unit_of_work() as uow:
                await uow.alarms.told(rung, self.clock.now())
                await uow.commit()
        if trouble is not None:
            raise trouble
        return len(due)

    async def _unmatched(self) -> list[Alarm]:
        waiting = await self.queries.deposits(DepositStatus.UNMATCHED, Paging(page_size=1))
        if waiting.total == 0:
            return []
        # Newest first: the last page holds the oldest.
        last = await self.queries.deposits(DepositStatus.UNMATCHED, Paging(page=waiting.total, page_size=1))
        (oldest,) = last.rows or waiting.rows
        detail = (
            f"{waiting.total} unmatched, the oldest since {_minute(oldest.deposit.at)}. "
            "See `ytmarket deposits list`: credit or return each."
        )
        return [Alarm(AlarmKind.DEPOSITS_UNMATCHED, QUEUE, detail)]

    async def _lagging(self, ringing: Collection[tuple[AlarmKind, str]]) -> list[Alarm]:
        # One that has stopped is an alarm of its own.
        states = [
            state
            for state in await self.queries.network_states()
            if state.network in self.networks and not state.stopped
        ]
        return [
            Alarm(AlarmKind.NETWORK_LAGGING, state.network.value, _lag_in_words(state))
            for state in states
            if self._lags(state, (AlarmKind.NETWORK_LAGGING, state.network.value) in ringing)
        ]

    def _lags(self, state: NetworkState, is_ringing: bool) -> bool:  # noqa: FBT001 - a fact, not a switch
        if state.read_until is None:
            return state.trouble is not None
        # It ends at half the limit, so that one about as late as the limit does not ring on and off.
        allowed = self.lag_max // 2 if is_ringing else self.lag_max
        return self.clock.now() - state.read_until > allowed


def _lag_in_words(state: NetworkState) -> str:
    until = (
        "It has never been read" if state.read_until is None else f"Read until {_minute(state.read_until)}"
    )
    trouble = "" if state.trouble is None else f" ({state.trouble})"
    return f"{until}{trouble}. Payments on it wait, and nothing expires. Check its nodes and the log."


def _minute(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M} UTC"


def _exhausted(found: Iterable[ExhaustedWebhooks]) -> Iterator[Alarm]:
    for lost in found:
        detail = (
            f"{lost.events} webhooks given up, the first {lost.first} of order {lost.order_id}. "
            f"When the receiver answers again: `ytmarket webhooks resend {lost.first}`."
        )
        yield Alarm(AlarmKind.WEBHOOK_EXHAUSTED, lost.receiver, detail)
