"""Finding what bears on a deposit: right at every edge, and no dearer in a shop full of reservations."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any, Final

import psycopg
import pytest

from tests.contract.conftest import OpenDatabase
from ytmarket.adapters.postgres import topups
from ytmarket.adapters.postgres.bands import place
from ytmarket.adapters.postgres.claims import CLAIMS, values_of
from ytmarket.domain.deposits import ENDED_LOOKBACK, Deposit
from ytmarket.domain.matching import Claim
from ytmarket.domain.money import CENT, Usdt
from ytmarket.domain.networks import Network
from ytmarket.domain.reservations import TOLERANCE, Payer, Purpose
from ytmarket.testing.contracts.world import World

pytestmark = pytest.mark.anyio

NOON: Final = datetime(2026, 3, 2, 12, tzinfo=UTC)  # where a quarter of a day begins
MICRO: Final = timedelta(microseconds=1)
DAY: Final = timedelta(days=1)
SPANS: Final = (*(timedelta(hours=hours) for hours in (1, 5, 11, 24)), DAY + MICRO, 9 * DAY)

# Reservations in bulk, each with one top-up that may be paid during its first hour.
FILL: Final = """
    with made as (
        insert into reservation (network, network_number, amount, purpose, payer, live)
        select %(network)s, %(number)s, amount, 2, %(account)s, tstzrange(begun, ended)
        from unnest(%(amounts)s::bigint[], %(begun)s::timestamptz[], %(ended)s::timestamptz[])
            as given (amount, begun, ended)
        on conflict do nothing
        returning id, amount, live
    )
    insert into topup (
        id, account_id, reservation_id, network, address, requested, amount,
        created_at, starts_at, expires_at, status
    )
    select gen_random_uuid(), %(account)s, id, %(network)s, 'wallet', amount, amount,
        lower(live), lower(live), least(lower(live) + interval '1 hour', upper(live)), 'pending'
    from made
"""


def transfer(amount: Usdt, at: datetime, network: Network = Network.TRON) -> Deposit:
    return Deposit(
        network=network,
        tx_hash="hash",
        event_index=0,
        sender=None,
        recipient="wallet",
        raw=amount.micros * 10 ** (network.facts.decimals - 6),
        decimals=network.facts.decimals,
        height=1,
        block_ref="block",
        at=at,
    )


async def fill(
    postgres: OpenDatabase,
    account: int,
    spans: Sequence[tuple[Usdt, datetime, datetime]],
    network: Network = Network.TRON,
) -> None:
    values = {
        "network": network,
        "number": network.facts.number,
        "account": account,
        "amounts": [amount.micros for amount, _, _ in spans],
        "begun": [begun for _, begun, _ in spans],
        "ended": [ended for _, _, ended in spans],
    }
    async with await psycopg.AsyncConnection.connect(postgres.dsn) as connection:
        await connection.execute(FILL, values)


async def everything(postgres: OpenDatabase) -> list[Claim]:
    """All reservations as claims, found without any index."""
    async with await psycopg.AsyncConnection.connect(postgres.dsn) as connection:
        await connection.execute("set timezone = 'UTC'")
        rows = await connection.execute("""
            select topup.id::text, account_id, reservation.network, reservation.amount, starts_at, expires_at,
                upper(live), reservation.id
            from reservation join topup on topup.reservation_id = reservation.id
        """)
        return [
            Claim(
                payer=Payer(Purpose.TOPUP, account),
                ref=ref,
                network=Network(network),
                amount=Usdt(amount),
                starts_at=starts_at,
                expires_at=expires_at,
                reserved_until=until,
                reservation_id=reservation,
            )
            async for ref, account, network, amount, starts_at, expires_at, until, reservation in rows
        ]


def bearing_on(deposit: Deposit, claims: Sequence[Claim]) -> set[Claim]:
    """What the port promises, word for word and slowly."""
    oldest = deposit.at - ENDED_LOOKBACK
    begun = [claim for claim in claims if claim.starts_at <= deposit.at]
    found = {
        claim
        for claim in begun
        if abs(claim.amount - deposit.amount) <= TOLERANCE
        and max(claim.expires_at, claim.reserved_until) >= oldest
    }
    here = [
        claim for claim in begun if claim.network is deposit.network and deposit.at < claim.reserved_until
    ]
    above = [claim for claim in here if claim.amount > deposit.amount]
    below = [claim for claim in here if claim.amount < deposit.amount]
    found |= {min(above, key=lambda claim: claim.amount)} if above else set()
    found |= {max(below, key=lambda claim: claim.amount)} if below else set()
    return found


async def found(world: World, deposit: Deposit) -> set[Claim]:
    async with world.unit_of_work() as uow:
        claims = await uow.deposits.claims(deposit)
    assert len(claims) == len(set(claims)), "none is told twice"
    return set(claims)


@pytest.mark.parametrize("network", Network)
async def test_an_amounts_place_is_where_the_schema_puts_it(
    postgres: OpenDatabase, world: World, network: Network
) -> None:
    customer = await world.customer()
    async with world.unit_of_work() as uow:
        await uow.topups.reserve(network, Usdt.of("100.25"), customer.payer, NOON, NOON + DAY)
        await uow.commit()
    async with await psycopg.AsyncConnection.connect(postgres.dsn) as connection:
        row = await (await connection.execute("select lower(band), upper(band) from reservation")).fetchone()
    middle = place(network, Usdt.of("100.25"))
    assert row == (middle - TOLERANCE.micros, middle + TOLERANCE.micros + 1)


async def test_random_reservations_of_months_are_found_as_by_hand(
    postgres: OpenDatabase, world: World
) -> None:
    """Amounts at each other's edges; times at the edges of quarters, of spans and of the look-back."""
    customer, chance = await world.customer(), Random(20_260_302)
    amounts = [Usdt.of(100) + Usdt(10_000 * n + m) for n in range(12) for m in (-1, 0, 1)] + [Usdt.of(5_000)]
    times = [
        NOON + timedelta(hours=6 * n) + m for n in range(-130, 12) for m in (-MICRO, timedelta(0), MICRO)
    ]
    for network in (Network.TRON, Network.BSC, Network.SOLANA):
        spans = []
        for _ in range(1_500):
            begun = chance.choice(times)
            ended = begun + chance.choice(SPANS)
            spans.append((chance.choice(amounts), begun, ended))
        await fill(postgres, customer.account, spans, network)
    claims = await everything(postgres)
    assert len(claims) > 500
    assert {claim.network for claim in claims} == {Network.TRON, Network.BSC, Network.SOLANA}
    edges = sorted(
        {
            moment + m
            for claim in claims
            for moment in (claim.starts_at, claim.reserved_until)
            for m in (-MICRO, 0 * MICRO)
        }
    )
    for _ in range(500):
        amount = chance.choice(amounts) + Usdt(chance.choice((-10_001, -10_000, -1, 0, 1, 10_000, 10_001)))
        at = chance.choice(
            (chance.choice(edges), chance.choice(edges) + ENDED_LOOKBACK, chance.choice(times))
        )
        deposit = transfer(amount, at, chance.choice((Network.TRON, Network.BSC, Network.TON)))
        assert await found(world, deposit) == bearing_on(deposit, claims), deposit


