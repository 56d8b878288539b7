"""Whoever changes the audit trail behind the shop's back is found out: a thousand ways, a thousand times."""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import timedelta
from typing import Any, Final

import psycopg
import pytest

from tests.contract.conftest import OpenDatabase
from ytmarket.application.audit_trail import AuditService
from ytmarket.domain.audit import GENESIS, AuditEnd, AuditEntry
from ytmarket.testing.contracts import World
from ytmarket.testing.contracts.world import NOW

ROWS: Final = 12
TAMPERINGS: Final = 1_000
COLUMNS: Final = "number, at, actor, action, target, details, previous, hash"

Database = psycopg.Connection[Any]


@pytest.fixture
def intruder(postgres: OpenDatabase) -> Iterator[Database]:
    """Somebody who owns the database and has put its guard to sleep."""
    with psycopg.connect(postgres.dsn, autocommit=True) as connection:
        connection.execute("alter table api_audit_log disable trigger api_audit_log_immutable")
        yield connection


async def open_shop(world: World) -> None:
    """A key, an adjustment and what the trail tells of them: so no trail can be an empty one."""
    customer = await world.customer(5)
    entry = AuditEntry(at=NOW, actor="http:ops", action="api_key.credit", target=f"key:{customer.key.fp}")
    async with world.unit_of_work() as uow:
        await uow.audit.append(entry)
        await uow.commit()


async def fill(world: World, rows: int = ROWS) -> None:
    for number in range(rows):
        entry = AuditEntry(
            at=NOW + timedelta(seconds=number),
            actor="http:ops",
            action="api_key.credit",
            target=f"key:{number}",
            details={"amount_usdt": "1.0", "reason": "подарок"},
        )
        async with world.unit_of_work() as uow:
            await uow.audit.append(entry)
            await uow.commit()


def edit(chance: random.Random, intruder: Database) -> str:
    """One column of one row."""
    number = chance.randint(1, ROWS)
    change = chance.choice(
        [
            "at = at + interval '1 microsecond'",
            "at = 'infinity'",
            "at = '0044-03-15 BC'",
            "actor = 'http:ann'",
            "actor = actor || ' '",
            "actor = ''",
            "action = 'api_key.debit'",
            "target = 'key:' || number + 100",
            'details = details || \'{"amount_usdt": "1.00"}\'',
            "details = details || '{\"amount_usdt\": 1.0}'",
            'details = details || \'{"": ""}\'',
            "details = details - 'reason'",
            "details = '[]'",
            "details = 'null'",
            "details = '{}'",
            "previous = sha256(previous)",
            "hash = sha256(hash)",
            "hash = ''",
            "number = number + 1000",
            "number = -number",
            "actor = action, action = actor",
        ]
    )
    intruder.execute(f"update api_audit_log set {change} where number = {number}".encode())
    return f"{change} in {number}"


def delete(chance: random.Random, intruder: Database) -> str:
    """Some rows, anywhere; sometimes the later ones are numbered anew."""
    first = chance.randint(1, ROWS)
    last = chance.randint(first, ROWS)
    intruder.execute(f"delete from api_audit_log where number between {first} and {last}".encode())
    closed = chance.random() < 0.5
    if closed:
        by = last - first + 1
        for number in range(last + 1, ROWS + 1):
            intruder.execute(
                f"update api_audit_log set number = {number - by} where number = {number}".encode()
            )
    return f"delete {first} to {last}, closed: {closed}"


def insert(chance: random.Random, intruder: Database) -> str:
    """A row that nobody wrote, with honest hashes, as far as one can be made."""
    number = chance.choice([-1, 0, *range(1, ROWS + 3)])
    intruder.execute(
        f"update api_audit_log set number = -1000 - number where number >= {number} and number > 0".encode()
    )
    intruder.execute("update api_audit_log set number = -999 - number where number < -999")
    row = intruder.execute(
        "select hash from api_audit_log where number < %s order by number desc limit 1", (number,)
    ).fetchone()
    previous = GENESIS if row is None else row[0]
    entry = AuditEntry(at=NOW, actor="http:ops", action="api_key.mint", target="key:mine")
    values = (
        number,
        entry.at,
        entry.actor,
        entry.action,
        entry.target,
        "{}",
        previous,
        entry.digest(number, previous),
    )
    intruder.execute(f"insert into api_audit_log ({COLUMNS}) values (%s, %s, %s, %s, %s, %s, %s, %s)", values)
    return f"insert at {number}"


