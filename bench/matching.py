"""What it costs to find whose a deposit is, with a thousand to a million live reservations."""

from __future__ import annotations

import asyncio
import random
import statistics
import time
from datetime import UTC, datetime, timedelta

import psycopg
from _shop import database
from rich.console import Console
from rich.table import Table

from ytmarket.adapters.postgres.database import PostgresDatabase
from ytmarket.domain.deposits import Deposit
from ytmarket.domain.matching import Matched, match_deposit
from ytmarket.domain.money import CENT, Usdt
from ytmarket.domain.networks import Network

SIZES = (1_000, 10_000, 100_000, 1_000_000)
TRIES = 400
SPACING_CENTS = 5

# Live from an hour ago until tomorrow, five cents apart, spread over the networks.
FILL = """
    with numbered as (
        select i, i % 6 as place, 100 + i / 6 * {spacing} as cents from generate_series({low}, {high}) i
    ),
    held as (
        insert into reservation (network, network_number, amount, purpose, payer, live)
        select ({networks})[place + 1], place + 1, cents * 10000::bigint, 2, 1 + i % {accounts},
            tstzrange(now() - interval '1 minute', now() + interval '1 day')
        from numbered returning id, network, amount, payer
    )
    insert into topup (
        id, account_id, reservation_id, network, address, requested, amount, created_at, starts_at, expires_at
    )
    select gen_random_uuid(), payer, id, network, 'bench', amount, amount, now(),
        now() - interval '1 minute', now() + interval '1 hour'
    from held
"""
NETWORKS = "array[" + ",".join(f"'{network}'" for network in Network) + "]"


def deposit(amount: Usdt, network: Network) -> Deposit:
    """One that has just arrived."""
    at = datetime.now(UTC).replace(microsecond=0) + timedelta(seconds=1)
    return Deposit(
        network=network, tx_hash="bench", event_index=0, sender=None, recipient="bench", raw=amount.micros,
        decimals=6, height=1, block_ref="1", at=at,
    )  # fmt: skip


async def measure(dsn: str, live: int) -> tuple[float, float]:
    """Median milliseconds for a deposit that matches, and for one that falls between two bands."""
    opened = await PostgresDatabase.open(dsn)
    costs: dict[bool, list[float]] = {True: [], False: []}
    try:
        for turn in range(TRIES):
            matches = turn % 2 == 0
            cents = 100 + random.randrange(live // 6) * SPACING_CENTS
            amount = CENT * cents + (Usdt(0) if matches else Usdt(25_000))
            found = deposit(amount, random.choice(list(Network)))
            started = time.perf_counter()
            async with opened.unit_of_work() as uow:
                outcome = match_deposit(found, await uow.deposits.claims(found))
            costs[matches].append((time.perf_counter() - started) * 1000)
            if isinstance(outcome, Matched) != matches:
                raise SystemExit(f"{amount} on {found.network}: {outcome}")
    finally:
        await opened.close()
    return statistics.median(costs[True][20:]), statistics.median(costs[False][20:])


def main() -> None:
    """Print the table and the ratio."""
    table = Table("live reservations", "matched, ms", "set aside, ms")
    medians = []
    with database(accounts=1_000, products=1, units=1) as (_, dsn):
        filled = 0
        for live in SIZES:
            with psycopg.connect(dsn, autocommit=True) as connection:
                words = {"low": filled, "high": live - 1, "networks": NETWORKS}
                connection.execute(FILL.format(**words, spacing=SPACING_CENTS, accounts=1_000).encode())
                connection.execute("vacuum analyze")
            filled = live
            matched, aside = asyncio.run(measure(dsn, live))
            medians.append((matched, aside))
            table.add_row(f"{live:,}", f"{matched:.2f}", f"{aside:.2f}")
    Console().print(table)
    for place, name in enumerate(("matched", "set aside")):
        print(f"{name}: 10^6 costs {medians[-1][place] / medians[0][place]:.2f} of 10^3")


if __name__ == "__main__":
    main()
