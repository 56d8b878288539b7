"""Agreements of chains with the books: one row for each wallet on each network."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

import attrs

from ytmarket.adapters.postgres.connections import Connection
from ytmarket.adapters.postgres.deposits import DEPOSIT_COLUMNS, record_of
from ytmarket.application.ports.reconciliation import Booked, Task
from ytmarket.domain.deposits import DepositRecord
from ytmarket.domain.networks import Network
from ytmarket.domain.reconciliation import Holding, Point

BEGIN: Final = """
    insert into reconciliation (network, wallet, not_before, due_at)
    select network, wallet, read_until, %s from network_progress where network = %s and wallet = %s
    on conflict do nothing
"""
TAKE_UP: Final = """
    update reconciliation set due_at = %s where network = %s and wallet = %s and due_at <= %s
    returning not_before, height, ref, at, balance
"""
AGREE: Final = """
    update reconciliation set height = %s, ref = %s, at = %s, balance = %s, due_at = %s
    where network = %s and wallet = %s
        and (height, ref, balance) is not distinct from (%s::bigint, %s::text, %s::numeric)
"""
FORGET: Final = """
    with former as (
        select network, wallet, height from reconciliation
        where network = %(network)s and wallet = %(wallet)s and height is not null for update
    )
    update reconciliation
    set height = null, ref = null, at = null, balance = null, due_at = %(now)s,
        not_before = network_progress.read_until
    from former, network_progress
    where reconciliation.network = former.network and reconciliation.wallet = former.wallet
        and network_progress.network = reconciliation.network
        and network_progress.wallet = reconciliation.wallet
    returning former.height
"""
FORGET_OTHER_TOKENS: Final = """
    update reconciliation
    set height = null, ref = null, at = null, balance = null, due_at = %(now)s,
        not_before = network_progress.read_until
    from network_progress
    where reconciliation.network = %(network)s and reconciliation.height is not null
        and starts_with(reconciliation.wallet, %(wallet)s || '/') and reconciliation.wallet <> %(source)s
        and network_progress.network = reconciliation.network
        and network_progress.wallet = reconciliation.wallet
"""
BOOKED: Final = """
    select
        (
            select coalesce(sum(raw), 0) from deposit
            where network = %(network)s and height > %(after)s and height <= %(to)s
                and recipient = %(wallet)s and status <> 'orphaned'
        ),
        read_until
    from network_progress where network = %(network)s and wallet = %(source)s
"""
DEPOSITS: Final = f"""
    select {DEPOSIT_COLUMNS} from deposit
    where network = %s and recipient = %s and height > %s and height <= %s
        and status <> 'orphaned'
    order by height, tx_hash collate "C", event_index
"""


@attrs.frozen
class PostgresReconciliation:
    """The `ReconciliationRepository` port."""

    _connection: Connection

    async def take_up(self, network: Network, wallet: str, now: datetime, until: datetime) -> Task | None:
        await self._connection.execute(BEGIN, (now, network, wallet))
        taken = await self._connection.execute(TAKE_UP, (until, network, wallet, now))
        row = await taken.fetchone()
        return None if row is None else Task(not_before=row[0], agreed=_holding(row[1:]))

    async def agree(
        self, network: Network, wallet: str, holding: Holding, *, after: Holding | None, due_at: datetime
    ) -> bool:
        point = holding.point
        new = (point.height, point.ref, point.at, holding.balance, due_at)
        before = (None,) * 3 if after is None else (after.point.height, after.point.ref, after.balance)
        agreed = await self._connection.execute(AGREE, (*new, network, wallet, *before))
        return agreed.rowcount == 1

    async def forget(self, network: Network, wallet: str, now: datetime) -> int | None:
        asked = {"network": network, "wallet": wallet, "now": now}
        row = await (await self._connection.execute(FORGET, asked)).fetchone()
        return None if row is None else int(row[0])

    async def forget_other_tokens(self, network: Network, wallet: str, source: str, now: datetime) -> None:
        asked = {"network": network, "wallet": wallet, "source": source, "now": now}
        await self._connection.execute(FORGET_OTHER_TOKENS, asked)

    async def booked(
        self, network: Network, wallet: str, after: int, to: int, *, source: str
    ) -> Booked | None:
        asked = {"network": network, "wallet": wallet, "after": after, "to": to, "source": source}
        row = await (await self._connection.execute(BOOKED, asked)).fetchone()
        return None if row is None else Booked(raw=int(row[0]), read_until=row[1])

    async def deposits(self, network: Network, wallet: str, after: int, to: int) -> Sequence[DepositRecord]:
        found = await self._connection.execute(DEPOSITS, (network, wallet, after, to))
        return [record_of(row) async for row in found]


def _holding(row: tuple[Any, ...]) -> Holding | None:
    height, ref, at, balance = row
    if height is None:
        return None
    return Holding(point=Point(height=height, ref=ref, at=at), balance=int(balance))
