"""Reads one network of the chain in memory, page by page."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

import attrs

from ytmarket.application.ports.chain_reader import (
    ChainGap,
    ChainUnavailable,
    Cursor,
    Page,
)
from ytmarket.application.ports.clock import Clock
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
        return Page(
            deposits=tuple(chain[first:end]),
            cursor=Cursor(str(min(end, len(chain)))),
            read_until=self._read_until(chain[end:]),
            more=end < len(chain),
        )

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
