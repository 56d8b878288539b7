"""Counts are written together, and a count that cannot be written waits alone."""

from __future__ import annotations

import psycopg
import pytest

from ytmarket.adapters.inmemory import ManualClock
from ytmarket.application.usage import UsageMeter
from ytmarket.testing.contracts.world import NOW, World

pytestmark = pytest.mark.anyio


async def test_one_keys_count_that_the_store_refuses_holds_up_no_other(world: World) -> None:
    meter = UsageMeter(world.unit_of_work, world.queries, ManualClock(NOW))
    before, broken, after = [(await world.customer()).key.id for _ in range(3)]
    for key, endpoint in ((before, "/a"), (broken, "/\0"), (after, "/b")):
        meter.count(key, endpoint)
    with pytest.raises(psycopg.DataError):
        await meter.flush()
    assert meter.backlog == 1
    for key, told in ((before, "/a"), (after, "/b")):
        written = await world.queries.usage(key)
        assert written is not None
        assert (written.requests, written.last_endpoint) == (1, told)
    meter.count(broken, "/c")
    assert await meter.flush() == 1
    written = await world.queries.usage(broken)
    assert written is not None
    assert (written.requests, written.last_endpoint) == (2, "/c")
