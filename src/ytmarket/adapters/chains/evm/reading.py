"""One reading of an EVM network on one node: from where the last one ended to the last final block."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from typing import Final

import attrs
import msgspec

from ytmarket.adapters.chains.evm.asking import widest
from ytmarket.adapters.chains.evm.position import Held, Position
from ytmarket.adapters.chains.evm.tip import Tip
from ytmarket.adapters.chains.evm.view import View, Window
from ytmarket.adapters.chains.evm.wire import Header, Log
from ytmarket.application.ports.chain_reader import ChainGap, Page
from ytmarket.domain.coverage import Span
from ytmarket.domain.deposits import Deposit

PAGE_BLOCKS_MAX: Final = 200
"""Blocks with payments in one page: the header of each is asked for."""

HELD_MAX: Final = 100
RELEASED_MAX: Final = 25


@attrs.define
class Reading:
    """Gathers one page. Raises `ReaderError`, and is of no more use then."""

    _view: View
    _position: Position
    _tip: Tip
    _deposits: list[Deposit] = attrs.field(factory=list, init=False)
    _held: list[Held] = attrs.field(factory=list, init=False)
    _span: Span | None = attrs.field(default=None, init=False)

    async def page(self) -> Page:
        """What became final since, up to a page of it; nothing of a node that has stopped."""
        last = self._position.last
        if self._tip.readable < last:
            raise self._view.node.behind(f"has got to block {self._tip.readable}, and {last} was read before")
        if self._tip.is_stale:
            raise self._tip.stands_still(self._view)
        await self._release()
        end = self._end()
        if last < end:
            header = await self._read(last + 1, end)
            position = Position.at(header, self._held)
        else:
            if not self._deposits:
                self._check_pause()
            position = msgspec.structs.replace(self._position, held=tuple(self._held))
        return Page(
            deposits=tuple(self._deposits),
            cursor=position.write(),
            read_until=position.read_until,
            more=position.last < end or self._is_due(),
            span=self._span,
            waits_from=min((held.number for held in position.held), default=None),
        )

    def _end(self) -> int:
        """How far to read on, now that what was due is returned."""
        if self._is_due():
            return self._position.last  # more of it comes first
        if len(self._held) < HELD_MAX:
            return self._tip.readable
        # Too many wait already: no further than where nothing has to.
        return max(self._position.last, min(self._tip.readable, self._tip.final))

    def _is_due(self) -> bool:
        return any(held.number <= self._tip.final for held in self._held)

    async def _release(self) -> None:
        """Return what waited, from blocks that are final by the node's own word now."""
        waiting = self._position.held
        due = [held for held in waiting if held.number <= self._tip.final][:RELEASED_MAX]
        self._held = [held for held in waiting if held not in due]
        windows = await self._view.windows([held.number for held in due])
        for held, window in zip(due, windows, strict=True):
            if window.last.hash != held.hash:
                raise self._rewritten(held.number)
            payments = [log for log in window.payments if log.log_index in held.indices]
            if len(payments) != len(held.indices):
                raise self._view.node.unavailable(f"has lost a transfer of block {held.number}")
            self._deposits += self._view.deposits(payments, {held.number: window.last})

    async def _read(self, first: int, end: int) -> Header:
        """Read on from block *first*; the last block that the page holds."""
        window = await widest(self._view.node, self._view.window, first, end)
        if window.first.parent_hash != self._position.hash:
            raise self._rewritten(self._position.last)
        payments, last = _cut(window)
        known = {header.number: header for header in (window.first, window.last)}
        unknown = {log.block_number for log in payments} - known.keys()
        headers = known | await self._view.headers(unknown)
        deposits = self._view.deposits(payments, headers)
        self._deposits += [deposit for deposit in deposits if not self._waits(deposit)]
        for number, waiting in groupby(filter(self._waits, deposits), key=_height):
            self._held.append(Held.of(headers[number], [deposit.event_index for deposit in waiting]))
        self._span = Span(
            first=first, last=last, first_hash=str(window.first.hash), last_hash=str(headers[last].hash)
        )
        return headers[last]

    def _waits(self, deposit: Deposit) -> bool:
        above = self._view.chain.finality.deep_above
        return above is not None and deposit.amount > above and deposit.height > self._tip.final

    def _check_pause(self) -> None:
        """There is nothing to read. That may be so; or the node is of another branch."""
        for header in self._tip.told:
            if header.number == self._position.last and header.hash != self._position.hash:
                raise self._rewritten(header.number)

    def _rewritten(self, number: int) -> ChainGap:
        return self._view.node.gap(
            f"has another block {number} than was read before: find out which branch is the chain's,"
            " then read again from below"
        )


def _cut(window: Window) -> tuple[Sequence[Log], int]:
    """The payments of one page, and the last block it reaches to."""
    blocks = sorted({log.block_number for log in window.payments})
    if len(blocks) <= PAGE_BLOCKS_MAX:
        return window.payments, window.last.number
    last = blocks[PAGE_BLOCKS_MAX - 1]
    return [log for log in window.payments if log.block_number <= last], last


def _height(deposit: Deposit) -> int:
    return deposit.height
