"""What an order costs at the desk, with a thousand and a million orders in the last quarter of an hour."""

from __future__ import annotations

import asyncio
import random
import statistics
import time
from decimal import Decimal

import psycopg
from _shop import ACCOUNTS, PRODUCTS, database
from rich.console import Console
from rich.table import Table

from ytmarket.adapters.postgres.database import PostgresDatabase
from ytmarket.adapters.system.clock import SystemClock
from ytmarket.adapters.system.rate_source import FixedRate
from ytmarket.application.orders import BATCH_ORDERS_MAX, OrderDesk
from ytmarket.domain.ids import AccountId, ApiKeyId, ProductId
from ytmarket.domain.shop import OrderRequest, OrderTerms, PlaceOrder

SIZES = (1_000, 1_000_000)
ROUNDS = 3
"""Each size is measured so often, in turns, on a fresh database each time; the median counts."""

BATCHES, WARM_BATCHES = 60, 10
RATE = Decimal(1_000_000)
"""So dear a dollar that every product can be bought singly."""

# Each order has an amount of its own, the least favourable of windows: it has as many rows as there
# are orders. The amounts are ten cents apart, so that both sizes are equally dense where the products
# cost something. Without triggers, which would take a while for a million transfers.
FILL = """
    set session_replication_role = replica;
    insert into orders (id, channel, account_id, api_key_id, product_id, quantity, price, hits, charged,
        settled, status, delivered, created_at, updated_at, deadline_at)
    select nextval('order_number'), 'api', 1 + i % {accounts}, 1 + i % {accounts}, 1 + i % {products}, 1,
        i * 100000::bigint, 0, i * 100000::bigint, i * 100000::bigint, 'completed', 1,
        now() - i % 300 * interval '1 second', now(), now()
    from generate_series(1, {orders}) i;
    insert into price_window (amount, taken_at, order_id) select price, created_at, id from orders;
    insert into transfer (kind, ref, debit, credit, amount, at, account_id, order_id)
    select 'order_charged', id, 'customer:' || account_id, 'escrow', price, created_at, account_id, id
    from orders;
    insert into event (order_id, status, refunded, at, delivery)
    select id, 'processing', 0, created_at, 'unwanted' from orders;
    reset session_replication_role;
    vacuum analyze;
    checkpoint
"""
RECENT = "select count(*) from price_window where taken_at > now() - interval '15 minutes'"


def fill(dsn: str, orders: int) -> None:
    """So many orders in the last five minutes."""
    with psycopg.connect(dsn, autocommit=True) as connection:
        for statement in FILL.format(orders=orders, accounts=ACCOUNTS, products=PRODUCTS).split(";"):
            connection.execute(statement.encode())


def recent(dsn: str) -> int:
    """How many amounts count now."""
    with psycopg.connect(dsn) as connection:
        row = connection.execute(RECENT).fetchone()
    return 0 if row is None else int(row[0])


def request() -> OrderRequest:
    """Somebody buys one of something."""
    account = random.randint(1, ACCOUNTS)
    command = PlaceOrder(product_id=ProductId(random.randint(1, PRODUCTS)), quantity=1)
    return OrderRequest(account_id=AccountId(account), api_key_id=ApiKeyId(account), command=command)


async def measure(dsn: str) -> float:
    """Microseconds an order, median over whole batches."""
    opened = await PostgresDatabase.open(dsn)
    desk = OrderDesk(
        new_unit_of_work=opened.unit_of_work,
        clock=SystemClock(),
        rate_source=FixedRate(RATE),
        terms=OrderTerms(),
        render=lambda order: b"order %d" % order.id,
    )
    costs = []
    try:
        for _ in range(WARM_BATCHES + BATCHES):
            requests = [request() for _ in range(BATCH_ORDERS_MAX)]
            started = time.perf_counter()
            await asyncio.gather(*(desk.place(one) for one in requests))
            costs.append((time.perf_counter() - started) / BATCH_ORDERS_MAX)
    finally:
        await opened.close()
    return statistics.median(costs[WARM_BATCHES:]) * 1_000_000


def main() -> None:
    """Print the table and the ratio."""
    costs: dict[int, list[float]] = {size: [] for size in SIZES}
    for _ in range(ROUNDS):
        for size in SIZES:
            with database() as (_, dsn):
                fill(dsn, size)
                costs[size].append(asyncio.run(measure(dsn)))
                if recent(dsn) < size:
                    raise SystemExit(f"of {size} orders some have left the window before the end")
    table = Table("recent orders", "microseconds an order", "of all rounds")
    for size, found in costs.items():
        each = ", ".join(f"{cost:.0f}" for cost in found)
        table.add_row(f"{size:,}", f"{statistics.median(found):.0f}", each)
    Console().print(table)
    few, many = (statistics.median(costs[size]) for size in SIZES)
    print(f"an order among 10^6 recent ones costs {many / few:.2f} of one among 10^3")


if __name__ == "__main__":
    main()
