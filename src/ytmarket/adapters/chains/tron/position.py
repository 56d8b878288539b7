"""How far TRON has been read, as it is written into the opaque cursor."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

import msgspec

from ytmarket.adapters.chains.cursors import read_cursor, written
from ytmarket.adapters.chains.tron.wire import MILLISECONDS_END, Header, Word
from ytmarket.application.ports.chain_reader import Cursor
from ytmarket.domain.times import from_epoch

UnixTime = Annotated[int, msgspec.Meta(ge=0, lt=MILLISECONDS_END // 1_000)]


class Position(msgspec.Struct, frozen=True):
    """The block to read next, and the id and the time of the one before it, which was read."""

    next: Annotated[int, msgspec.Meta(ge=1)]
    hash: Word
    time: UnixTime

    @classmethod
    def behind(cls, header: Header) -> Position:
        return cls(header.number + 1, header.id, header.seconds)

    @classmethod
    def read(cls, cursor: Cursor) -> Position:
        """Raises `ChainGap` for a cursor that no reader of TRON wrote."""
        return read_cursor(Position, cursor)

    def write(self) -> Cursor:
        return written(self)

    @property
    def last(self) -> int:
        """The last block that was read."""
        return self.next - 1

    @property
    def read_until(self) -> datetime:
        """Before this time, by the chain's clock, nothing is left to be returned."""
        return from_epoch(self.time)
