"""The audit trail: every admin action, each entry bound to the one before by its hash."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Final

import attrs

GENESIS: Final = bytes(32)


@attrs.frozen(kw_only=True)
class AuditEntry:
    """Who did what to what, and when. Details hold no secrets."""

    at: datetime
    actor: str
    action: str
    target: str
    details: Mapping[str, str] = attrs.field(factory=dict)

    def digest(self, number: int, previous: bytes) -> bytes:
        """The entry's hash: over its number, the hash before it and every word in it."""
        # In UTC: a store may give the same moment back in another zone.
        at = self.at.astimezone(UTC).isoformat()
        words = [str(number), at, self.actor, self.action, self.target]
        for name in sorted(self.details):
            words += [name, self.details[name]]
        sealed = hashlib.sha256(previous)
        for word in words:
            encoded = word.encode()
            # Lengths keep words apart: "ab","c" must not hash like "a","bc".
            sealed.update(len(encoded).to_bytes(8, "big") + encoded)
        return sealed.digest()


@attrs.frozen(kw_only=True)
class AuditRow:
    """An entry as it is kept: numbered from 1 without gaps, with both hashes."""

    number: int
    entry: AuditEntry
    previous: bytes
    hash: bytes


@attrs.frozen
class AuditEnd:
    """Where a trail ends: the number and the hash of its last row."""

    number: int = 0
    hash: bytes = GENESIS

    def after(self, row: AuditRow) -> AuditEnd | None:
        """The end once this row has followed; None when it does not follow from here."""
        number = self.number + 1
        follows = row.number == number and row.previous == self.hash
        if not follows or row.hash != row.entry.digest(number, self.hash):
            return None
        return AuditEnd(number, row.hash)


def first_broken(rows: Iterable[AuditRow]) -> int | None:
    """The number at which the chain does not hold; None when it is whole."""
    end = AuditEnd()
    for row in rows:
        after = end.after(row)
        if after is None:
            return end.number + 1
        end = after
    return None
