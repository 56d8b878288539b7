"""How far an EVM network has been read, as it is written into the opaque cursor."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Annotated

import msgspec

from ytmarket.adapters.chains.cursors import read_cursor, written
from ytmarket.adapters.chains.evm.wire import SECONDS_END, Header
from ytmarket.application.ports.chain_reader import Cursor
from ytmarket.domain.times import from_epoch

Block = Annotated[int, msgspec.Meta(ge=0)]
UnixTime = Annotated[int, msgspec.Meta(ge=0, lt=SECONDS_END)]


class Held(msgspec.Struct, frozen=True):
    """A block that was read, and which of its transfers wait for a deeper finality."""

    number: Block
    hash: str
    time: UnixTime
    indices: tuple[int, ...]

    @classmethod
    def of(cls, header: Header, indices: Sequence[int]) -> Held:
        return cls(int(header.number), str(header.hash), int(header.timestamp), tuple(indices))


class Position(msgspec.Struct, frozen=True):
    """The last block that was read, and those before it that are to be read once more."""

    last: Block
    hash: str
    time: UnixTime
    held: tuple[Held, ...] = ()

    @classmethod
    def at(cls, header: Header, held: Sequence[Held] = ()) -> Position:
        return cls(int(header.number), str(header.hash), int(header.timestamp), tuple(held))

    @classmethod
    def read(cls, cursor: Cursor) -> Position:
        """Raises `ChainGap` for a cursor that this family of readers did not write."""
        return read_cursor(Position, cursor)

    def write(self) -> Cursor:
        return written(self)

    @property
    def read_until(self) -> datetime:
        """Before this time, by the chain's clock, nothing is left to be returned."""
        return from_epoch(min([self.time, *(held.time for held in self.held)]))
