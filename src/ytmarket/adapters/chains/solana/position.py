"""How far Solana has been read, as it is written into the opaque cursor."""

from __future__ import annotations

import msgspec

from ytmarket.adapters.chains.cursors import read_cursor, written
from ytmarket.adapters.chains.solana.wire import Signature, Slot
from ytmarket.application.ports.chain_reader import Cursor


class Position(msgspec.Struct, frozen=True):
    """The newest slot with transactions of ours, all of it read, and every signature in it.

    The next reading must meet one of them, or it has not seen all that came since. There are none
    before the first transaction. `reached` is the newest slot that was known then: history from
    there on has to be there still.
    """

    slot: Slot
    signatures: tuple[Signature, ...]
    reached: Slot

    @classmethod
    def read(cls, cursor: Cursor) -> Position:
        """Raises `ChainGap` for a cursor that this reader did not write."""
        return read_cursor(Position, cursor)

    def write(self) -> Cursor:
        return written(self)
