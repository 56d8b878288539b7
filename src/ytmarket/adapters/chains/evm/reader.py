"""Reads USDT deposits from one EVM network, as far as its blocks are final."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from functools import partial
from typing import Self

from ytmarket.adapters.chains.evm.auditor import EvmAuditor
from ytmarket.adapters.chains.evm.chains import EvmChain
from ytmarket.adapters.chains.evm.node import SPAN_MAX, TIMEOUT, EvmNode
from ytmarket.adapters.chains.evm.position import Position
from ytmarket.adapters.chains.evm.reading import Reading
from ytmarket.adapters.chains.evm.tip import Tip
from ytmarket.adapters.chains.evm.view import View
from ytmarket.adapters.chains.evm.wallet import wallet_of
from ytmarket.application.endpoints import CALLS_PER_SECOND, Pace, endpoints_of
from ytmarket.application.ports.chain_reader import ChainMisconfigured, Cursor, Page
from ytmarket.application.ports.clock import Clock
from ytmarket.application.rotation import Rotation
from ytmarket.domain.networks import Network


class EvmReader:
    """The `ChainReader` port. All of one reading comes from one node; another continues where it ended.

    A cursor holds the hash of the last block read, which the next must build on. A deposit that
    waits for a deeper finality holds nobody up: its block is noted there, and read once more.
    """

    def __init__(self, chain: EvmChain, wallet: str, rotation: Rotation[EvmNode], clock: Clock) -> None:
        self._chain = chain
        self._wallet = wallet
        self._rotation = rotation
        self._clock = clock

    @classmethod
    def connect(
        cls,
        chain: EvmChain,
        wallet: str,
        urls: Sequence[str],
        clock: Clock,
        *,
        calls_per_second: int = CALLS_PER_SECOND,
        timeout: timedelta = TIMEOUT,
        span: int = SPAN_MAX,
    ) -> Self:
        """A reader on these nodes, the preferred one first; none is asked anything yet.

        Raises `ChainMisconfigured` for a wallet that is no address, and without any URL.
        """
        if not urls:
            raise ChainMisconfigured(f"{chain.setting} names no node to read {chain.network} from")
        nodes = [
            EvmNode(endpoint, clock, pace=Pace(clock, calls_per_second), timeout=timeout, span=span)
            for endpoint in endpoints_of(chain.setting, urls)
        ]
        return cls(chain, wallet_of(wallet), Rotation(nodes, clock), clock)

    @property
    def network(self) -> Network:
        return self._chain.network

    @property
    def wallet(self) -> str:
        return self._wallet

    async def start(self) -> Cursor:
        return await self._rotation.use(self._start_on)

    async def cursor_at(self, height: int) -> Cursor:
        """The cursor that reads from this block on, to read some of the chain once more."""
        return await self._rotation.use(partial(self._start_at, height=height))

    async def read(self, cursor: Cursor) -> Page:
        return await self._rotation.use(partial(self._read_on, position=Position.read(cursor)))

    @property
    def auditor(self) -> EvmAuditor:
        """Audits the same wallet through the same nodes."""
        return EvmAuditor(self._chain, self._wallet, self._rotation, self._clock)

    async def close(self) -> None:
        for node in self._rotation.nodes:
            await node.close()

    async def _start_on(self, node: EvmNode) -> Cursor:
        view = await View.checked(node, self._chain, self._wallet)
        tip = await Tip.of(view, self._clock.now(), waits_for_final=False)
        if tip.is_stale:
            raise tip.stands_still(view)
        return await _cursor_behind(view, tip.readable)

    async def _start_at(self, node: EvmNode, height: int) -> Cursor:
        view = await View.checked(node, self._chain, self._wallet)
        tip = await self._tip(view, waits_for_final=False)
        if height - 1 > tip.readable:
            raise node.behind(f"has got to block {tip.readable}, and {height} was asked for")
        return await _cursor_behind(view, max(height - 1, 0))

    async def _read_on(self, node: EvmNode, position: Position) -> Page:
        view = await View.checked(node, self._chain, self._wallet)
        tip = await self._tip(view, waits_for_final=bool(position.held))
        return await Reading(view, position, tip).page()

    async def _tip(self, view: View, *, waits_for_final: bool) -> Tip:
        waits = waits_for_final or self._chain.finality.deep_above is not None
        return await Tip.of(view, self._clock.now(), waits_for_final=waits)


async def _cursor_behind(view: View, number: int) -> Cursor:
    headers = await view.headers([number])
    return Position.at(headers[number]).write()
