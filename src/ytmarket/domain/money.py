"""Amounts of USDT, counted in whole micros so that nothing is ever lost to rounding.

One USDT is 1,000,000 micros. Prices and requested amounts are whole cents (10,000 micros); a
deposit may carry any number of micros.
"""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Final

import attrs

from ytmarket.domain.errors import InvalidAmount

PLACES: Final = 6
MICROS: Final = 10**PLACES
CENT_MICROS: Final = MICROS // 100

# Plain digits only: Decimal() would also take "1_0", full-width digits, exponents and NaN.
_DIGITS: Final = re.compile(r"(-?)([0-9]{1,15})(?:\.([0-9]{1,6})0*)?", re.ASCII)
_WHOLE_DIGITS_MAX: Final = 15


@attrs.frozen(repr=False)
class Usdt:
    """An amount of USDT, also below zero; where that makes no sense, it is checked there."""

    micros: int

    @classmethod
    def of(cls, amount: Decimal | str | int) -> Usdt:
        """Read a decimal amount exactly.

        Raises `InvalidAmount` for anything finer than a micro or not a plain decimal number.
        """
        text = _spelled_out(amount)
        found = _DIGITS.fullmatch(text)
        if found is None:
            raise InvalidAmount(text)
        sign, whole, part = found.groups(default="")
        micros = int(whole) * MICROS + int(part.ljust(PLACES, "0"))
        return cls(-micros if sign else micros)

    @classmethod
    def cents(cls, count: int) -> Usdt:
        """So many hundredths of a USDT."""
        return cls(count * CENT_MICROS)

    @classmethod
    def from_raw(cls, raw: int, decimals: int) -> Usdt:
        """What a token amount of so many decimals is worth, floored to the micro below."""
        if decimals >= PLACES:
            return cls(raw // 10 ** (decimals - PLACES))
        return cls(raw * 10 ** (PLACES - decimals))

    @property
    def is_whole_cents(self) -> bool:
        return self.micros % CENT_MICROS == 0

    def to_cent(self) -> Usdt:
        """The nearest whole cent; half a cent goes up. The one place where prices are rounded."""
        return Usdt((2 * self.micros + CENT_MICROS) // (2 * CENT_MICROS) * CENT_MICROS)

    def plus_percent(self, percent: int) -> Usdt:
        """Marked up by so many percent, to the cent."""
        # Rounding half-up over 100ths needs one division, not two, or halves would round twice.
        unit = 100 * CENT_MICROS
        return Usdt((2 * self.micros * (100 + percent) + unit) // (2 * unit) * CENT_MICROS)

    def share_up(self, part: int, whole: int) -> Usdt:
        """The part-th of a whole, a broken micro counted as a full one."""
        return Usdt(-(-self.micros * part // whole))

    # Written out, because comparing through attrs builds two tuples each time.
    def __lt__(self, other: Usdt) -> bool:
        return self.micros < other.micros

    def __le__(self, other: Usdt) -> bool:
        return self.micros <= other.micros

    def __gt__(self, other: Usdt) -> bool:
        return self.micros > other.micros

    def __ge__(self, other: Usdt) -> bool:
        return self.micros >= other.micros

    def __add__(self, other: Usdt) -> Usdt:
        return Usdt(self.micros + other.micros)

    def __sub__(self, other: Usdt) -> Usdt:
        return Usdt(self.micros - other.micros)

    def __mul__(self, quantity: int) -> Usdt:
        return Usdt(self.micros * quantity)

    def __neg__(self) -> Usdt:
        return Usdt(-self.micros)

    def __abs__(self) -> Usdt:
        return Usdt(abs(self.micros))

    def __bool__(self) -> bool:
        return self.micros != 0

    def __str__(self) -> str:
        """Decimal digits with at least one place after the point: `100.0`, `12.34`."""
        whole, part = divmod(abs(self.micros), MICROS)
        places = f"{part:0{PLACES}d}".rstrip("0") or "0"
        return f"{'-' if self.micros < 0 else ''}{whole}.{places}"

    def __repr__(self) -> str:
        return f"Usdt.of('{self}')"  # a failing example can be pasted into a test


def _spelled_out(amount: Decimal | str | int) -> str:
    # A few bytes, 1E+999999999, would take a gigabyte to write out.
    if isinstance(amount, Decimal):
        if abs(amount.adjusted()) > _WHOLE_DIGITS_MAX:
            raise InvalidAmount(amount)
        return format(amount, "f")
    if isinstance(amount, int) and abs(amount) >= 10**_WHOLE_DIGITS_MAX:
        raise InvalidAmount("a whole number of more than 15 digits")
    return str(amount)


ZERO: Final = Usdt(0)
CENT: Final = Usdt.cents(1)
