"""How a reader's position is written into the opaque cursor, the same on every chain."""

from __future__ import annotations

from typing import Final, TypeVar

import msgspec

from ytmarket.application.ports.chain_reader import ChainGap, Cursor

SHOWN_CHARS_MAX: Final = 80

P = TypeVar("P", bound=msgspec.Struct)


def read_cursor(kind: type[P], cursor: Cursor) -> P:
    """Raises `ChainGap` for a cursor that no reader of this kind of position wrote."""
    try:
        return msgspec.json.decode(cursor, type=kind)
    except msgspec.MsgspecError:
        shown = cursor[:SHOWN_CHARS_MAX]
        raise ChainGap(f"reading cannot go on from {shown!r}: another reader wrote this cursor") from None


def written(position: msgspec.Struct) -> Cursor:
    """The cursor that `read_cursor` makes this position of."""
    return Cursor(msgspec.json.encode(position).decode())
