"""One page of a list."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

import msgspec

from ytmarket.application.ports.queries import Listing, Paging

R = TypeVar("R")
V = TypeVar("V")


class Page(msgspec.Struct, Generic[V]):
    """`total` is the length of the whole list."""

    items: list[V]
    page: int
    page_size: int
    total: int


def page(found: Listing[R], view: Callable[[R], V]) -> Page[V]:
    """The listing's rows as clients see them."""
    rows = [view(row) for row in found.rows]
    return Page(rows, found.paging.page, found.paging.page_size, found.total)


def slice_of(rows: Sequence[R], paging: Paging) -> Listing[R]:
    """A page of what is at hand as a whole."""
    return Listing(
        rows=rows[paging.offset : paging.offset + paging.page_size], paging=paging, total=len(rows)
    )
