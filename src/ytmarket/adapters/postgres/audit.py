"""The audit trail: a chain that grows at one end, one entry at a time."""

from __future__ import annotations

from typing import Any, Final

import attrs
from psycopg.types.json import Jsonb

from ytmarket.adapters.postgres.connections import Connection
from ytmarket.domain.audit import GENESIS, AuditEnd, AuditEntry, AuditRow

ONE_AT_A_TIME: Final = "select pg_advisory_xact_lock(hashtextextended('audit', 0))"
# A statement of its own after the lock, so that it sees what the lock's last holder committed.
LAST: Final = "select number, hash from api_audit_log order by number desc limit 1"
APPEND: Final = """
    insert into api_audit_log (number, at, actor, action, target, details, previous, hash)
    values (%s, %s, %s, %s, %s, %s, %s, %s)
"""
AUDIT_END: Final = "audit_end"
KEEP_END: Final = """
    insert into setting (name, value) values (%s, %s) on conflict (name) do update set value = excluded.value
"""

AUDIT_COLUMNS: Final = "number, at, actor, action, target, details, previous, hash"
"""What `audit_row_of` reads, in its order; 8 columns."""


@attrs.frozen
class PostgresAudit:
    """The `AuditRepository` port. Whoever appends holds the trail's end until the transaction ends."""

    _connection: Connection

    async def append(self, entry: AuditEntry) -> int:
        await self._connection.execute(ONE_AT_A_TIME)
        last = await (await self._connection.execute(LAST)).fetchone()
        number, previous = (1, GENESIS) if last is None else (last[0] + 1, last[1])
        digest = entry.digest(number, previous)
        values = (
            number,
            entry.at,
            entry.actor,
            entry.action,
            entry.target,
            Jsonb(dict(entry.details)),
            previous,
            digest,
        )
        await self._connection.execute(APPEND, values)
        await self._connection.execute(KEEP_END, (AUDIT_END, f"{number}:{digest.hex()}"))
        return number


def audit_row_of(row: tuple[Any, ...]) -> AuditRow:
    """The row of the trail in a row of `AUDIT_COLUMNS`."""
    number, at, actor, action, target, details, previous, digest = row
    entry = AuditEntry(at=at, actor=actor, action=action, target=target, details=_told(details))
    return AuditRow(number=number, entry=entry, previous=previous, hash=digest)


def audit_end_of(text: str) -> AuditEnd | None:
    """The end as it was kept; None for a text that nobody here has written."""
    number, _, digest = text.partition(":")
    try:
        return AuditEnd(int(number), bytes.fromhex(digest))
    except ValueError:
        return None


def _told(details: Any) -> dict[str, str]:
    """Details as they were written. Anything else was put there by a stranger, and matches no hash."""
    if isinstance(details, dict) and all(isinstance(value, str) for value in details.values()):
        return details
    return {"\0": "not what the shop writes"}  # no text in PostgreSQL holds a NUL
