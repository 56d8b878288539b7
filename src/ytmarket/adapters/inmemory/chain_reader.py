"""Reads one network of the chain in memory, page by page."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

import attrs

from ytmarket.application.ports.chain_reader import (
    ChainBehind,
    ChainGap,
    ChainUnavailable,
    Cursor,
    Page,
)
from ytmarket.application.ports.clock import Clock
from ytmarket.domain.coverage import Span
from ytmarket.domain.deposits import Deposit
from ytmarket.domain.networks import Network
from ytmarket.domain.times import whole_second


class Chain(Protocol):
    """What a reader needs of the chain it reads."""

    clock: Clock
    page_size: int
    is_down: bool

    def deposits(self, network: Network) -> Sequence[Deposit]: ...

    def wallet(self, network: Network) -> str: ...


@attrs.frozen
class DevnetReader:
    """The `ChainReader` port. A cursor is the number of transfers read so far."""

    _chain: Chain
    network: Network

    @property
    def wallet(self) -> str:
        return self._chain.wallet(self.network)

    async def start(self) -> Cursor:
        return Cursor(str(len(self._deposits())))

    async def read(self, cursor: Cursor) -> Page:
        chain = self._deposits()
        first = self._position(cursor, len(chain))
        end = first + self._chain.page_size
        taken = tuple(chain[first:end])
        return Page(
            deposits=taken,
            cursor=Cursor(str(min(end, len(chain)))),
            read_until=self._read_until(chain[end:]),
            more=end < len(chain),
            span=_span_of(taken),
        )

    async def cursor_at(self, height: int) -> Cursor:
        head = len(self._deposits())
        if height > head + 1:
            raise ChainBehind(f"devnet has got to transfer {head}, and {height} was asked for")
        return Cursor(str(max(height - 1, 0)))

    async def close(self) -> None:
        """There is nothing to let go of."""

    def _deposits(self) -> Sequence[Deposit]:
        if self._chain.is_down:
            raise ChainUnavailable("devnet was switched off")
        return self._chain.deposits(self.network)

    def _position(self, cursor: Cursor, height: int) -> int:
        if not cursor.isdecimal() or int(cursor) > height:
            raise ChainGap(f"devnet has no transfer number {cursor}")
        return int(cursor)

    def _read_until(self, unread: Sequence[Deposit]) -> datetime:
        now = whole_second(self._chain.clock.now())
        return min([now, *(deposit.at for deposit in unread)])


def _span_of(taken: Sequence[Deposit]) -> Span | None:
    """A transfer is as high as its number, so none lies between two of them."""
    if not taken:
        return None
    first, last = taken[0], taken[-1]
    return Span(first=first.height, last=last.height, first_hash=first.block_ref, last_hash=last.block_ref)
