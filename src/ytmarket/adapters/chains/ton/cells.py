"""TON keeps everything in cells: up to 1023 bits and four references to further cells."""

from __future__ import annotations

import base64
import binascii
from typing import Any, Final, Self

from bitarray.util import ba2hex, ba2int
from tvm_valuetypes import Cell, deserialize_boc

from ytmarket.adapters.chains.ton.address import Address

LENGTH_BITS_OF_COINS: Final = 4
NONE, EXTERNAL, STANDARD, VARIABLE = range(4)
"""The four kinds of addresses, as their first two bits tell them."""


class CellReader:
    """Reads a cell from its first bit on. `ValueError`: it ends too early, or holds something else."""

    def __init__(self, cell: Any) -> None:
        self._bits = cell.data.data
        self._refs = cell.refs
        self._bit = self._ref = 0

    @classmethod
    def of_text(cls, text: str) -> Self:
        return cls(cell_of_text(text))

    @property
    def bits_left(self) -> int:
        return len(self._bits) - self._bit

    def bits(self, count: int) -> Any:
        """The next so many."""
        start, self._bit = self._bit, self._bit + count
        if self._bit > len(self._bits):
            raise ValueError("a cell ends too early")
        return self._bits[start : self._bit]

    def flag(self) -> bool:
        return bool(self.bits(1)[0])

    def uint(self, count: int) -> int:
        """A number of so many bits, at least one."""
        return ba2int(self.bits(count), signed=False)

    def coins(self) -> int:
        """An amount: in how many bytes it stands, then these."""
        length = self.uint(LENGTH_BITS_OF_COINS)
        return self.uint(8 * length) if length else 0

    def ref(self) -> Self:
        """The next cell that is referred to."""
        if self._ref >= len(self._refs):
            raise ValueError("a cell lacks a reference")
        self._ref += 1
        return type(self)(self._refs[self._ref - 1])

    def maybe_ref(self) -> Self | None:
        return self.ref() if self.flag() else None

    def address(self) -> Address | None:
        """None for nobody's and for one outside of the chain."""
        kind = self.uint(2)
        if kind == NONE:
            return None
        if kind == EXTERNAL:
            self.bits(self.uint(9))
            return None
        if kind == VARIABLE or self.flag():
            raise ValueError("an address is of a kind that is not in use")
        return Address(ba2int(self.bits(8), signed=True), ba2hex(self.bits(256)))


def cell_of_text(text: str) -> Any:
    """From a bag of cells in base 64. Raises `ValueError`."""
    try:
        return deserialize_boc(base64.b64decode(text, validate=True))
    except binascii.Error:
        raise ValueError("not in base 64") from None
    except Exception as error:  # noqa: BLE001 - the library stumbles over garbage in many ways
        raise ValueError(f"no bag of cells ({type(error).__name__})") from None


def text_of_address(address: Address) -> str:
    """A bag of one cell with nothing but this address, in base 64, as get-methods take it."""
    cell = Cell()
    cell.data.put_arbitrary_uint(STANDARD << 1, 3)
    cell.data.put_arbitrary_uint(address.workchain % 256, 8)
    cell.data.put_bytes(bytes.fromhex(address.account))
    return base64.b64encode(cell.serialize_boc(hash_crc32=False)).decode()
