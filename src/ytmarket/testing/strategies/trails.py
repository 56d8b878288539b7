"""Audit entries, and whole trails of them, each bound to the one before."""

from __future__ import annotations

from collections.abc import Sequence

from hypothesis import strategies as st
from hypothesis.strategies import DrawFn, SearchStrategy

from ytmarket.domain.audit import GENESIS, AuditEntry, AuditRow
from ytmarket.testing.strategies.amounts import moments

_WORDS = st.text("ab:1é", max_size=3)


def audit_entries() -> SearchStrategy[AuditEntry]:
    """Entries of short words that are easily run together."""
    return st.builds(
        AuditEntry,
        at=moments(),
        actor=_WORDS,
        action=_WORDS,
        target=_WORDS,
        details=st.dictionaries(_WORDS, _WORDS, max_size=2),
    )


@st.composite
def audit_trails(draw: DrawFn, *, min_size: int = 0, max_size: int = 6) -> Sequence[AuditRow]:
    """Whole trails: numbered from 1, every hash in its place."""
    rows: list[AuditRow] = []
    previous = GENESIS
    for number, entry in enumerate(draw(st.lists(audit_entries(), min_size=min_size, max_size=max_size)), 1):
        digest = entry.digest(number, previous)
        rows.append(AuditRow(number=number, entry=entry, previous=previous, hash=digest))
        previous = digest
    return rows
