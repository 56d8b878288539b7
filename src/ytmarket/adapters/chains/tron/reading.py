"""One reading of TRON on one node: from where the last one ended to the last solid block."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

import attrs

from ytmarket.adapters.chains.tron.position import Position
from ytmarket.adapters.chains.tron.view import View
from ytmarket.adapters.chains.tron.wire import Header
from ytmarket.application.ports.chain_reader import ChainGap, Page
from ytmarket.domain.coverage import Span
from ytmarket.domain.deposits import Deposit
from ytmarket.domain.times import from_epoch


@attrs.frozen
class Reading:
    """What one node says at one moment."""

    view: View
    head: Header
    now: datetime

    async def page(self, position: Position, blocks_max: int) -> Page:
        """What became solid since, up to so many blocks of it. Raises `ReaderError`."""
        if self.head.number <= position.last:
            self._check_pause(position)
            return Page(deposits=(), cursor=position.write(), read_until=position.read_until)
        end = min(self.head.number, position.last + blocks_max)
        blocks = await self.view.blocks(range(position.next, end + 1), self.head)
        self._check_chain(position, [block.header for block in blocks])
        deposits = [deposit for block in blocks for deposit in block.moved.deposits]
        return self.page_of(position, blocks[0].header, blocks[-1].header, deposits)

    def page_of(self, position: Position, first: Header, last: Header, deposits: Iterable[Deposit]) -> Page:
        """What was read behind a position, from the first block to the last."""
        reached = Position.behind(last)
        return Page(
            deposits=tuple(deposits),
            cursor=reached.write(),
            read_until=reached.read_until,
            more=reached.last < self.head.number,
            span=Span(
                first=position.next,
                last=reached.last,
                first_hash=first.id,
                last_hash=reached.hash,
            ),
        )

    def check_follows(self, position: Position, header: Header) -> None:
        """Raises `ChainGap` where the next block does not build on the last that was read."""
        if header.parent != position.hash:
            raise self._rewritten(position)

    def check_fresh(self) -> None:
        """Raises `ChainBehind` for a node that has stopped."""
        if self.now - from_epoch(self.head.seconds) > self.view.filter.chain.stale_after:
            raise self.view.node.behind(f"stands at {self.head}")

    def _check_pause(self, position: Position) -> None:
        """There is nothing to read. That may be so; or the node lags, or is of another branch."""
        if self.head.number < position.last:
            raise self.view.node.behind(f"has got to {self.head}, and {position.last} was read before")
        if self.head.id != position.hash:
            raise self._rewritten(position)

    def _check_chain(self, position: Position, headers: Iterable[Header]) -> None:
        """Each block builds on the one before, and the newest is the one that the node told of."""
        before = position.hash
        for header in headers:
            if header.parent != before:
                if header.number == position.next:
                    raise self._rewritten(position)
                raise self.view.node.unavailable(f"gives a {header} that does not follow the one before")
            before = header.id
            if header.number == self.head.number and header.id != self.head.id:
                raise self.view.node.unavailable(f"does not agree with itself on {header}")

    def _rewritten(self, position: Position) -> ChainGap:
        return self.view.node.gap(
            f"has another block {position.last} than was read before: find out which branch is the chain's,"
            " then read again from below"
        )
