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


def first_broken(rows: Iterable[AuditRow]) -> int | None:
    """The number at which the chain does not hold; None when it is whole."""
    previous, expected = GENESIS, 1
    for row in rows:
        if (
            row.number != expected
            or row.previous != previous
            or row.hash != row.entry.digest(row.number, previous)
        ):
            return expected
        previous, expected = row.hash, expected + 1
    return None
