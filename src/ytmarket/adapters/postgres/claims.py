"""Finds whatever bears on a deposit, in one statement that costs the same in a full shop.

Two indexes do it. The exclusion constraint's own answers whose band holds the amount, however many
reservations of that amount have ended. The nearest live amount is harder: a search through amounts
would wade through all that ended near it, a search through times through all that lives. So
reservations are filed by the quarters of a day in which they end and begin; what lives at one
moment lies in a few such pairs, and in each of them the nearest is one step away.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from ytmarket.adapters.postgres.bands import place
from ytmarket.adapters.postgres.connections import Connection
from ytmarket.domain.deposits import ENDED_LOOKBACK, Deposit
from ytmarket.domain.ids import OrderId, ReservationId, TopupId
from ytmarket.domain.matching import Claim
from ytmarket.domain.money import Usdt
from ytmarket.domain.networks import Network
from ytmarket.domain.reservations import Payer, Purpose

# `offset 0` keeps the planner from joining before it has looked up: each look-up is one index descent.
_NEAREST: Final = """
    select nearest.* from pair cross join lateral (
        select id, purpose, payer, network, amount, live from reservation
        where network_number = %(number)s and quarter_day(upper(live)) = pair.ended
            and quarter_day(lower(live)) = pair.begun
            and lower(live) <= %(at)s and upper(live) > %(at)s and amount {side} %(amount)s
        order by amount {direction} limit 1
    ) nearest
    where pair.begun <= quarter_day(%(at)s)
    order by nearest.amount {direction} limit 1
"""

CLAIMS: Final = (
    """
    with recursive
    pair as (
        (
            select quarter_day(upper(live)) as ended, quarter_day(lower(live)) as begun from reservation
            where network_number = %(number)s and quarter_day(upper(live)) >= quarter_day(%(at)s)
            order by 1, 2 limit 1
        )
        union all
        -- The next pair; after one that begins too late, the next end.
        select further.* from pair cross join lateral (
            select quarter_day(upper(live)) as ended, quarter_day(lower(live)) as begun from reservation
            where network_number = %(number)s
                and (quarter_day(upper(live)), quarter_day(lower(live))) > (
                    pair.ended,
                    case when pair.begun < quarter_day(%(at)s) then pair.begun else 2147483647 end
                )
            order by 1, 2 limit 1
        ) further
    ),
    found as (
        select holding.* from unnest(%(places)s::bigint[]) place cross join lateral (
            select id, purpose, payer, network, amount, live from reservation
            where band @> place and live && tstzrange(%(oldest)s - interval '1 microsecond', %(at)s, '[]')
            offset 0
        ) holding
        union (
    """
    + _NEAREST.format(side=">", direction="asc")
    + ") union ("
    + _NEAREST.format(side="<", direction="desc")
    + """)
    )
    select
        purpose, payer, claim.id::text, network, amount, claim.starts_at, claim.expires_at, upper(live),
        claim.status = 'pending', claim.status in ('credited_auto', 'credited_manual'), found.id
    from found cross join lateral (
        select id, starts_at, expires_at, status from topup where reservation_id = found.id offset 0
    ) claim
    where purpose = 2 and greatest(claim.expires_at, upper(live)) >= %(oldest)s
    union all
    select
        purpose, payer, payer::text, network, amount, lower(live), claim.expires_at, upper(live),
        claim.status = 'awaiting_payment', claim.charged > 0, found.id
    from found cross join lateral (
        select website_order.expires_at, orders.status, orders.charged
        from website_order join orders on orders.id = website_order.order_id
        where website_order.order_id = found.payer offset 0
    ) claim
    where purpose = 1 and greatest(claim.expires_at, upper(live)) >= %(oldest)s
    """
)


async def bearing_on(connection: Connection, deposit: Deposit) -> Sequence[Claim]:
    """Every claim that bears on the deposit, as `DepositRepository.claims` promises."""
    cursor = await connection.execute(CLAIMS, values_of(deposit))
    return [_claim_of(row) async for row in cursor]


def values_of(deposit: Deposit) -> dict[str, Any]:
    """What `CLAIMS` is asked with."""
    return {
        "number": deposit.network.facts.number,
        "amount": deposit.amount.micros,
        "places": [place(network, deposit.amount) for network in Network],
        "at": deposit.at,
        "oldest": deposit.at - ENDED_LOOKBACK,
    }


def _claim_of(row: tuple[Any, ...]) -> Claim:
    payer = Payer(Purpose(row[0]), row[1])
    return Claim(
        payer=payer,
        ref=TopupId(row[2]) if payer.purpose is Purpose.TOPUP else OrderId(row[1]),
        network=Network(row[3]),
        amount=Usdt(row[4]),
        starts_at=row[5],
        expires_at=row[6],
        reserved_until=row[7],
        pending=row[8],
        paid=row[9],
        reservation_id=ReservationId(row[10]),
    )
