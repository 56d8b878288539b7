"""Events are put into the count in the order of their numbers, and asking for figures reads few rows."""

from __future__ import annotations

from datetime import timedelta
from importlib.resources import files

import psycopg
import pytest

from tests.contract.conftest import OpenDatabase
from ytmarket.adapters.postgres.figures import FIGURES, figures_values
from ytmarket.testing.contracts import World
from ytmarket.testing.contracts.world import NOW

LATER = NOW + timedelta(minutes=10)
EVENTS = """
    insert into event (order_id, status, refunded, at, delivery)
    select number, 'completed', 0, %s::timestamptz, 'unwanted' from generate_series(%s::bigint, %s) number
"""


def run(dsn: str, statement: str, values: tuple[object, ...] = ()) -> list[tuple[object, ...]]:
    with psycopg.connect(dsn, autocommit=True) as connection:
        cursor = connection.execute(statement.encode(), values)
        return cursor.fetchall() if cursor.description else []


async def fold(world: World, *, limit: int = 10_000) -> int:
    async with world.unit_of_work() as uow:
        folded = await uow.tallies.fold_events(LATER, limit=limit)
        await uow.commit()
    return folded


async def test_nothing_is_left_behind_the_mark(world: World, postgres: OpenDatabase) -> None:
    """A young event with a low number keeps older ones with higher numbers out of the count."""
    for first, last, at in ((1, 5, NOW), (6, 6, LATER), (7, 9, NOW)):
        run(postgres.dsn, EVENTS, (at, first, last))
    assert [await fold(world, limit=2), await fold(world), await fold(world)] == [2, 3, 0]
    assert run(postgres.dsn, "select outcome, count from tally where name = 'events'") == [("completed", 5)]
    assert (await world.queries.figures(LATER)).order_events == {"completed": 9}


@pytest.mark.parametrize("folded", [True, False])
async def test_the_count_of_what_only_grows_is_not_taken_anew(
    world: World, postgres: OpenDatabase, *, folded: bool
) -> None:
    run(postgres.dsn, EVENTS, (NOW, 1, 9_000))
    if folded:
        assert await fold(world) == 9_000
    run(postgres.dsn, "vacuum analyze event")
    with psycopg.connect(postgres.dsn, autocommit=True) as connection:
        plan = connection.execute(
            f"explain (analyze, buffers off, timing off, format json) {FIGURES}".encode(),
            figures_values(LATER),
        ).fetchone()
    assert plan is not None
    read = sum(rows_of(plan[0][0]["Plan"], "event"))
    assert (read < 100) == folded


def rows_of(plan: dict[str, object], table: str) -> list[float]:
    """How many rows each scan of a table has read."""
    own: list[float] = []
    if plan.get("Relation Name") == table:
        own.append(float(str(plan["Actual Rows"])) + float(str(plan.get("Rows Removed by Filter", 0))))
    inner = plan.get("Plans", [])
    assert isinstance(inner, list)
    return own + [rows for part in inner for rows in rows_of(part, table)]


async def test_a_database_from_before_has_its_events_counted(postgres: OpenDatabase) -> None:
    run(postgres.dsn, EVENTS, (NOW, 1, 3))
    run(postgres.dsn, "drop table tally")
    step = files("ytmarket.adapters.postgres.migrations").joinpath("versions", "0006_tallies.sql")
    with psycopg.connect(postgres.dsn) as connection:
        connection.execute(step.read_text("utf-8").encode())
    assert run(postgres.dsn, "select name, outcome, count from tally order by name") == [
        ("events", "completed", 3),
        ("events_until", "", 3),
    ]
