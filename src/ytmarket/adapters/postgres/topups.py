"""Top-ups, and the reservations of amounts behind them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final
from uuid import UUID

import attrs
import psycopg

from ytmarket.adapters.postgres.bands import place
from ytmarket.adapters.postgres.connections import Connection
from ytmarket.domain.errors import AlreadyDone
from ytmarket.domain.ids import AccountId, DepositId, ReservationId, TopupId
from ytmarket.domain.money import Usdt
from ytmarket.domain.networks import Network
from ytmarket.domain.reservations import TOLERANCE, Payer, Purpose, Reservation
from ytmarket.domain.topups import Topup, TopupStatus

TOPUP_COLUMNS: Final = (
    "topup.id::text, topup.account_id, topup.reservation_id, topup.network, topup.address, topup.requested,"
    " topup.amount, topup.created_at, topup.starts_at, topup.expires_at, topup.status, topup.deposit_id"
)
"""What `topup_of` reads, in its order; 12 columns."""

COUNTS: Final = """
    select
        (select count(*) from topup where account_id = %(account)s and status = 'pending'),
        (
            select count(*) from reservation
            where purpose = 2 and payer = %(account)s and upper(live) > %(now)s
                and exists (select from topup where reservation_id = reservation.id and status = 'expired')
                and not exists (
                    select from topup where reservation_id = reservation.id and status = 'pending'
                )
        )
"""
NEARBY: Final = """
    select id, network, amount, purpose, payer, lower(live), upper(live) from reservation
    where band && int8range(%s, %s, '[]') and live && tstzrange(%s, %s)
"""
# The exclusion constraint decides; a row that somebody has not committed yet is waited for.
RESERVE: Final = """
    insert into reservation (network, network_number, amount, purpose, payer, live)
    values (%s, %s, %s, %s, %s, tstzrange(%s, %s)) on conflict do nothing returning id
"""
LOCK_RESERVATION: Final = "select from reservation where id = %s for no key update"
SHARING: Final = f"select {TOPUP_COLUMNS} from topup where reservation_id = %s order by created_at, id"
# Neither undoes what was promised before: the settings that a moment is reckoned from may have changed since.
EXTEND: Final = """
    update reservation set live = tstzrange(lower(live), greatest(upper(live), %s)) where id = %s
"""
RELEASE: Final = """
    update reservation set live = tstzrange(lower(live), least(upper(live), %s)) where id = %s
"""
FIND: Final = f"select {TOPUP_COLUMNS} from topup where id = %s::uuid and account_id = %s"
UNPAID: Final = f"""
    select {TOPUP_COLUMNS} from topup
    where account_id = %s and created_at >= %s and status in ('pending', 'expired')
    order by created_at, id
"""
ADD: Final = """
    insert into topup (
        id, account_id, reservation_id, network, address, requested, amount,
        created_at, starts_at, expires_at, status, deposit_id
    ) values (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)
"""
# What was credited stays so, and what has expired can only be credited by hand.
SAVE: Final = """
    update topup set status = %(status)s, deposit_id = %(deposit)s
    where id = %(id)s and (
        status = 'pending' or status = 'expired' and %(status)s in ('expired', 'credited_manual')
    )
"""
# One statement, hence one moment: whoever sees how far the chain has been read sees its deposits too.
# One that is being credited has a deposit that is not settled yet, or a row that is locked.
EXPIRE_DUE: Final = """
    update topup set status = 'expired' from (
        select id from topup
        where network = %(network)s and status = 'pending'
            and expires_at <= (
                select read_until from network_progress
                where network = %(network)s order by updated_at desc limit 1
            )
            and not exists (
                select from deposit
                where deposit.network = %(network)s and deposit.status = 'received'
                    and deposit.at >= topup.starts_at and deposit.at < topup.expires_at
                    and abs(deposit.amount - topup.amount) <= %(tolerance)s
            )
        order by expires_at, id limit %(limit)s for no key update skip locked
    ) due
    where topup.id = due.id
