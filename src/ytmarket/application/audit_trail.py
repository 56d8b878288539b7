"""Reading the audit trail, and making sure that nobody has touched it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import attrs

from ytmarket.application.ports.queries import Listing, Paging, Queries
from ytmarket.domain.audit import AuditEnd, AuditRow

ROWS_AT_ONCE: Final = 1_000
UNTOLD_MAX: Final = 5


@attrs.frozen(kw_only=True)
class Verified:
    """How far the trail holds; `broken_at` is the first number at which it does not.

    `untold` names some of what operators must have acted on, in a trail that tells nothing of it:
    it was cut off and its end forgotten, or all of it was written anew.
    """

    end: AuditEnd
    broken_at: int | None = None
    untold: Sequence[str] = ()


@attrs.frozen(kw_only=True)
class AuditService:
    """What operators ask about what operators did."""

    queries: Queries

    async def latest(self, limit: int) -> Sequence[AuditRow]:
        """Newest first."""
        return await self.queries.audit_rows(limit=limit)

    async def page(self, paging: Paging) -> Listing[AuditRow]:
        """One page, newest first. Rows are numbered without gaps, so a number tells how many there are."""
        rows = await self.queries.audit_rows(limit=paging.page_size, offset=paging.offset)
        if rows:
            total = rows[0].number + paging.offset
        else:
            total = next((newest.number for newest in await self.latest(1)), 0)
        return Listing(rows=rows, paging=paging, total=total)

    async def verify(self, known: AuditEnd | None = None) -> Verified:
        """Follow the trail to the end that is kept beside it, then hold the books against it.

        *known* is an end that was written down elsewhere: the trail must still pass through it.
        While it is followed, more may be appended.
        """
        reached = expected = AuditEnd()
        passed = known is None or known == reached
        while True:
            rows = await self.queries.audit_trail(reached.number or None, limit=ROWS_AT_ONCE)
            for row in rows:
                after = reached.after(row)
                if after is None:
                    return Verified(end=reached, broken_at=reached.number + 1)
                reached = after
                if known is not None and reached.number == known.number:
                    if reached != known:
                        return Verified(end=reached, broken_at=known.number)
                    passed = True
            if len(rows) == ROWS_AT_ONCE:
                continue
            # Fewer rows than had been written before they were read.
            if reached.number < expected.number:
                return Verified(end=reached, broken_at=reached.number + 1)
            kept = await self.queries.audit_end() or AuditEnd()
            if kept == reached:
                untold = await self.queries.acts_untold(limit=UNTOLD_MAX)
                missing = None if passed and not untold else reached.number + 1
                return Verified(end=reached, broken_at=missing, untold=untold)
            # More rows than anybody wrote, or others.
            if kept.number <= reached.number:
                return Verified(end=reached, broken_at=min(kept.number, reached.number) + 1)
            expected = kept  # somebody has acted while we read: what was written up to here has to come
