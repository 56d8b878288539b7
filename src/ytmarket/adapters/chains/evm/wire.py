"""What an EVM node answers, read strictly: whatever does not fit is refused, never guessed at."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final, Self, TypeAlias, TypeVar

import msgspec

from ytmarket.domain.times import from_epoch

TRANSFER: Final = "0xddf252ad1be2c89b69c2b068fc378daa952ba7f163c4a11628f55a4df523b3ef"
"""The first topic of every ERC-20 transfer: the hash of `Transfer(address,address,uint256)`."""

DECIMALS_SELECTOR: Final = "0x313ce567"
BALANCE_SELECTOR: Final = "0x70a08231"

SECONDS_END: Final = 2**35
"""No chain lives past the year 3058, and no date past the year 9999."""

_HEX: Final = re.compile(r"0x[0-9a-f]*", re.IGNORECASE | re.ASCII)
_WORD_CHARS: Final = 2 + 64
_ADDRESS_CHARS: Final = 40

T = TypeVar("T")


class Hex(str):
    """Bytes in hexadecimal, in lower case."""

    __slots__ = ()

    @classmethod
    def read(cls, value: object) -> Self:
        if not isinstance(value, str) or _HEX.fullmatch(value) is None:
            raise ValueError("no hexadecimal text")
        return cls(value.lower())


class Word(Hex):
    """32 bytes: a hash, a topic, or a number of 256 bits."""

    __slots__ = ()

    @classmethod
    def read(cls, value: object) -> Self:
        word = super().read(value)
        if len(word) != _WORD_CHARS:
            raise ValueError("not 32 bytes")
        return word

    @property
    def number(self) -> int:
        return int(self, 16)

    @property
    def address(self) -> str:
        """The last 20 bytes, where an address stands in a topic."""
        return f"0x{self[-_ADDRESS_CHARS:]}"


class Quantity(int):
    """A number in hexadecimal, such as a block's."""

    @classmethod
    def read(cls, value: object) -> Self:
        text = Hex.read(value)
        if not 2 < len(text) <= _WORD_CHARS:
            raise ValueError("no number")
        return cls(text, 16)


class Seconds(Quantity):
    """Unix time."""

    @classmethod
    def read(cls, value: object) -> Self:
        seconds = super().read(value)
        if seconds >= SECONDS_END:
            raise ValueError("no time of this millennium")
        return seconds


class Header(msgspec.Struct, rename="camel", frozen=True):
    """A block, without what is in it."""

    number: Quantity
    hash: Word
    parent_hash: Word
    timestamp: Seconds

    @property
    def at(self) -> datetime:
        return from_epoch(self.timestamp)


class Log(msgspec.Struct, rename="camel", frozen=True):
    """An event that a contract emitted."""

    address: Hex
    topics: list[Word]
    data: Hex
    block_number: Quantity
    block_hash: Word
    transaction_hash: Word
    log_index: Quantity
    removed: bool = False


def read_as(kind: type[T], value: object) -> T:
    """An answer as one of the kinds above, or a list of them. Raises `msgspec.ValidationError`."""
    return msgspec.convert(value, kind, dec_hook=_read)


Topics: TypeAlias = Sequence[str | None]
"""What the topics of an event have to be; None: anything, and so is what comes after the last."""


def logs_with(token: str, topics: Topics, first: int, last: int) -> dict[str, Any]:
    """The filter for events of this token in these blocks, both included."""
    return {
        "address": token,
        "topics": topics,
        "fromBlock": hex(first),
        "toBlock": hex(last),
    }


def topics_to(wallet: str) -> Topics:
    """Transfer, from anybody, to this wallet."""
    return [TRANSFER, None, f"0x{padded(wallet)}"]


def topics_from(wallet: str) -> Topics:
    """Transfer, from this wallet, to anybody."""
    return [TRANSFER, f"0x{padded(wallet)}", None]


def padded(address: str) -> str:
    """An address as it stands in topics and in arguments: 32 bytes, here without 0x."""
    return f"{address.removeprefix('0x').lower():0>64}"


def _read(kind: type[Any], value: object) -> object:
    if issubclass(kind, Hex | Quantity):
        return kind.read(value)
    raise NotImplementedError(f"cannot read {kind}")
