"""Reads USDT deposits from Solana, whole final slots at a time."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from functools import partial
from typing import Final, Self

import attrs

from ytmarket.adapters.chains.solana.chain import NETWORK, SETTING, STALE_AFTER
from ytmarket.adapters.chains.solana.history import PAGE_MAX, History
from ytmarket.adapters.chains.solana.node import TIMEOUT, SolanaNode
from ytmarket.adapters.chains.solana.position import Position
from ytmarket.adapters.chains.solana.reading import Backlog, Reading
from ytmarket.adapters.chains.solana.view import View
from ytmarket.adapters.chains.solana.wallet import Wallet
from ytmarket.application.endpoints import CALLS_PER_SECOND, Pace, endpoints_of
from ytmarket.application.ports.chain_auditor import StrayAccount
from ytmarket.application.ports.chain_reader import (
    ChainMisconfigured,
    ChainRateLimited,
    Cursor,
    Page,
    ReaderError,
)
from ytmarket.application.ports.clock import Clock
from ytmarket.application.rotation import Rotation
from ytmarket.domain.networks import Network

LISTING_MIN: Final = 2
TRANSACTIONS_MAX: Final = 200
"""Transactions in one page: each is asked for by itself."""


class SolanaReader:
    """The `ChainReader` port. All of one reading comes from one node; another continues where it ended.

    A token account counts balances: what several transfers of one transaction bring is one deposit.
    """

    def __init__(
        self,
        wallet: Wallet,
        rotation: Rotation[SolanaNode],
        clock: Clock,
        *,
        transactions: int = TRANSACTIONS_MAX,
        listing: int = PAGE_MAX,
        stale_after: timedelta = STALE_AFTER,
    ) -> None:
        if listing < LISTING_MIN:
            raise ValueError(f"a list of {listing} cannot hold the last of the one before and anything new")
        self._wallet = wallet
        self._rotation = rotation
        self._clock = clock
        self._transactions = transactions
        self._listing = listing
        self._stale_after = stale_after
        self._backlog: Backlog | None = None

    @classmethod
    def connect(
        cls,
        wallet: str,
        urls: Sequence[str],
        clock: Clock,
        *,
        calls_per_second: int = CALLS_PER_SECOND,
        timeout: timedelta = TIMEOUT,
        transactions: int = TRANSACTIONS_MAX,
        listing: int = PAGE_MAX,
        stale_after: timedelta = STALE_AFTER,
    ) -> Self:
        """A reader on these nodes, the preferred one first; none is asked anything yet.

        Raises `ChainMisconfigured` for a wallet that is no address, and without any URL.
        """
        if not urls:
            raise ChainMisconfigured(f"{SETTING} names no node to read {NETWORK} from")
        nodes = [
            SolanaNode(endpoint, clock, pace=Pace(clock, calls_per_second), timeout=timeout)
            for endpoint in endpoints_of(SETTING, urls)
        ]
        return cls(
            Wallet.read(wallet),
            Rotation(nodes, clock),
            clock,
            transactions=transactions,
            listing=listing,
            stale_after=stale_after,
        )

    @property
    def network(self) -> Network:
        return NETWORK

    @property
    def wallet(self) -> str:
        return str(self._wallet)

    async def start(self) -> Cursor:
        return await self._rotation.use(self._start_on)

    async def cursor_at(self, height: int) -> Cursor:
        """The cursor that reads from this slot on, to read some of the chain once more."""
        return await self._rotation.use(partial(self._start_at, height=height))

    async def read(self, cursor: Cursor) -> Page:
        return await self._rotation.use(partial(self._read_on, position=Position.read(cursor)))

    async def stray_accounts(self) -> Sequence[StrayAccount]:
        return await self._rotation.use(self._strays_on)

    async def close(self) -> None:
        for node in self._rotation.nodes:
            await node.close()

    async def _start_on(self, node: SolanaNode) -> Cursor:
        view = await self._view(node)
        tip = await view.tip()
        if tip.is_stale(self._clock.now(), self._stale_after):
            raise view.stands_still(tip)
        return (await History(view, tip, self._listing).position()).write()

    async def _start_at(self, node: SolanaNode, height: int) -> Cursor:
        view = await self._view(node)
        tip = await view.tip()
        if tip.slot < height - 1:
            raise node.behind(f"has got to slot {tip.slot}, and {height} was asked for")
        return Position(height - 1, (), height - 1).write()

    async def _read_on(self, node: SolanaNode, position: Position) -> Page:
        view = await self._view(node)
        backlog = self._backlog
        if backlog is None or backlog.node is not node or backlog.position != position:
            backlog = await self._list(view, position)
        elif backlog.asked_to_wait is not None:
            self._backlog = attrs.evolve(backlog, asked_to_wait=None)
            raise backlog.asked_to_wait
        return await self._page(view, backlog)

    async def _page(self, view: View, backlog: Backlog) -> Page:
        # Kept meanwhile, for when nobody waits any more, or the node asks us to.
        self._backlog = backlog
        try:
            page, self._backlog = await Reading(view, backlog, self._clock).page(self._transactions)
        except ChainRateLimited:
            raise
        except ReaderError:
            self._backlog = None
            raise
        return page

    async def _list(self, view: View, position: Position) -> Backlog:
        tip = await view.tip()
        if tip.slot < position.slot:
            raise view.node.behind(f"has got to slot {tip.slot}, and {position.slot} was read before")
        if tip.is_stale(self._clock.now(), self._stale_after):
            raise view.stands_still(tip)
        new = await History(view, tip, self._listing).since(position)
        return Backlog(node=view.node, position=position, tip=tip, waiting=tuple(new))

    async def _strays_on(self, node: SolanaNode) -> Sequence[StrayAccount]:
        return await (await self._view(node)).strays()

    async def _view(self, node: SolanaNode) -> View:
        view = View(node, self._wallet)
        await view.check()
        return view
