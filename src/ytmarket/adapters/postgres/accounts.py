"""Customers, and every transfer there ever was."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

import attrs
import psycopg

from ytmarket.adapters.postgres.connections import Connection
from ytmarket.domain.chart import LedgerAccount, TransferKind
from ytmarket.domain.errors import NotFound
from ytmarket.domain.ids import AccountId, DepositId, OrderId
from ytmarket.domain.ledger import CustomerTotals, Transfer
from ytmarket.domain.money import Usdt

CREATE: Final = "insert into account (label, created_at) values (%s, %s) returning id"

# In one order everywhere, so that two that want the same accounts never wait in a circle.
LOCK: Final = """
    select id, topped_up, charged, refunded from account
    where id = any(%s::bigint[]) order by id for no key update
"""

# A trigger keeps the customers' totals; constraints refuse what is overdrawn or done already.
POST: Final = """
    insert into transfer (kind, ref, debit, credit, amount, at, account_id, order_id, deposit_id, reason)
    select * from unnest(
        %s::text[], %s::text[], %s::text[], %s::text[], %s::bigint[], %s::timestamptz[],
        %s::bigint[], %s::bigint[], %s::bigint[], %s::text[]
    )
"""

SET_FROZEN: Final = "update account set frozen = %s where id = %s and frozen <> %s"

TRANSFER_COLUMNS: Final = (
    "transfer.kind, transfer.ref, transfer.debit, transfer.credit, transfer.amount, transfer.at,"
    " transfer.account_id, transfer.order_id, transfer.deposit_id, transfer.reason"
)
"""What `transfer_of` reads, in its order; 10 columns."""


@attrs.frozen
class PostgresAccounts:
    """The `AccountRepository` port."""

    _connection: Connection

    async def create(self, label: str, now: datetime) -> AccountId:
        cursor = await self._connection.execute(CREATE, (label, now))
        row = await cursor.fetchone()
        if row is None:
            raise psycopg.DataError("an insert answered no row")
        return AccountId(row[0])

    async def lock(self, accounts: Collection[AccountId]) -> Mapping[AccountId, CustomerTotals]:
        cursor = await self._connection.execute(LOCK, (list(accounts),))
        return {AccountId(row[0]): totals_of(row[1:]) async for row in cursor}

    async def post(self, transfers: Sequence[Transfer]) -> None:
        customers = {t.account_id for t in transfers if t.account_id is not None}
        if len(customers) > 1:
            await self.lock(customers)
        if transfers:
            await self._connection.execute(POST, transfer_arrays(transfers))

    async def set_frozen(self, account: AccountId, *, frozen: bool) -> bool:
        if not await self.lock([account]):
            raise NotFound
        changed = await self._connection.execute(SET_FROZEN, (frozen, account, frozen))
        return changed.rowcount == 1


def transfer_arrays(transfers: Sequence[Transfer]) -> list[list[Any]]:
    """One array for each of `TRANSFER_COLUMNS`, for `unnest`."""
    return [
        [str(t.kind) for t in transfers],
        [t.ref for t in transfers],
        [t.debit for t in transfers],
        [t.credit for t in transfers],
        [t.amount.micros for t in transfers],
        [t.at for t in transfers],
        [t.account_id for t in transfers],
        [t.order_id for t in transfers],
        [t.deposit_id for t in transfers],
        [t.reason for t in transfers],
    ]


def totals_of(row: tuple[Any, ...]) -> CustomerTotals:
    """The totals in a row of topped_up, charged, refunded."""
    return CustomerTotals(topped_up=Usdt(row[0]), charged=Usdt(row[1]), refunded=Usdt(row[2]))


def transfer_of(row: tuple[Any, ...]) -> Transfer:
    """The transfer in a row that begins with `TRANSFER_COLUMNS`."""
    return Transfer(
        kind=TransferKind(row[0]),
        ref=row[1],
        debit=LedgerAccount(row[2]),
        credit=LedgerAccount(row[3]),
        amount=Usdt(row[4]),
        at=row[5],
        account_id=None if row[6] is None else AccountId(row[6]),
        order_id=None if row[7] is None else OrderId(row[7]),
        deposit_id=None if row[8] is None else DepositId(row[8]),
        reason=row[9],
    )
