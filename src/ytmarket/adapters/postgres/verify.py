"""Recomputes the books from the transfers and rows, and names each place where they are not what they say."""

from __future__ import annotations

from typing import Final

import attrs
import psycopg

from ytmarket.adapters.postgres.connections import conninfo
from ytmarket.adapters.postgres.errors import refusal
from ytmarket.adapters.postgres.verify_sql import CHECKS

# One moment for all questions, whatever is going on meanwhile; and as much time as it takes.
ONE_MOMENT: Final = "set transaction isolation level repeatable read, read only"
TOLD_MAX: Final = 100


@attrs.frozen(kw_only=True)
class Mismatch:
    """Where something is kept that does not follow from the rest."""

    what: str
    where: str
    kept: str
    recomputed: str


async def verify_books(dsn: str) -> list[Mismatch]:
    """Every mismatch, at most a hundred of each kind. Raises `Unavailable`."""
    found: list[Mismatch] = []
    try:
        async with await psycopg.AsyncConnection.connect(conninfo(dsn)) as connection:
            await connection.execute(ONE_MOMENT)
            for what, question in CHECKS.items():
                cursor = await connection.execute(f"{question} limit {TOLD_MAX}".encode())
                found += [
                    Mismatch(what=what, where=str(where), kept=str(kept), recomputed=str(recomputed))
                    async for where, kept, recomputed in cursor
                ]
    except psycopg.Error as error:
        raise refusal(error) from error
    return found
