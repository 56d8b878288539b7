"""An audit trail of one's own, in SQLite, held to the port's contract and cornered by properties.

`pytest examples/test_own_storage.py`. The rest of this shop's store is in memory; wrapped around a database
of yours, the trail would have to be written in the same transaction.
"""

import asyncio
import json
import sqlite3
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final, cast

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ytmarket.adapters.inmemory import InMemoryDatabase
from ytmarket.application.errors import Unavailable
from ytmarket.application.ports.queries import Queries
from ytmarket.application.ports.unit_of_work import NewUnitOfWork, UnitOfWork
from ytmarket.domain.audit import AuditEnd, AuditEntry, AuditRow, first_broken
from ytmarket.testing.contracts import AuditContract
from ytmarket.testing.strategies import audit_entries

SCHEMA: Final = """
create table if not exists trail (
    number integer primary key,
    at text, actor text, action text, target text, details text,
    previous blob, hash blob
) strict;
create table if not exists trail_end (
    only integer primary key check (only = 1), number integer, hash blob
) strict;
create trigger if not exists never_changed before update on trail
begin select raise(abort, 'kept for ever'); end;
create trigger if not exists never_deleted before delete on trail
begin select raise(abort, 'kept for ever'); end;
"""
# A file of its own for each of hundreds of examples: in the machine's memory, where it has such a place.
MEMORY: Final = Path("/dev/shm")
TOUCHES: Final = [
    "at = '2020-01-01T00:00:00+00:00'",
    "actor = actor || 'x'",
    "action = action || 'x'",
    "target = target || 'x'",
    'details = \'{"x": "x"}\'',
    "previous = x'ff'",
    "hash = x'ff'",
]


class Trail:
    """One connection to the file. Every process that appends takes its turn."""

    def __init__(self, path: Path) -> None:
        self.file = sqlite3.connect(path, isolation_level=None, timeout=3)
        self.file.executescript(SCHEMA)

    async def append(self, entry: AuditEntry) -> int:
        """The `AuditRepository` port: one row more, bound to the one before."""
        try:
            if not self.file.in_transaction:
                self.file.execute("begin immediate")
        except sqlite3.OperationalError as trouble:
            raise Unavailable(str(trouble)) from None
        end = self.end() or AuditEnd()
        number = end.number + 1
        digest = entry.digest(number, end.hash)
        words = [entry.actor, entry.action, entry.target, json.dumps(dict(entry.details))]
        row = [number, entry.at.isoformat(), *words, end.hash, digest]
        self.file.execute("insert into trail values (?, ?, ?, ?, ?, ?, ?, ?)", row)
        self.file.execute("insert or replace into trail_end values (1, ?, ?)", [number, digest])
        return number

    def end(self) -> AuditEnd | None:
        found = self.file.execute("select number, hash from trail_end").fetchone()
        return None if found is None else AuditEnd(*found)

    def rows(self, which: str, *values: int) -> list[AuditRow]:
        return [_row(*row) for row in self.file.execute(f"select * from trail {which}", values)]


def _row(
    number: int, at: str, actor: str, action: str, target: str, details: str, previous: bytes, digest: bytes
) -> AuditRow:
    when, told = datetime.fromisoformat(at), json.loads(details)
    entry = AuditEntry(at=when, actor=actor, action=action, target=target, details=told)
    return AuditRow(number=number, entry=entry, previous=previous, hash=digest)


@attrs.frozen
class UnitWithTrail:
    """A unit of work in memory, except for the audit."""

    _inner: UnitOfWork
    audit: Trail

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    async def commit(self) -> None:
        # Memory comes last: it cannot refuse, and is lost with the process should that die here.
        if self.audit.file.in_transaction:
            self.audit.file.execute("commit")
        await self._inner.commit()


@attrs.frozen
class QueriesWithTrail:
    """The questions to a store in memory, except for those about the audit."""

    _inner: Queries
    _trail: Trail

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)

    async def audit_rows(self, *, limit: int) -> Sequence[AuditRow]:
        return self._trail.rows("order by number desc limit ?", limit)

    async def audit_trail(self, after: int | None, *, limit: int) -> Sequence[AuditRow]:
        return self._trail.rows("where number > ? order by number limit ?", after or 0, limit)

    async def audit_end(self) -> AuditEnd | None:
        return self._trail.end()


