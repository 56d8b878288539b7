"""What the store in memory does beside the ports' promises: it takes turns, and says when that would hang."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import anyio
import pytest

from ytmarket.adapters.inmemory import InMemoryDatabase
from ytmarket.application.errors import Unavailable

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)


async def test_a_unit_of_work_inside_another_of_the_same_task_is_an_error_and_no_hang() -> None:
    database = InMemoryDatabase()
    async with database.unit_of_work() as outer:
        account = await outer.accounts.create("ann", NOON)
        with pytest.raises(RuntimeError, match="wait for itself"):
            async with database.unit_of_work():
                pass
        await outer.commit()
    assert set(await database.queries.totals([account])) == {account}


async def test_who_waits_too_long_for_a_turn_is_told_so() -> None:
    database = InMemoryDatabase(wait_max=timedelta(milliseconds=10))
    opened, done = anyio.Event(), anyio.Event()

    async def linger() -> None:
        async with database.unit_of_work():
            opened.set()
            await done.wait()

    async with anyio.create_task_group() as group:
        group.start_soon(linger)
        await opened.wait()
        with pytest.raises(Unavailable):
            async with database.unit_of_work():
                pass
        done.set()
    async with database.unit_of_work():  # the turn was not lost with the one who gave up
        pass


async def test_a_cancelled_unit_of_work_changes_nothing_and_gives_its_turn_up() -> None:
    database = InMemoryDatabase()
    async with anyio.create_task_group() as group:

        async def cancelled() -> None:
            async with database.unit_of_work() as uow:
                await uow.accounts.create("ann", NOON)
                group.cancel_scope.cancel()
                await anyio.sleep(1)

        group.start_soon(cancelled)
    async with database.unit_of_work() as uow:
        account = await uow.accounts.create("bob", NOON)
        await uow.commit()
    assert set(await database.queries.totals([account])) == {account}


async def test_a_store_that_is_back_goes_on_where_it_was() -> None:
    database = InMemoryDatabase()
    async with database.unit_of_work() as uow:
        account = await uow.accounts.create("ann", NOON)
        await uow.commit()
    database.is_down = True
    with pytest.raises(Unavailable):
        await database.queries.totals([account])
    database.is_down = False
    assert set(await database.queries.totals([account])) == {account}
