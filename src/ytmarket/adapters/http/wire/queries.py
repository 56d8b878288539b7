"""Query parameters, read as strictly as bodies are."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Final, TypeVar
from urllib.parse import parse_qsl

import attrs

from ytmarket.adapters.http.wire.money import read_digits
from ytmarket.application.ports.queries import Paging
from ytmarket.domain import limits
from ytmarket.domain.catalog import ProductFilter
from ytmarket.domain.errors import InvalidRequest
from ytmarket.domain.money import ZERO, Usdt

C = TypeVar("C", bound=str)
D = TypeVar("D")

PARAMETERS_MAX: Final = 50
QUERIES_KEPT: Final = 1_024  # clients ask the same again and again
TEXT_CHARS_MAX: Final = 200
QUANTITY_DIGITS_MAX: Final = 9
EVERYTHING: Final = ProductFilter()
FIRST_PAGE: Final = Paging(page=1, page_size=limits.PAGE_SIZE_DEFAULT)


@attrs.frozen
class Parameters:
    """The parameters by name; unknown ones are left alone. Reading raises `InvalidRequest`."""

    _values: dict[str, str]

    @classmethod
    def of(cls, query_string: bytes) -> Parameters:
        try:
            pairs = parse_qsl(
                query_string.decode("utf-8", "replace"), keep_blank_values=True, max_num_fields=PARAMETERS_MAX
            )
        except ValueError:
            raise InvalidRequest(pointer="", problem=f"send at most {PARAMETERS_MAX} parameters") from None
        values = dict(pairs)
        if len(values) < len(pairs):
            names = [name for name, _ in pairs]
            twice = next(name for name in names if names.count(name) > 1)
            raise _refused(twice, "stands in the URL twice")
        return cls(values)

    def text(self, name: str) -> str | None:
        value = self._values.get(name)
        if value is None:
            return None
        if not 0 < len(value) <= TEXT_CHARS_MAX or "\0" in value:
            raise _refused(name, f"must have 1 to {TEXT_CHARS_MAX} characters; leave it out for all")
        return value

    def choice(self, name: str, offered: Sequence[C], default: D) -> C | D:
        value = self._values.get(name)
        if value is None:
            return default
        found = next((one for one in offered if one == value), None)
        if found is None:
            raise _refused(name, f"must be {' or '.join(offered)}")
        return found

    def amount(self, name: str) -> Usdt | None:
        value = self._values.get(name)
        if value is None:
            return None
        try:
            amount = read_digits(value)
        except ValueError as error:
            raise _refused(name, str(error)) from None
        if amount < ZERO:
            raise _refused(name, "must not be negative")
        return amount

    def whole(self, name: str, default: int, *, low: int, high: int) -> int:
        value = self._values.get(name)
        if value is None:
            return default
        is_digits = value.isascii() and value.isdecimal() and len(value) <= QUANTITY_DIGITS_MAX
        if not is_digits or not low <= int(value) <= high:
            raise _refused(name, f"must be a whole number from {low} to {high}")
        return int(value)


def read_paging(query_string: bytes) -> Paging:
    """Which page is asked for."""
    return FIRST_PAGE if not query_string else _paging(Parameters.of(query_string))


@lru_cache(maxsize=QUERIES_KEPT)
def read_products_query(query_string: bytes) -> tuple[ProductFilter, Paging]:
    """Which products are asked for, and which page of them."""
    if not query_string:
        return EVERYTHING, FIRST_PAGE
    given = Parameters.of(query_string)
    wanted = ProductFilter(
        category=given.text("category"),
        sku=given.text("sku"),
        min_price=given.amount("min_price"),
        max_price=given.amount("max_price"),
        min_available=given.whole("min_qty", 1, low=0, high=10**QUANTITY_DIGITS_MAX - 1),
    )
    return wanted, _paging(given)


def _paging(given: Parameters) -> Paging:
    return Paging(
        page=given.whole("page", 1, low=1, high=limits.PAGE_MAX),
        page_size=given.whole("page_size", limits.PAGE_SIZE_DEFAULT, low=1, high=limits.PAGE_SIZE_MAX),
    )


def _refused(name: str, problem: str) -> InvalidRequest:
    return InvalidRequest(pointer=name, problem=problem)