async def plan(postgres: OpenDatabase, statement: str, values: Any) -> dict[str, Any]:
    async with await psycopg.AsyncConnection.connect(postgres.dsn, autocommit=True) as connection:
        await connection.execute("set plan_cache_mode = force_generic_plan")
        cursor = await connection.execute(
            f"explain (analyze, buffers, format json) {statement}", values, prepare=True
        )
        row = await cursor.fetchone()
    assert row is not None
    told = row[0] if isinstance(row[0], list) else json.loads(row[0])
    top: dict[str, Any] = told[0]["Plan"]
    return top


def steps(node: dict[str, Any]) -> list[tuple[str, str | None]]:
    inner = [step for child in node.get("Plans", ()) for step in steps(child)]
    return [(node["Node Type"], node.get("Relation Name")), *inner]


def pages_of(node: dict[str, Any]) -> int:
    return int(node["Shared Hit Blocks"] + node["Shared Read Blocks"])


@pytest.mark.parametrize("is_analysed", [True, False])
async def test_the_cost_is_the_same_among_many_reservations_live_and_ended(
    postgres: OpenDatabase, world: World, *, is_analysed: bool
) -> None:
    customer = await world.customer()
    now = NOON + timedelta(minutes=7)
    deposit = transfer(Usdt.of("300.015"), now)

    async def cost() -> int:
        if is_analysed:
            async with await psycopg.AsyncConnection.connect(postgres.dsn, autocommit=True) as connection:
                await connection.execute("vacuum analyze")
        top = await plan(postgres, CLAIMS, values_of(deposit))
        scanned = {relation for kind, relation in steps(top) if kind == "Seq Scan"}
        assert not scanned & {"reservation", "topup"}, "every look-up goes through an index"
        assert len(await found(world, deposit)) == 2
        return pages_of(top)

    live = [
        (Usdt.of(1) + CENT * (3 * n), now - timedelta(minutes=n % 1_380), now + timedelta(minutes=1 + n % 60))
        for n in range(12_000)
    ]
    await fill(postgres, customer.account, live[::20])
    few = await cost()
    await fill(postgres, customer.account, live)
    many = await cost()
    # As many that ended long ago, a hundred and twenty on each amount around the deposit.
    ended = [
        (Usdt.of(299) + CENT * (3 * (n % 100)), now - (n // 100 + 41) * DAY, now - (n // 100 + 40) * DAY)
        for n in range(12_000)
    ]
    await fill(postgres, customer.account, ended)
    with_ended = await cost()
    assert many <= 2 * few + 8
    assert with_ended <= 2 * few + 8


async def test_amounts_nearby_are_looked_up_in_the_exclusion_constraints_index(
    postgres: OpenDatabase, world: World
) -> None:
    customer = await world.customer()
    spans = [(Usdt.of(1) + CENT * (3 * n), NOON, NOON + DAY) for n in range(12_000)]
    await fill(postgres, customer.account, spans)
    low, high = place(Network.TRON, Usdt.of(100)), place(Network.TRON, Usdt.of(101))
    top = await plan(postgres, topups.NEARBY, (low, high, NOON, NOON + DAY))
    assert ("Seq Scan", "reservation") not in steps(top)
