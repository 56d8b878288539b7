"""Agreements of chains with the books, in memory."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import attrs

from ytmarket.adapters.inmemory.rows import ReconciliationRow
from ytmarket.adapters.inmemory.state import State
from ytmarket.application.ports.reconciliation import Booked, Task
from ytmarket.domain.deposits import DepositRecord, DepositStatus
from ytmarket.domain.networks import Network
from ytmarket.domain.reconciliation import Holding


@attrs.frozen
class InMemoryReconciliation:
    """The `ReconciliationRepository` port."""

    _state: State

    async def take_up(self, network: Network, wallet: str, now: datetime, until: datetime) -> Task | None:
        rows, progress = self._state.reconciliations, self._state.progress.get((network, wallet))
        if progress is None:
            return None
        row = rows.get((network, wallet)) or ReconciliationRow(not_before=progress.read_until, due_at=now)
        if row.due_at > now:
            return None
        rows.put((network, wallet), attrs.evolve(row, due_at=until))
        return Task(agreed=row.agreed, not_before=row.not_before)

    async def agree(
        self, network: Network, wallet: str, holding: Holding, *, after: Holding | None, due_at: datetime
    ) -> bool:
        row = self._state.reconciliations.get((network, wallet))
        if row is None or row.agreed != after:
            return False
        agreed = attrs.evolve(row, agreed=holding, due_at=due_at)
        self._state.reconciliations.put((network, wallet), agreed)
        return True

    async def forget(self, network: Network, wallet: str, now: datetime) -> int | None:
        row = self._state.reconciliations.get((network, wallet))
        if row is None or row.agreed is None:
            return None
        not_before = self._state.progress[network, wallet].read_until
        forgotten = attrs.evolve(row, agreed=None, due_at=now, not_before=not_before)
        self._state.reconciliations.put((network, wallet), forgotten)
        return row.agreed.point.height

    async def forget_other_tokens(self, network: Network, wallet: str, source: str, now: datetime) -> None:
        for other, kept in [key for key, _ in self._state.reconciliations.items()]:
            if other is network and kept.startswith(f"{wallet}/") and kept != source:
                await self.forget(network, kept, now)

    async def booked(
        self, network: Network, wallet: str, after: int, to: int, *, source: str
    ) -> Booked | None:
        progress = self._state.progress.get((network, source))
        if progress is None:
            return None
        found = await self.deposits(network, wallet, after, to)
        return Booked(raw=sum(record.deposit.raw for record in found), read_until=progress.read_until)

    async def deposits(self, network: Network, wallet: str, after: int, to: int) -> Sequence[DepositRecord]:
        def is_counted(record: DepositRecord) -> bool:
            one = record.deposit
            is_inside = (one.network, one.recipient) == (network, wallet) and after < one.height <= to
            return is_inside and record.status is not DepositStatus.ORPHANED

        def place(record: DepositRecord) -> tuple[int, str, int]:
            one = record.deposit
            return (one.height, one.tx_hash, one.event_index)

        return sorted(filter(is_counted, self._state.deposits.values()), key=place)
