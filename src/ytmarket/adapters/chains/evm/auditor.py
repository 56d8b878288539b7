"""Audits the wallet on one EVM network: what it holds at a final block, and what came in and went out."""

from __future__ import annotations

from functools import partial

import attrs

from ytmarket.adapters.chains.evm.asking import widest
from ytmarket.adapters.chains.evm.chains import EvmChain
from ytmarket.adapters.chains.evm.node import EvmNode
from ytmarket.adapters.chains.evm.tip import Tip
from ytmarket.adapters.chains.evm.view import View
from ytmarket.adapters.chains.evm.wire import Header
from ytmarket.application.ports.chain_reader import ReaderError
from ytmarket.application.ports.clock import Clock
from ytmarket.application.rotation import Rotation
from ytmarket.domain.networks import Network
from ytmarket.domain.reconciliation import Holding, Point, Statement


@attrs.frozen
class EvmAuditor:
    """The `ChainAuditor` port. All of a statement comes from one node, as of a block that it calls final.

    Where deposits are read by depth, the audit waits for the node's own word all the same.
    """

    _chain: EvmChain
    _wallet: str
    _rotation: Rotation[EvmNode]
    _clock: Clock

    @property
    def network(self) -> Network:
        return self._chain.network

    @property
    def wallet(self) -> str:
        return self._wallet

    async def holding(self) -> Holding:
        return await self._rotation.use(self._holding_on)

    async def statement(self, opening: Holding) -> Statement:
        return await self._rotation.use(partial(self._statement_on, opening=opening))

    def doubt(self) -> None:
        self._rotation.leave()

    async def _holding_on(self, node: EvmNode) -> Holding:
        return await self._held(await self._view(node))

    async def _statement_on(self, node: EvmNode, opening: Holding) -> Statement:
        view = await self._view(node)
        # First, because nodes soon forget what was held: reading may take its time after that.
        closing = await self._held(view)
        if closing.point.height < opening.point.height:
            raise node.behind(f"has got to block {closing.point.height}, {opening.point.height} was audited")
        last, ref, incoming, outgoing = opening.point.height, opening.point.ref, 0, 0
        while last < closing.point.height:
            flows = await widest(node, view.flows, last + 1, closing.point.height)
            if flows.first.parent_hash != ref:
                raise _other_branch(node, opening, last)
            last, ref = int(flows.last.number), str(flows.last.hash)
            incoming, outgoing = incoming + flows.incoming, outgoing + flows.outgoing
        if ref != closing.point.ref:
            raise _other_branch(node, opening, last)
        return Statement(opening=opening, closing=closing, incoming=incoming, outgoing=outgoing)

    async def _held(self, view: View) -> Holding:
        tip = await Tip.of(view, self._clock.now(), waits_for_final=True)
        if tip.is_stale:
            raise tip.stands_still(view)
        header, balance = await view.balance(tip.final)
        return Holding(point=_point(header), balance=balance)

    async def _view(self, node: EvmNode) -> View:
        return await View.checked(node, self._chain, self._wallet)


def _other_branch(node: EvmNode, opening: Holding, number: int) -> ReaderError:
    if number == opening.point.height:
        return node.gap(f"has another block {number} than was audited before")
    return node.unavailable(f"does not agree with itself on block {number}")


def _point(header: Header) -> Point:
    return Point(height=int(header.number), ref=str(header.hash), at=header.at)
