"""Asking about orders costs the same however many others nobody has decided about."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

import psycopg
import pytest

from tests.contract.conftest import OpenDatabase
from tests.postgres.test_claims import pages_of, plan
from ytmarket.adapters.postgres.orders import LEASE
from ytmarket.testing.contracts.world import NOW, World

pytestmark = pytest.mark.anyio

FILL: Final = """
    insert into orders (id, channel, account_id, api_key_id, product_id, quantity, price, hits, charged,
        status, created_at, updated_at, deadline_at, leased_until)
    select number, 'api', 1, 1, 1, 1, 100, 0, 100, 'processing', at, at, at, at
    from generate_series(%(first)s::bigint, %(last)s::bigint) number, lateral (
        select %(now)s + number * interval '1 millisecond' as at
    ) made
"""


async def cost(postgres: OpenDatabase, first: int, last: int) -> int:
    """How many pages are looked at for a hundred orders, once these are undecided too."""
    async with await psycopg.AsyncConnection.connect(postgres.dsn, autocommit=True) as connection:
        await connection.execute(FILL, {"now": NOW, "first": first, "last": last})
        await connection.execute("vacuum analyze orders")
    later = NOW + timedelta(hours=1)
    top = await plan(postgres, LEASE, [later, 100, later + timedelta(seconds=5)])
    due = next(node for node in nodes(top) if node.get("Index Name") == "orders_to_fulfil")
    return pages_of(due)


def nodes(node: dict[str, object]) -> list[dict[str, object]]:
    plans = node.get("Plans", ())
    assert isinstance(plans, list | tuple)
    return [node, *(inner for child in plans for inner in nodes(child))]


async def test_asking_costs_the_same_among_many_undecided_orders(
    postgres: OpenDatabase,
    world: World,  # noqa: ARG001 - it makes the schema
) -> None:
    few = await cost(postgres, 1, 2_000)
    assert await cost(postgres, 2_001, 20_000) <= 2 * few
