"""Arrays as PostgreSQL writes them, a batch's worth at a time.

psycopg looks at each element of a list to find out what it is. Here that is known, and a batch of
orders or look-ups is faster by it.
"""

from __future__ import annotations

from collections.abc import Iterable


def numbers(values: Iterable[int | None]) -> str:
    """An array literal; the statement casts it: `%s::bigint[]`."""
    return "{" + ",".join(["null" if value is None else str(value) for value in values]) + "}"


def hashes(values: Iterable[bytes]) -> str:
    """An array literal of bytes; the statement casts it: `%s::bytea[]`."""
    return "{" + ",".join([f'"\\\\x{value.hex()}"' for value in values]) + "}"
