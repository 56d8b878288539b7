"""One reading of Solana on one node: the oldest slots that wait to be read, each as a whole."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from itertools import groupby
from typing import Final

import attrs

from ytmarket.adapters.chains.solana.node import SolanaNode
from ytmarket.adapters.chains.solana.position import Position
from ytmarket.adapters.chains.solana.transfers import deposit_of
from ytmarket.adapters.chains.solana.view import Tip, View
from ytmarket.adapters.chains.solana.wire import Listed
from ytmarket.application.ports.chain_reader import ChainRateLimited, Page, ReaderError
from ytmarket.application.ports.clock import Clock
from ytmarket.domain.coverage import Span
from ytmarket.domain.deposits import Deposit
from ytmarket.domain.times import from_epoch

PAGE_TIME: Final = timedelta(minutes=1)
"""After so long a page ends with the present slot: whoever waits for it has only so much patience."""


@attrs.frozen(kw_only=True)
class Backlog:
    """What was listed after a position, oldest first, and is still to be read.

    Whoever reads on from there on the same node need not have it listed again.
    """

    node: SolanaNode
    position: Position
    tip: Tip
    waiting: tuple[Listed, ...]
    read: dict[str, Deposit | None] = attrs.field(factory=dict)
    """By signature what came of those that a page has asked for, and then broke off."""

    asked_to_wait: ChainRateLimited | None = None
    """What ended the last page, and has not been told yet."""


@attrs.frozen
class Reading:
    """Makes one page of a backlog."""

    _view: View
    _backlog: Backlog
    _clock: Clock

    async def page(self, transactions: int) -> tuple[Page, Backlog | None]:
        """So many transactions, or the few more that complete a slot; and what is left, if anything is.

        Fewer when a node falters or takes long, but never none. Raises `ReaderError` when it falters at
        the first slot.
        """
        taken, trouble = await self._read(_whole_slots(self._backlog.waiting, transactions))
        rest = self._backlog.waiting[len(taken) :]
        deposits = [self._backlog.read.pop(listed.signature) for listed in taken]
        position = self._position_after(taken)
        page = Page(
            deposits=tuple(deposit for deposit in deposits if deposit is not None),
            cursor=position.write(),
            read_until=self._time_of(taken[-1]) if rest else self._backlog.tip.at,
            more=bool(rest),
            span=self._span_to(position, taken),
        )
        asked_to_wait = trouble if isinstance(trouble, ChainRateLimited) else None
        # After any other trouble the node is asked anew what there is: its list may be what is wrong.
        if not rest or trouble is not asked_to_wait:
            return page, None
        return page, attrs.evolve(self._backlog, position=position, waiting=rest, asked_to_wait=asked_to_wait)

    async def _read(self, wanted: Sequence[Listed]) -> tuple[Sequence[Listed], ReaderError | None]:
        """The slots of these that could be read as a whole, and what kept the next one from it."""
        taken, until, read = list[Listed](), self._clock.now() + PAGE_TIME, self._backlog.read
        for _, slot in groupby(wanted, key=_slot_of):
            if taken and self._clock.now() >= until:
                break
            whole = list(slot)
            try:
                for listed in whole:
                    if listed.signature not in read:
                        read[listed.signature] = await self._deposit(listed)
            except ReaderError as trouble:
                if not taken:
                    raise
                return taken, trouble
            taken += whole
        return taken, None

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
    for _, slot in groupby(waiting, key=_slot_of):
        if count >= transactions:
            break
        whole = list(slot)
        taken += whole
        count += sum(listed.err is None for listed in whole)
    return taken


def _slot_of(listed: Listed) -> int:
    return listed.slot
