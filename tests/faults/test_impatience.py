"""Who waits no longer goes at once, even when the server does not let go, and nothing is left half done."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator

import pytest

from tests.faults import books
from tests.faults.proxy import Proxy
from tests.faults.shop import Database
from ytmarket.adapters.postgres.connections import PATIENCE_SECONDS
from ytmarket.adapters.postgres.database import PostgresDatabase
from ytmarket.testing.contracts.world import NOW

pytestmark = pytest.mark.anyio


@pytest.fixture
async def proxied(database: Database) -> AsyncIterator[tuple[Proxy, PostgresDatabase]]:
    with Proxy.before(database.dsn) as proxy:
        store = await PostgresDatabase.open(proxy.dsn)
        yield proxy, store
        proxy.release()
        await store.close()


async def test_a_wait_that_is_given_up_ends_at_once(
    database: Database, proxied: tuple[Proxy, PostgresDatabase]
) -> None:
    proxy, store = proxied
    begun = time.monotonic()
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.3), store.unit_of_work() as uow:
            await uow.accounts.create("ann", NOW)
            proxy.hold()
            await uow.accounts.create("bob", NOW)
    assert time.monotonic() - begun < PATIENCE_SECONDS - 1
    proxy.release()
    async with store.unit_of_work() as uow:
        await uow.accounts.create("cid", NOW)
        await uow.commit()
    labels = {row[0] for row in books.rows(database.dsn, "select label from account")}
    assert labels & {"ann", "bob", "cid"} == {"cid"}
