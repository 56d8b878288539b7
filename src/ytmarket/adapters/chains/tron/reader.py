"""Reads USDT deposits from TRON, block by block, as far as its blocks are solid."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from functools import partial
from typing import Final, Self

from ytmarket.adapters.chains.tron.auditor import TronAuditor
from ytmarket.adapters.chains.tron.chain import TronChain
from ytmarket.adapters.chains.tron.listing import PAYMENTS_PER_PAGE, Listing
from ytmarket.adapters.chains.tron.node import TIMEOUT, TronNode
from ytmarket.adapters.chains.tron.position import Position
from ytmarket.adapters.chains.tron.reading import Reading
from ytmarket.adapters.chains.tron.view import View
from ytmarket.adapters.chains.tron.wallet import Address, wallet_of
from ytmarket.application.endpoints import CALLS_PER_SECOND, Pace, endpoints_of
from ytmarket.application.ports.chain_reader import ChainMisconfigured, Cursor, Page
from ytmarket.application.ports.clock import Clock
from ytmarket.application.rotation import Rotation
from ytmarket.domain.networks import Network

BLOCKS_PER_PAGE: Final = 40


class TronReader:
    """The `ChainReader` port. All of one reading comes from one node; another continues where it ended.

    Every solid block is fetched together with the receipts of its transactions, which must be all there.
    java-tron also lists events by address, but answers with none for blocks it has not indexed, and does
    not say so: lists are used only on demand, and only of nodes that are seen to have an index. A block
    costs two calls, a poll one more; by lists a poll costs three, however many blocks there are.
    """

    def __init__(
        self,
        chain: TronChain,
        wallet: Address,
        rotation: Rotation[TronNode],
        clock: Clock,
        *,
        blocks_per_page: int = BLOCKS_PER_PAGE,
        by_lists: bool = False,
        payments_per_page: int = PAYMENTS_PER_PAGE,
    ) -> None:
        self._chain = chain
        self._wallet = wallet
        self._rotation = rotation
        self._clock = clock
        self._blocks_per_page = blocks_per_page
        self._by_lists = by_lists
        self._payments_per_page = payments_per_page

    @classmethod
    def connect(
        cls,
        chain: TronChain,
        wallet: str,
        urls: Sequence[str],
        clock: Clock,
        *,
        calls_per_second: int = CALLS_PER_SECOND,
        timeout: timedelta = TIMEOUT,
        blocks_per_page: int = BLOCKS_PER_PAGE,
        by_lists: bool = False,
        payments_per_page: int = PAYMENTS_PER_PAGE,
    ) -> Self:
        """A reader on these nodes, the preferred one first; none is asked anything yet.

        *by_lists*: of nodes whose lists of events hold what their blocks hold, only the lists are asked.

        Raises `ChainMisconfigured` for a wallet that is no address, without any URL, and for a URL that
        cannot be used, such as TronGrid's without a key.
        """
        if not urls:
            raise ChainMisconfigured(f"{chain.setting} names no node to read {chain.network} from")
        nodes = [
            TronNode(endpoint, clock, pace=Pace(clock, calls_per_second), timeout=timeout)
            for endpoint in endpoints_of(chain.setting, urls)
        ]
        rotation = Rotation(nodes, clock)
        return cls(
            chain,
            wallet_of(wallet),
            rotation,
            clock,
            blocks_per_page=blocks_per_page,
            by_lists=by_lists,
            payments_per_page=payments_per_page,
        )

    @property
    def network(self) -> Network:
        return self._chain.network

    @property
    def wallet(self) -> str:
        return self._wallet.text

    async def start(self) -> Cursor:
        return await self._rotation.use(self._start_on)

    async def cursor_at(self, height: int) -> Cursor:
        """The cursor that reads from this block on, to read some of the chain once more."""
        return await self._rotation.use(partial(self._start_at, height=height))

    async def read(self, cursor: Cursor) -> Page:
        return await self._rotation.use(partial(self._read_on, position=Position.read(cursor)))

    @property
    def auditor(self) -> TronAuditor:
        """Audits the same wallet through the same nodes."""
        return TronAuditor(self._chain, self._wallet, self._rotation, self._clock)

    async def close(self) -> None:
        for node in self._rotation.nodes:
            await node.close()

    async def _start_on(self, node: TronNode) -> Cursor:
        reading = await self._reading(node)
        reading.check_fresh()
        return Position.behind(reading.head).write()

    async def _start_at(self, node: TronNode, height: int) -> Cursor:
        reading = await self._reading(node)
        return Position.behind(await reading.view.header(max(height - 1, 0), reading.head)).write()

    async def _read_on(self, node: TronNode, position: Position) -> Page:
        reading = await self._reading(node)
        reading.check_fresh()
        if self._by_lists:
            listing = Listing(reading, self._clock.now(), self._payments_per_page)
            return await listing.page(position, self._blocks_per_page)
        return await reading.page(position, self._blocks_per_page)

    async def _reading(self, node: TronNode) -> Reading:
        view = await View.checked(node, self._chain, self._wallet)
        return Reading(view, await view.head(), self._clock.now())
