"""Which networks are read, and what keeps one from being read."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

import attrs

from ytmarket.adapters.postgres.connections import Connection
from ytmarket.application.ports.networks import Coverage, NetworkState
from ytmarket.domain.coverage import Span
from ytmarket.domain.networks import Network

RETIRE: Final = """
    delete from network_state where (network, wallet) not in (
        select * from unnest(%(networks)s::text[], %(wallets)s::text[])
    )
"""
WATCH: Final = """
    insert into network_state (network, wallet, noted_at)
    select *, %(now)s::timestamptz from unnest(%(networks)s::text[], %(wallets)s::text[])
    order by 1, 2
    on conflict (network, wallet) do update set noted_at = excluded.noted_at
"""
NOTE_TROUBLE: Final = """
    insert into network_state (network, wallet, trouble, stopped, noted_at)
    values (%(network)s, %(wallet)s, %(trouble)s, %(stopped)s, %(now)s)
    on conflict (network, wallet) do update
    set trouble = excluded.trouble, stopped = excluded.stopped, noted_at = excluded.noted_at
"""
# Nothing is written where all was well before: a network is read every few seconds.
WAS_READ: Final = """
    insert into network_state (network, wallet, noted_at) values (%(network)s, %(wallet)s, %(now)s)
    on conflict (network, wallet) do update
    set trouble = null, stopped = false, noted_at = excluded.noted_at
    where network_state.trouble is not null
"""
# Two that cover the same at once would each keep a span of its own.
ONE_AT_A_TIME: Final = "select pg_advisory_xact_lock(hashtextextended('coverage ' || %(network)s, 0))"
COVER: Final = """
    with touched as (
        delete from network_coverage
        where network = %(network)s and wallet = %(wallet)s
            and first <= %(last)s::bigint + 1 and last >= %(first)s::bigint - 1
        returning first, last, first_hash, last_hash, began_at, read_at
    ), spans as (
        select first, last, first_hash, last_hash, began_at, read_at, 1 as age from touched
        union all
        select %(first)s, %(last)s, %(first_hash)s, %(last_hash)s, %(now)s, %(now)s, 0
    )
    insert into network_coverage
        (network, wallet, first, last, first_hash, last_hash, began_at, read_at)
    select %(network)s, %(wallet)s, min(first), max(last),
        (array_agg(first_hash order by first, age))[1], (array_agg(last_hash order by last desc, age))[1],
        min(began_at), max(read_at)
    from spans
"""
COVERAGE: Final = """
    select network, wallet, first, last, first_hash, last_hash, began_at, read_at from network_coverage
    where network = %s and wallet = %s order by first
"""
STATES: Final = """
    select distinct on (state.network collate "C") state.network, state.wallet, progress.read_until,
        progress.updated_at, state.trouble, state.stopped
    from network_state state left join network_progress progress
        on progress.network = state.network and progress.wallet = state.wallet
    order by state.network collate "C", greatest(progress.updated_at, state.noted_at) desc
"""


@attrs.frozen
class PostgresNetworks:
    """The `NetworkRepository` port."""

    _connection: Connection

    async def watch(self, wallets: Mapping[Network, str], now: datetime) -> None:
        values = {"networks": [str(network) for network in wallets], "wallets": list(wallets.values())}
        await self._connection.execute(RETIRE, values)
        await self._connection.execute(WATCH, values | {"now": now})

    async def note_trouble(
        self, network: Network, wallet: str, trouble: str, now: datetime, *, stopped: bool = False
    ) -> None:
        values = {
            "network": network,
            "wallet": wallet,
            "trouble": trouble,
            "stopped": stopped,
            "now": now,
        }
        await self._connection.execute(NOTE_TROUBLE, values)

    async def cover(self, network: Network, wallet: str, span: Span, now: datetime) -> None:
        values = {"network": network, "wallet": wallet, "now": now, **attrs.asdict(span)}
        await self._connection.execute(ONE_AT_A_TIME, values)
        await self._connection.execute(COVER, values)


def coverage_of(row: tuple[Any, ...]) -> Coverage:
    """The span in a row of `COVERAGE`."""
    network, wallet, first, last, first_hash, last_hash, began_at, read_at = row
    return Coverage(
        network=Network(network),
        wallet=wallet,
        span=Span(first=first, last=last, first_hash=first_hash, last_hash=last_hash),
        began_at=began_at,
        read_at=read_at,
    )


def state_of(row: tuple[Any, ...]) -> NetworkState:
    """The state in a row of `STATES`."""
    return NetworkState(
        network=Network(row[0]),
        wallet=row[1],
        read_until=row[2],
        last_success=row[3],
        trouble=row[4],
        stopped=row[5],
    )
