"""Reads USDT deposits from TON, by the history of the contract that keeps the shop's USDT."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from datetime import timedelta
from functools import partial
from typing import Final, Self, TypeVar

from ytmarket.adapters.chains.ton.chain import NETWORK, SETTING, STALE_AFTER
from ytmarket.adapters.chains.ton.history import KEPT_MAX, History
from ytmarket.adapters.chains.ton.position import Position
from ytmarket.adapters.chains.ton.reading import Backlog
from ytmarket.adapters.chains.ton.server import LiteServer, Terms
from ytmarket.adapters.chains.ton.servers import LiteServers, Task
from ytmarket.adapters.chains.ton.tonlib import Opening, open_tonlib
from ytmarket.adapters.chains.ton.view import View
from ytmarket.adapters.chains.ton.wallet import Wallet
from ytmarket.application.endpoints import CALLS_PER_SECOND, endpoints_of
from ytmarket.application.ports.chain_reader import ChainMisconfigured, Cursor, Page
from ytmarket.application.ports.clock import Clock
from ytmarket.application.rotation import Rotation
from ytmarket.domain.networks import Network

TIMEOUT: Final = timedelta(seconds=10)
SYNC_TIMEOUT: Final = timedelta(minutes=2)
"""Before its first answer, tonlib proves years of key blocks."""

TRANSACTIONS_MAX: Final = 500
"""Transactions in one page."""

BACKLOGS_MAX: Final = 2

T = TypeVar("T")


class TonReader:
    """The `ChainReader` port. Any lite server goes on where another has got to, also within one walk.

    A lite server cannot lie: tonlib checks every answer against the signatures of the validators. What
    stands in a block that the masterchain has taken in is final, and nothing else is served.
    """

    def __init__(
        self,
        wallet: Wallet,
        rotation: Rotation[LiteServers],
        clock: Clock,
        *,
        transactions: int = TRANSACTIONS_MAX,
        kept_max: int = KEPT_MAX,
        stale_after: timedelta = STALE_AFTER,
    ) -> None:
        self._wallet = wallet
        self._rotation = rotation
        self._clock = clock
        self._transactions = transactions
        self._stale_after = stale_after
        self._history = History(kept_max)
        self._backlogs = OrderedDict[Position, Backlog]()

    @classmethod
    def connect(
        cls,
        wallet: str,
        configs: Sequence[str],
        clock: Clock,
        *,
        calls_per_second: int = CALLS_PER_SECOND,
        timeout: timedelta = TIMEOUT,
        sync_timeout: timedelta = SYNC_TIMEOUT,
        transactions: int = TRANSACTIONS_MAX,
        kept_max: int = KEPT_MAX,
        opening: Opening = open_tonlib,
        stale_after: timedelta = STALE_AFTER,
    ) -> Self:
        """A reader on the lite servers of these configurations, each a path or a URL, the preferred first.

        None is asked anything yet. Raises `ChainMisconfigured` for a wallet that is no address, and
        without a configuration that can be used.
        """
        if not configs:
            raise ChainMisconfigured(f"{SETTING} names no configuration to read {NETWORK} by")
        terms = Terms(opening=opening, timeout=timeout, sync_timeout=sync_timeout)
        owner = Wallet.read(wallet)
        servers = [
            LiteServers(endpoint, clock, calls_per_second=calls_per_second, terms=terms)
            for endpoint in endpoints_of(SETTING, configs)
        ]
        rotation = Rotation(servers, clock)
        return cls(
            owner, rotation, clock, transactions=transactions, kept_max=kept_max, stale_after=stale_after
        )

    @property
    def network(self) -> Network:
        return NETWORK

    @property
    def wallet(self) -> str:
        return str(self._wallet)

    async def start(self) -> Cursor:
        return await self._use(self._start_on)

    async def cursor_at(self, height: int) -> Cursor:
        """The cursor that reads from this logical time on, to read some of the history once more."""
        return await self._use(partial(self._start_at, height))

    async def read(self, cursor: Cursor) -> Page:
        return await self._use(partial(self._read_on, Position.read(cursor)))

    async def close(self) -> None:
        for servers in self._rotation.nodes:
            await servers.close()

    async def _use(self, task: Task[T]) -> T:
        return await self._rotation.use(lambda servers: servers.use(task))

    async def _start_on(self, server: LiteServer) -> Cursor:
        view = await View.of(server, self._wallet)
        tip = await view.tip()
        if tip.is_stale(self._clock.now(), self._stale_after):
            raise view.stands_still(tip)
        return tip.link.position(view.account.raw).write()

    async def _start_at(self, height: int, server: LiteServer) -> Cursor:
        view = await View.of(server, self._wallet)
        tip = await view.tip()
        if tip.link.lt < height - 1:
            raise view.server.behind(f"has got to transaction {tip.link.lt}, and {height} was asked for")
        walk = await self._history.after(max(height - 1, 0), view, tip)
        position = walk.link.position(view.account.raw)
        self._keep(Backlog.of(walk, position))
        return position.write()

    async def _read_on(self, position: Position, server: LiteServer) -> Page:
        view = await View.of(server, self._wallet)
        backlog = self._backlogs.pop(position, None) or await self._list(view, position)
        page, left = backlog.page(self._transactions)
        if left is not None:
            self._keep(left)
        return page

    def _keep(self, backlog: Backlog) -> None:
        """For whoever reads on: the scanner, and beside it whoever reads once more."""
        if backlog.waiting:
            self._backlogs[backlog.position] = backlog
        while len(self._backlogs) > BACKLOGS_MAX:
            self._backlogs.popitem(last=False)

    async def _list(self, view: View, position: Position) -> Backlog:
        if position.account != view.account.raw:
            raise view.server.gap(
                f"finds our USDT at {view.account.raw}, and {position.account} was read before:"
                " the token keeps it elsewhere now, or the wallet is another one"
            )
        tip = await view.tip()
        if tip.link.lt < position.lt:
            raise view.server.behind(
                f"has got to transaction {tip.link.lt}, and {position.lt} was read before"
            )
        if tip.is_stale(self._clock.now(), self._stale_after):
            raise view.stands_still(tip)
        walk = await self._history.since(position, view, tip)
        return Backlog.of(walk, position)
