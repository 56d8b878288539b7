"""What a walk has found and is still to be read: the oldest transactions first, in pages."""

from __future__ import annotations

from collections.abc import Sequence

import attrs

from ytmarket.adapters.chains.ton.history import Walk
from ytmarket.adapters.chains.ton.position import Position
from ytmarket.adapters.chains.ton.transfers import Executed
from ytmarket.adapters.chains.ton.view import Tip
from ytmarket.application.ports.chain_reader import Page
from ytmarket.domain.coverage import Span
from ytmarket.domain.times import from_epoch


@attrs.frozen(kw_only=True)
class Backlog:
    """What came after a position, oldest first, and is still to be read.

    Whoever reads on from there need not follow the links again, on whichever lite server: it is proved.
    """

    position: Position
    tip: Tip
    waiting: Sequence[Executed]
    is_whole: bool
    """Whether it reaches the tip."""

    @classmethod
    def of(cls, walk: Walk, position: Position) -> Backlog:
        return cls(position=position, tip=walk.tip, waiting=walk.found, is_whole=walk.is_whole)

    def page(self, transactions: int) -> tuple[Page, Backlog | None]:
        """So many of them; and what is left, if anything is."""
        taken, rest = self.waiting[:transactions], self.waiting[transactions:]
        position, more = self.position, bool(rest) or not self.is_whole
        if taken:
            position = taken[-1].link.position(position.account)
        page = Page(
            deposits=tuple(executed.deposit for executed in taken if executed.deposit is not None),
            cursor=position.write(),
            read_until=from_epoch(taken[-1].time) if more else self.tip.at,
            more=more,
            span=_span(self.position, taken),
        )
        left = attrs.evolve(self, position=position, waiting=rest) if rest else None
        return page, left


def _span(before: Position, taken: Sequence[Executed]) -> Span | None:
    """Logical times: between two transactions that are linked to each other there is nothing of ours."""
    if not taken:
        return None
    first, last = taken[0].link, taken[-1].link
    return Span(first=before.lt + 1, last=last.lt, first_hash=first.hash, last_hash=last.hash)
