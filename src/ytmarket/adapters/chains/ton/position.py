"""How far TON has been read, as it is written into the opaque cursor."""

from __future__ import annotations

from typing import Annotated, Final

import msgspec

from ytmarket.adapters.chains.cursors import read_cursor, written
from ytmarket.application.ports.chain_reader import Cursor

LT_END: Final = 2**62


class Position(msgspec.Struct, frozen=True):
    """The newest transaction of our jetton wallet that was read: its logical time and its hash.

    Each transaction names the one before it, so that reading on must come upon exactly this one. Before
    the first transaction the time is 0 and there is no hash.
    """

    account: Annotated[str, msgspec.Meta(pattern=r"^-?[0-9]{1,3}:[0-9a-f]{64}$")]
    lt: Annotated[int, msgspec.Meta(ge=0, lt=LT_END)]
    hash: Annotated[str, msgspec.Meta(pattern=r"^([0-9a-f]{64})?$")]

    @classmethod
    def read(cls, cursor: Cursor) -> Position:
        """Raises `ChainGap` for a cursor that this reader did not write."""
        return read_cursor(Position, cursor)

    def write(self) -> Cursor:
        return written(self)
