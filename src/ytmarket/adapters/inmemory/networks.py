"""Which networks are read, and what keeps one from being read, in memory."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

import attrs

from ytmarket.adapters.inmemory.rows import NetworkRow
from ytmarket.adapters.inmemory.state import State
from ytmarket.application.ports.networks import Coverage, NetworkState
from ytmarket.domain.coverage import Span
from ytmarket.domain.networks import Network


@attrs.frozen
class InMemoryNetworks:
    """The `NetworkRepository` port."""

    _state: State

    async def watch(self, wallets: Mapping[Network, str], now: datetime) -> None:
        rows = self._state.network_rows
        for network, wallet in [key for key, _ in rows.items()]:
            if wallets.get(network) != wallet:
                rows.drop((network, wallet))
        for key in wallets.items():
            known = rows.get(key) or NetworkRow(noted_at=now)
            rows.put(key, attrs.evolve(known, noted_at=now))

    async def note_trouble(
        self, network: Network, wallet: str, trouble: str, now: datetime, *, stopped: bool = False
    ) -> None:
        row = NetworkRow(noted_at=now, trouble=trouble, stopped=stopped)
        self._state.network_rows.put((network, wallet), row)

    async def cover(self, network: Network, wallet: str, span: Span, now: datetime) -> None:
        known = self._state.coverage.get((network, wallet)) or ()
        touched = [one for one in known if one.span.touches(span)]
        one = Coverage(
            network=network,
            wallet=wallet,
            span=span.joined(other.span for other in touched),
            began_at=min([now, *(other.began_at for other in touched)]),
            read_at=max([now, *(other.read_at for other in touched)]),
        )
        left = [other for other in known if other not in touched]
        ordered = sorted([*left, one], key=lambda other: other.span.first)
        self._state.coverage.put((network, wallet), tuple(ordered))


def states_in(state: State) -> Sequence[NetworkState]:
    """How each network fares, on the wallet that was heard of last."""
    newest: dict[Network, NetworkState] = {}
    rows = sorted(state.network_rows.items(), key=lambda item: _heard_of(state, *item))
    for (network, wallet), row in rows:
        progress = state.progress.get((network, wallet))
        newest[network] = NetworkState(
            network=network,
            wallet=wallet,
            read_until=None if progress is None else progress.read_until,
            last_success=None if progress is None else progress.updated_at,
            trouble=row.trouble,
            stopped=row.stopped,
        )
    return [newest[network] for network in sorted(newest, key=str)]


def _heard_of(state: State, key: tuple[Network, str], row: NetworkRow) -> datetime:
    progress = state.progress.get(key)
    return row.noted_at if progress is None else max(row.noted_at, progress.updated_at)