def truncate(chance: random.Random, intruder: Database) -> str:
    """The newest rows, or all of them; sometimes the end kept beside them as well."""
    last = chance.randint(0, ROWS - 1)
    intruder.execute(f"delete from api_audit_log where number > {last}".encode())
    forget = chance.random() < 0.3
    if forget:
        intruder.execute("delete from setting where name = 'audit_end'")
    return f"truncate after {last}, end forgotten: {forget}"


async def test_a_thousand_tamperings_are_a_thousand_findings(world: World, intruder: Database) -> None:
    await open_shop(world)
    await fill(world, ROWS - 1)
    audit = AuditService(queries=world.queries)
    assert (await audit.verify()).broken_at is None
    for table in ("api_audit_log", "setting"):
        intruder.execute(f"create table honest_{table} as table {table}".encode())
    missed = []
    for seed in range(TAMPERINGS):
        chance = random.Random(seed)
        with intruder.transaction():
            done = chance.choice([edit, delete, insert, truncate])(chance, intruder)
        verified = await audit.verify()
        if verified.broken_at is None:
            missed.append((seed, done))
        with intruder.transaction():
            for table in ("api_audit_log", "setting"):
                intruder.execute(f"truncate {table}".encode())
                intruder.execute(f"insert into {table} table honest_{table}".encode())
    assert missed == []
    assert (await audit.verify()).broken_at is None


async def test_a_trail_that_tells_nothing_of_what_is_in_the_books_was_written_anew(
    world: World, intruder: Database
) -> None:
    audit = AuditService(queries=world.queries)
    assert (await audit.verify()).broken_at is None  # nobody has done anything
    await open_shop(world)
    assert (await audit.verify()).broken_at is None
    (key,) = [row.entry.target for row in await world.queries.audit_rows(limit=1)]
    intruder.execute("truncate api_audit_log")
    intruder.execute("delete from setting where name = 'audit_end'")
    emptied = await audit.verify()
    assert (emptied.broken_at, list(emptied.untold)) == (1, ["adjustments", key])
    await fill(world, 3)
    rewritten = await audit.verify()
    assert (rewritten.broken_at, list(rewritten.untold)) == (4, [key])


async def test_the_place_is_named(world: World, intruder: Database) -> None:
    await fill(world)
    audit = AuditService(queries=world.queries)
    intruder.execute("delete from api_audit_log where number > 9")
    assert (await audit.verify()).broken_at == 10
    intruder.execute("update api_audit_log set actor = 'nobody' where number = 4")
    verified = await audit.verify()
    assert (verified.broken_at, verified.end.number) == (4, 3)


async def test_who_rewrites_all_of_it_is_found_by_an_end_that_was_written_down_elsewhere(
    world: World, intruder: Database
) -> None:
    await fill(world, 5)
    audit = AuditService(queries=world.queries)
    noted = (await audit.verify()).end
    await fill(world, 3)
    assert (await audit.verify(noted)).broken_at is None
    intruder.execute("truncate api_audit_log")
    intruder.execute("delete from setting where name = 'audit_end'")
    assert (await audit.verify()).broken_at is None
    assert (await audit.verify(noted)).broken_at == 1
    await fill(world, 6)
    assert (await audit.verify()).broken_at is None
    # The same acts in the same order hash alike; other acts do not.
    intruder.execute("truncate api_audit_log")
    intruder.execute("delete from setting where name = 'audit_end'")
    async with world.unit_of_work() as uow:
        for number in range(6):
            await uow.audit.append(AuditEntry(at=NOW, actor="a", action="b", target=f"{number}"))
        await uow.commit()
    assert (await audit.verify()).broken_at is None
    assert (await audit.verify(noted)).broken_at == 5


async def test_a_long_trail_is_followed_piece_by_piece(
    world: World, intruder: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ytmarket.application.audit_trail.ROWS_AT_ONCE", 5)
    audit = AuditService(queries=world.queries)
    assert await audit.verify() == await audit.verify(AuditEnd())
    for rows in (4, 1, 5, 1):  # 4, 5, 10, 11
        await fill(world, rows)
        assert (await audit.verify()).broken_at is None
    intruder.execute("delete from api_audit_log where number > 10")
    assert (await audit.verify()).broken_at == 11
    intruder.execute("update api_audit_log set actor = '' where number = 6")
    assert (await audit.verify()).broken_at == 6
