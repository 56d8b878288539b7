"""Amounts as clients write and read them: decimal digits, never by way of a float."""

from __future__ import annotations

import re
from decimal import Decimal
from functools import lru_cache
from typing import Annotated, Any, Final, TypeAlias

import msgspec

from ytmarket.domain import limits
from ytmarket.domain.errors import InvalidAmount
from ytmarket.domain.money import Usdt

Money: TypeAlias = Annotated[
    msgspec.Raw,
    msgspec.Meta(description="USDT, with at least one decimal", extra_json_schema={"type": "number"}),
]
"""The type of amounts in answers."""

AMOUNTS_KEPT: Final = 8_192  # the prices of a catalogue are written again and again
PROBLEM: Final = "must be an amount of USDT: plain digits, with at most six decimals"
# The digits of a JSON number; unlike Usdt.of, no leading zero.
_DIGITS: Final = re.compile(r"-?(?:0|[1-9][0-9]{0,14})(?:\.[0-9]{1,12})?", re.ASCII)


class Amount:
    """The type of amounts in requests: a JSON number, or a string of the same digits."""

    __slots__ = ("usdt",)

    def __init__(self, usdt: Usdt) -> None:
        self.usdt = usdt

    @classmethod
    def read(cls, value: object) -> Amount:
        """From what stood in the JSON text. Raises ValueError with what is wrong."""
        if not isinstance(value, int | Decimal | str):
            raise ValueError(PROBLEM)  # noqa: TRY004 - msgspec words a TypeError in its own way
        # A bool is an int to Python, but "True" has no digits.
        return cls(read_digits(format(value, "f") if isinstance(value, Decimal) else str(value)))


def read_digits(text: str) -> Usdt:
    """Raises ValueError with what is wrong."""
    if not _DIGITS.fullmatch(text):
        raise ValueError(PROBLEM)
    try:
        amount = Usdt.of(text)
    except InvalidAmount:
        raise ValueError(PROBLEM) from None
    if abs(amount) > limits.AMOUNT_MAX:
        raise ValueError(f"must be at most {limits.AMOUNT_MAX} USDT")
    return amount


def money(amount: Usdt) -> msgspec.Raw:
    """A JSON number with at least one decimal: `100.0`, `12.34`."""
    return _written(amount.micros)


@lru_cache(maxsize=AMOUNTS_KEPT)
def _written(micros: int) -> msgspec.Raw:
    return msgspec.Raw(str(Usdt(micros)))


def on_the_wire(value: Any) -> Any:
    """The value, or an amount as it is written."""
    return money(value) if isinstance(value, Usdt) else value
