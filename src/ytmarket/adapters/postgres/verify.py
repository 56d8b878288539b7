"""Recomputes the books from the transfers and rows, and names each place where they are not what they say."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Final

import attrs
import psycopg
from psycopg import errors

from ytmarket.adapters.postgres.changes import Connection, Known, Scope, changed_since, moment_of
from ytmarket.adapters.postgres.connections import conninfo
from ytmarket.adapters.postgres.errors import refusal
from ytmarket.adapters.postgres.schema_version import NotMigrated
from ytmarket.adapters.postgres.verify_sql import CHECKS, names_in, scoped, whole
from ytmarket.application.ports.books import Mismatch
from ytmarket.domain.ids import AccountId

# One moment for all questions, whatever is going on meanwhile; and as much time as it takes.
ONE_MOMENT: Final = "set transaction isolation level repeatable read, read only"
TOLD_MAX: Final = 100

ONE_AT_A_TIME: Final = "select pg_try_advisory_lock(hashtextextended('ytmarket books', 0))"
WHOLE_EVERY: Final = timedelta(days=1)
PAUSE_TIMES: Final = 20
"""A check is not repeated before so many times the time that it took."""

NAME: Final = "books_checked"
READ: Final = "select value from setting where name = %s"
KEEP: Final = """
    insert into setting (name, value) values (%s, %s) on conflict (name) do update set value = excluded.value
"""


@attrs.frozen(kw_only=True)
class Checked:
    """When the books were looked at last, when all of them, and what there was when nothing was wrong."""

    at: datetime
    took: timedelta = timedelta()
    whole_at: datetime | None = None
    known: Known | None = None

    @classmethod
    def read(cls, text: str) -> Checked:
        told = json.loads(text)
        known = told["known"] and Known(
            moment=told["known"]["moment"],
            gone={table: (deleted, file) for table, (deleted, file) in told["known"]["gone"].items()},
        )
        return cls(
            at=datetime.fromtimestamp(told["at"], UTC),
            took=timedelta(seconds=told["took"]),
            whole_at=told["whole_at"] and datetime.fromtimestamp(told["whole_at"], UTC),
            known=known,
        )

    def written(self) -> str:
        return json.dumps(
            {
                "at": self.at.timestamp(),
                "took": self.took.total_seconds(),
                "whole_at": self.whole_at and self.whole_at.timestamp(),
                "known": self.known and attrs.asdict(self.known),
            }
        )

    def is_due(self, now: datetime, every: timedelta) -> bool:
        return not timedelta() <= now - self.at < max(every, PAUSE_TIMES * self.took)

    def knows_of(self, now: datetime) -> Known | None:
        """What only the changes since then need be looked at for; None when all is due."""
        if self.whole_at is None or not timedelta() <= now - self.whole_at < WHOLE_EVERY:
            return None
        return self.known


@attrs.frozen
class PostgresBooks:
    """The `Books` port. Processes take turns, and remember together what they have looked at."""

    _dsn: str = attrs.field(repr=False)

    async def check(self) -> Sequence[Mismatch]:
        return await verify_books(self._dsn)

    async def check_changes(self, now: datetime, *, every: timedelta) -> Sequence[Mismatch] | None:
        try:
            async with await psycopg.AsyncConnection.connect(conninfo(self._dsn)) as connection:
                before = await _turn(connection, now)
                if before is None or not before.is_due(now, every):
                    return None
                found, after = await _checked(connection, before, now)
                await connection.execute(KEEP, (NAME, after.written()))
                await connection.commit()
        except psycopg.Error as error:
            raise refusal(error) from error
        return found


async def verify_books(dsn: str) -> list[Mismatch]:
    """Every mismatch, at most a hundred of each kind. Raises `NotMigrated` and `Unavailable`."""
    try:
        async with await psycopg.AsyncConnection.connect(conninfo(dsn)) as connection:
            await connection.execute(ONE_MOMENT)
            return await _asked(connection, None)
    except (errors.UndefinedTable, errors.UndefinedColumn) as error:
        raise NotMigrated from error
    except psycopg.Error as error:
        raise refusal(error) from error


async def _turn(connection: Connection, now: datetime) -> Checked | None:
    """What was remembered, once it is our turn; None when somebody else is at it."""
    turn = await (await connection.execute(ONE_AT_A_TIME)).fetchone()
    row = await (await connection.execute(READ, (NAME,))).fetchone()
    await connection.commit()
    if turn is None or not turn[0]:
        return None
    return Checked(at=now - timedelta(days=1)) if row is None else Checked.read(row[0])


async def _checked(connection: Connection, before: Checked, now: datetime) -> tuple[list[Mismatch], Checked]:
    """What was found, and what to remember: a moment only if nothing was."""
    loop = asyncio.get_running_loop()
    began = loop.time()
    await connection.execute(ONE_MOMENT)
    there = await moment_of(connection)
    known = before.knows_of(now)
    scope = None if known is None else await changed_since(connection, known, there)
    found = await _asked(connection, scope)
    await connection.rollback()
    after = attrs.evolve(before, at=now, took=timedelta(seconds=loop.time() - began))
    if not found:
        after = attrs.evolve(after, known=there, whole_at=now if scope is None else before.whole_at)
    return found, after


async def _asked(connection: Connection, scope: Scope | None) -> list[Mismatch]:
    found: list[Mismatch] = []
    for what, question in CHECKS.items():
        if scope is not None and not any(scope[name] for name in names_in(question)):
            continue
        limited = f"{whole(question) if scope is None else scoped(question)} limit {TOLD_MAX}"
        cursor = await connection.execute(limited.encode(), None if scope is None else dict(scope))
        found += [
            Mismatch(
                what=what,
                where=str(where),
                kept=str(kept),
                recomputed=str(recomputed),
                account_id=None if account is None else AccountId(account),
            )
            async for where, kept, recomputed, account in cursor
        ]
    return found
