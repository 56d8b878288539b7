"""Arrays of whole numbers as PostgreSQL writes them, a batch's worth at a time.

psycopg looks at each element of a list to find out what it is. Here that is known, and a batch of
orders is faster by it.
"""

from __future__ import annotations

from collections.abc import Iterable


def numbers(values: Iterable[int | None]) -> str:
    """An array literal; the statement casts it: `%s::bigint[]`."""
    return "{" + ",".join(["null" if value is None else str(value) for value in values]) + "}"
