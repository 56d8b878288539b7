"""Deposits read from the chains, and how far each chain has been read."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

import attrs

from ytmarket.adapters.postgres import claims
from ytmarket.adapters.postgres.connections import Connection
from ytmarket.adapters.postgres.networks import WAS_READ
from ytmarket.application.ports.chain_reader import Cursor, Page
from ytmarket.domain.deposits import Deposit, DepositRecord, DepositStatus, UnmatchedReason
from ytmarket.domain.ids import AccountId, DepositId, OrderId, TopupId
from ytmarket.domain.matching import Claim
from ytmarket.domain.money import Usdt
from ytmarket.domain.networks import Network

DEPOSIT_COLUMNS: Final = (
    "deposit.id, deposit.network, deposit.tx_hash, deposit.event_index, deposit.sender, deposit.recipient,"
    " deposit.raw, deposit.decimals, deposit.height, deposit.block_ref, deposit.at, deposit.status,"
    " deposit.reason, deposit.account_id, deposit.topup_id::text, deposit.order_id,"
    " deposit.candidate_topup_id::text, deposit.candidate_order_id, deposit.candidate_account_id,"
    " deposit.distance"
)
"""What `record_of` reads, in its order; 20 columns."""

CURSOR: Final = "select cursor from network_progress where network = %s and wallet = %s"
# The wallet that was read last tells it.
READ_UNTIL: Final = """
    select read_until from network_progress where network = %s order by updated_at desc limit 1
"""
# Of two that read after the same cursor, the second waits for the first and then finds nothing.
BEGIN: Final = """
    insert into network_progress (cursor, read_until, updated_at, network, wallet)
    values (%(cursor)s, %(read_until)s, %(now)s, %(network)s, %(wallet)s)
    on conflict do nothing
"""
GO_ON: Final = """
    update network_progress
    set cursor = %(cursor)s, read_until = greatest(read_until, %(read_until)s), updated_at = %(now)s
    where network = %(network)s and wallet = %(wallet)s and cursor = %(after)s
"""
KEEP: Final = """
    insert into deposit (
        network, tx_hash, event_index, sender, recipient, raw, decimals, amount, height, block_ref, at,
        seen_at
    )
    select *, %s::timestamptz from unnest(
        %s::text[], %s::text[], %s::integer[], %s::text[], %s::text[], %s::numeric[], %s::smallint[],
        %s::bigint[], %s::bigint[], %s::text[], %s::timestamptz[]
    )
    on conflict do nothing
"""
RECEIVED: Final = "select id from deposit where status = 'received' and id > %s order by id limit %s"
LOCK: Final = f"select {DEPOSIT_COLUMNS} from deposit where id = %s for no key update"
SAVE: Final = """
    update deposit set
        status = %s, reason = %s, account_id = %s, topup_id = %s, order_id = %s, candidate_topup_id = %s,
        candidate_order_id = %s, candidate_account_id = %s, distance = %s
    where id = %s
"""


@attrs.frozen
class PostgresDeposits:
    """The `DepositRepository` port."""

    _connection: Connection

    async def cursor(self, network: Network, wallet: str) -> Cursor | None:
        row = await (await self._connection.execute(CURSOR, (network, wallet))).fetchone()
        return None if row is None else Cursor(row[0])

    async def read_until(self, network: Network) -> datetime | None:
        row = await (await self._connection.execute(READ_UNTIL, (network,))).fetchone()
        return None if row is None else row[0]

    async def keep_page(
        self, network: Network, wallet: str, after: Cursor | None, page: Page, now: datetime
    ) -> int | None:
        progress = {
            "network": network,
            "wallet": wallet,
            "after": after,
            "cursor": page.cursor,
            "read_until": page.read_until,
            "now": now,
        }
        moved = await self._connection.execute(BEGIN if after is None else GO_ON, progress)
        if moved.rowcount == 0:
            return None
        await self._connection.execute(WAS_READ, progress)
        return await self.keep_missed(page.deposits, now)

    async def keep_missed(self, deposits: Sequence[Deposit], now: datetime) -> int:
        if not deposits:
            return 0
        kept = await self._connection.execute(KEEP, [now, *_arrays(deposits)])
        return kept.rowcount

    async def received(self, *, limit: int, after: DepositId | None = None) -> Sequence[DepositId]:
        cursor = await self._connection.execute(RECEIVED, (after or 0, limit))
        return [DepositId(row[0]) async for row in cursor]

    async def lock(self, deposit: DepositId) -> DepositRecord | None:
        row = await (await self._connection.execute(LOCK, (deposit,))).fetchone()
        return None if row is None else record_of(row)

    async def claims(self, deposit: Deposit) -> Sequence[Claim]:
        return await claims.bearing_on(self._connection, deposit)

    async def save(self, record: DepositRecord) -> None:
        values = (
            record.status,
            record.reason,
            record.account_id,
            record.topup_id,
            record.order_id,
            record.candidate_topup_id,
            record.candidate_order_id,
            record.candidate_account_id,
            None if record.distance is None else record.distance.micros,
            record.id,
        )
        await self._connection.execute(SAVE, values)


def _arrays(deposits: Sequence[Deposit]) -> list[list[Any]]:
    """One array for each column that a chain fills, for `unnest`."""
    return [
        [str(d.network) for d in deposits],
        [d.tx_hash for d in deposits],
        [d.event_index for d in deposits],
        [d.sender for d in deposits],
        [d.recipient for d in deposits],
        [d.raw for d in deposits],
        [d.decimals for d in deposits],
        [d.amount.micros for d in deposits],
        [d.height for d in deposits],
        [d.block_ref for d in deposits],
        [d.at for d in deposits],
    ]


def record_of(row: tuple[Any, ...]) -> DepositRecord:
    """The record in a row that begins with `DEPOSIT_COLUMNS`."""
    return DepositRecord(
        id=DepositId(row[0]),
        deposit=Deposit(
            network=Network(row[1]),
            tx_hash=row[2],
            event_index=row[3],
            sender=row[4],
            recipient=row[5],
            raw=int(row[6]),
            decimals=row[7],
            height=row[8],
            block_ref=row[9],
            at=row[10],
        ),
        status=DepositStatus(row[11]),
        reason=None if row[12] is None else UnmatchedReason(row[12]),
        account_id=None if row[13] is None else AccountId(row[13]),
        topup_id=None if row[14] is None else TopupId(row[14]),
        order_id=None if row[15] is None else OrderId(row[15]),
        candidate_topup_id=None if row[16] is None else TopupId(row[16]),
        candidate_order_id=None if row[17] is None else OrderId(row[17]),
        candidate_account_id=None if row[18] is None else AccountId(row[18]),
        distance=None if row[19] is None else Usdt(row[19]),
    )