"""


@attrs.frozen
class PostgresTopups:
    """The `TopupRepository` port."""

    _connection: Connection

    async def counts(self, account: AccountId, now: datetime) -> tuple[int, int]:
        cursor = await self._connection.execute(COUNTS, {"account": account, "now": now})
        row = await cursor.fetchone()
        if row is None:
            raise psycopg.DataError("a count answered no row")
        return row[0], row[1]

    async def reservations(
        self, network: Network, low: Usdt, high: Usdt, starts_at: datetime, ends_at: datetime
    ) -> Sequence[Reservation]:
        span = (place(network, low), place(network, high), starts_at, ends_at)
        cursor = await self._connection.execute(NEARBY, span)
        return [reservation_of(row) async for row in cursor]

    async def reserve(
        self, network: Network, amount: Usdt, payer: Payer, starts_at: datetime, ends_at: datetime
    ) -> ReservationId | None:
        number = network.facts.number
        values = (network, number, amount.micros, int(payer.purpose), payer.id, starts_at, ends_at)
        row = await (await self._connection.execute(RESERVE, values)).fetchone()
        return None if row is None else ReservationId(row[0])

    async def lock_reservation(self, reservation: ReservationId) -> Sequence[Topup]:
        await self._connection.execute(LOCK_RESERVATION, (reservation,))
        # Asked after the lock: a statement that waits for one still sees what was before.
        cursor = await self._connection.execute(SHARING, (reservation,))
        return [topup_of(row) async for row in cursor]

    async def extend(self, reservation: ReservationId, ends_at: datetime) -> None:
        await self._connection.execute(EXTEND, (ends_at, reservation))

    async def release(self, reservation: ReservationId, ends_at: datetime) -> None:
        await self._connection.execute(RELEASE, (ends_at, reservation))

    async def find(self, account: AccountId, topup: TopupId) -> Topup | None:
        if not is_topup_id(topup):
            return None
        row = await (await self._connection.execute(FIND, (topup, account))).fetchone()
        return None if row is None else topup_of(row)

    async def unpaid(self, account: AccountId, *, since: datetime) -> Sequence[Topup]:
        cursor = await self._connection.execute(UNPAID, (account, since))
        return [topup_of(row) async for row in cursor]

    async def add(self, topup: Topup) -> None:
        values = (
            topup.id,
            topup.account_id,
            topup.reservation_id,
            topup.network,
            topup.address,
            topup.requested.micros,
            topup.amount.micros,
            topup.created_at,
            topup.starts_at,
            topup.expires_at,
            topup.status,
            topup.deposit_id,
        )
        await self._connection.execute(ADD, values)

    async def save(self, topup: Topup) -> None:
        values = {"id": topup.id, "status": topup.status, "deposit": topup.deposit_id}
        saved = await self._connection.execute(SAVE, values)
        if saved.rowcount == 0:
            raise AlreadyDone

    async def expire_due(self, network: Network, *, limit: int) -> int:
        values = {"network": network, "tolerance": TOLERANCE.micros, "limit": limit}
        return (await self._connection.execute(EXPIRE_DUE, values)).rowcount


def is_topup_id(text: str) -> bool:
    """Whether it is spelt as our top-ups' ids are; anything else names none of them."""
    try:
        return str(UUID(text)) == text
    except ValueError:
        return False


def reservation_of(row: tuple[Any, ...]) -> Reservation:
    """The reservation in a row of `NEARBY`."""
    return Reservation(
        id=ReservationId(row[0]),
        network=Network(row[1]),
        amount=Usdt(row[2]),
        payer=Payer(Purpose(row[3]), row[4]),
        starts_at=row[5],
        ends_at=row[6],
    )


def topup_of(row: tuple[Any, ...]) -> Topup:
    """The top-up in a row that begins with `TOPUP_COLUMNS`."""
    return Topup(
        id=TopupId(row[0]),
        account_id=AccountId(row[1]),
        reservation_id=ReservationId(row[2]),
        network=Network(row[3]),
        address=row[4],
        requested=Usdt(row[5]),
        amount=Usdt(row[6]),
        created_at=row[7],
        starts_at=row[8],
        expires_at=row[9],
        status=TopupStatus(row[10]),
        deposit_id=None if row[11] is None else DepositId(row[11]),
    )