class AuditedDatabase:
    """A store in memory whose audit trail outlives it."""

    def __init__(self, path: Path) -> None:
        self._memory = InMemoryDatabase()
        self._written = Trail(path)
        self._asked = Trail(path)  # sees what is committed, and nothing else
        self.queries = cast("Queries", QueriesWithTrail(self._memory.queries, self._asked))

    @asynccontextmanager
    async def unit_of_work(self) -> AsyncIterator[UnitOfWork]:
        async with self._memory.unit_of_work() as inner:  # these take turns, so one connection will do
            try:
                yield cast("UnitOfWork", UnitWithTrail(inner, self._written))
            finally:
                if self._written.file.in_transaction:
                    self._written.file.execute("rollback")

    def close(self) -> None:
        self._written.file.close()
        self._asked.file.close()


# What follows is the test. First the promises of the port, each a test of this class:


class TestAuditedDatabase(AuditContract):
    @pytest.fixture
    def database(self, tmp_path: Path) -> Iterator[AuditedDatabase]:
        with closing(AuditedDatabase(tmp_path / "trail.sqlite")) as database:
            yield database

    @pytest.fixture
    def new_unit_of_work(self, database: AuditedDatabase) -> NewUnitOfWork:
        return database.unit_of_work

    @pytest.fixture
    def queries(self, database: AuditedDatabase) -> Queries:
        return database.queries


# Then what the port leaves to us, with the shop's own strategies: entries are aimed at the edges.


async def write(path: Path, entries: Sequence[AuditEntry]) -> None:
    """What a process does that ends then."""
    with closing(AuditedDatabase(path)) as database:
        async with database.unit_of_work() as uow:
            for entry in entries:
                await uow.audit.append(entry)
            await uow.commit()


@contextmanager
def written(*parts: Sequence[AuditEntry]) -> Iterator[sqlite3.Connection]:
    """The file, after so many processes have each written their part."""
    with TemporaryDirectory(dir=MEMORY if MEMORY.is_dir() else None) as folder:
        path = Path(folder, "trail.sqlite")
        for part in parts:
            asyncio.run(write(path, part))
        with closing(sqlite3.connect(path, isolation_level=None)) as file:
            yield file


def trail(file: sqlite3.Connection) -> list[AuditRow]:
    return [_row(*row) for row in file.execute("select * from trail order by number")]


@given(st.lists(audit_entries(), max_size=3), st.lists(audit_entries(), max_size=3))
def test_a_trail_outlives_its_process(before: list[AuditEntry], after: list[AuditEntry]) -> None:
    with written(before, after) as file:
        rows = trail(file)
        assert [row.entry for row in rows] == before + after
        assert first_broken(rows) is None


@given(st.lists(audit_entries(), min_size=1, max_size=4), st.data())
def test_a_row_that_was_touched_is_named(entries: list[AuditEntry], data: st.DataObject) -> None:
    touched = data.draw(st.integers(1, len(entries)), "number")
    touch = data.draw(st.sampled_from(TOUCHES), "touch")
    with written(entries) as file:
        file.execute("drop trigger never_changed")
        file.execute(f"update trail set {touch} where number = ?", [touched])
        assert first_broken(trail(file)) == touched


@given(st.lists(audit_entries(), min_size=1, max_size=4), st.data())
def test_an_end_that_was_cut_off_is_missed(entries: list[AuditEntry], data: st.DataObject) -> None:
    left = data.draw(st.integers(0, len(entries) - 1), "rows left")
    with written(entries) as file:
        file.execute("drop trigger never_deleted")
        file.execute("delete from trail where number > ?", [left])
        rows, end = trail(file), file.execute("select number, hash from trail_end").fetchone()
        assert first_broken(rows) is None
        assert [(row.number, row.hash) for row in rows][-1:] != [end]


def test_the_file_refuses_to_forget() -> None:
    entry = AuditEntry(at=datetime(2026, 5, 23, tzinfo=UTC), actor="ann", action="look", target="shelf")
    with written([entry]) as file:
        for statement in ("delete from trail", "update trail set actor = 'bob'"):
            with pytest.raises(sqlite3.IntegrityError, match="kept for ever"):
                file.execute(statement)
