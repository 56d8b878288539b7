"""Which networks are read, and what keeps one from being read."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

import attrs

from ytmarket.adapters.postgres.connections import Connection
from ytmarket.application.ports.networks import NetworkState
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
