"""One reading of Solana on one node: the oldest slots that wait to be read, each as a whole."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from itertools import groupby

import attrs

from ytmarket.adapters.chains.solana.node import SolanaNode
from ytmarket.adapters.chains.solana.position import Position
from ytmarket.adapters.chains.solana.transfers import deposit_of
from ytmarket.adapters.chains.solana.view import Tip, View
from ytmarket.adapters.chains.solana.wire import Listed
from ytmarket.application.ports.chain_reader import Page
from ytmarket.domain.coverage import Span
from ytmarket.domain.deposits import Deposit
from ytmarket.domain.times import from_epoch


@attrs.frozen(kw_only=True)
class Backlog:
    """What was listed after a position, oldest first, and is still to be read.

    Whoever reads on from there on the same node need not have it listed again.
    """

    node: SolanaNode
    position: Position
    tip: Tip
    waiting: tuple[Listed, ...]


@attrs.frozen
class Reading:
    """Makes one page of a backlog."""

    _view: View
    _backlog: Backlog

    async def page(self, transactions: int) -> tuple[Page, Backlog | None]:
        """So many transactions, or the few more that complete a slot; and what is left, if anything is.

        Raises `ReaderError`.
        """
        taken = _whole_slots(self._backlog.waiting, transactions)
        rest = self._backlog.waiting[len(taken) :]
        deposits = [deposit for listed in taken if (deposit := await self._deposit(listed)) is not None]
        position = self._position_after(taken)
        page = Page(
            deposits=tuple(deposits),
            cursor=position.write(),
            read_until=self._time_of(taken[-1]) if rest else self._backlog.tip.at,
            more=bool(rest),
            span=self._span_to(position, taken),
        )
        left = attrs.evolve(self._backlog, position=position, waiting=rest) if rest else None
        return page, left

    async def _deposit(self, listed: Listed) -> Deposit | None:
        if listed.err is not None:
            return None
        executed = await self._view.transaction(listed)
        return deposit_of(executed, self._view.wallet, self._view.node)

    def _position_after(self, taken: Sequence[Listed]) -> Position:
        before, is_last = self._backlog.position, len(taken) == len(self._backlog.waiting)
        slot = taken[-1].slot if taken else before.slot
        known = before.signatures if slot == before.slot else ()
        read = tuple(listed.signature for listed in taken if listed.slot == slot)
        reached = max(before.reached, self._backlog.tip.slot if is_last else slot)
        return Position(slot, (*known, *read), reached)

    def _span_to(self, position: Position, taken: Sequence[Listed]) -> Span | None:
        first = self._backlog.position.reached + 1
        if position.reached < first:
            return None
        return Span(
            first=first,
            last=position.reached,
            first_hash=taken[0].signature if taken else None,
            last_hash=taken[-1].signature if taken else None,
        )

    def _time_of(self, listed: Listed) -> datetime:
        if listed.block_time is None:
            raise self._view.node.behind(f"does not know the time of slot {listed.slot} yet")
        return from_epoch(listed.block_time)


def _whole_slots(waiting: Sequence[Listed], transactions: int) -> Sequence[Listed]:
    """The oldest, up to so many or to the end of a slot; those that failed cost nothing, and do not count."""
    taken, count = list[Listed](), 0
    for _, slot in groupby(waiting, key=lambda listed: listed.slot):
        if count >= transactions:
            break
        whole = list(slot)
        taken += whole
        count += sum(listed.err is None for listed in whole)
    return taken
