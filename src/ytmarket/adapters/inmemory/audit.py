"""The audit trail in memory."""

from __future__ import annotations

import attrs

from ytmarket.adapters.inmemory.state import State
from ytmarket.domain.audit import GENESIS, AuditEnd, AuditEntry, AuditRow


@attrs.frozen
class InMemoryAudit:
    """The `AuditRepository` port."""

    _state: State

    async def append(self, entry: AuditEntry) -> int:
        rows = self._state.audit
        number = len(rows) + 1
        previous = rows[number - 1].hash if number > 1 else GENESIS
        row = AuditRow(
            number=number,
            entry=entry,
            previous=previous,
            hash=entry.digest(number, previous),
        )
        rows.put(number, row)
        self._state.audit_end.put(0, AuditEnd(number, row.hash))
        return number
