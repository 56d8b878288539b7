"""Audits the wallet on TRON: what it holds at the last solid block, and what came in and went out."""

from __future__ import annotations

from functools import partial
from typing import Final

import attrs

from ytmarket.adapters.chains.tron.chain import TronChain
from ytmarket.adapters.chains.tron.events import Events
from ytmarket.adapters.chains.tron.node import TronNode
from ytmarket.adapters.chains.tron.view import View
from ytmarket.adapters.chains.tron.wallet import Address
from ytmarket.adapters.chains.tron.wire import Header
from ytmarket.application.ports.chain_reader import ChainRateLimited, ChainUnavailable
from ytmarket.application.ports.clock import Clock
from ytmarket.application.rotation import Rotation
from ytmarket.domain.networks import Network
from ytmarket.domain.reconciliation import Holding, Point, Statement
from ytmarket.domain.times import from_epoch

TRIES: Final = 5
BLOCKS_AT_ONCE: Final = 40

PROOF_BLOCKS_MAX: Final = 2_400
"""Two hours: so far back the blocks themselves are fetched when a list does not add up."""


@attrs.frozen
class TronAuditor:
    """The `ChainAuditor` port. All of a statement comes from one node, as of its last solid block.

    Lists of events cost next to nothing, and prove nothing but by adding up to the balance. Where they
    do not, or where a node has none to give, the blocks are fetched, which are known to be whole.
    """

    _chain: TronChain
    _wallet: Address
    _rotation: Rotation[TronNode]
    _clock: Clock

    @property
    def network(self) -> Network:
        return self._chain.network

    @property
    def wallet(self) -> str:
        return self._wallet.text

    async def holding(self) -> Holding:
        return await self._rotation.use(self._holding_on)

    async def statement(self, opening: Holding) -> Statement:
        return await self._rotation.use(partial(self._statement_on, opening=opening))

    def doubt(self) -> None:
        self._rotation.leave()

    async def _holding_on(self, node: TronNode) -> Holding:
        holding, _ = await self._held(await self._view(node))
        return holding

    async def _statement_on(self, node: TronNode, opening: Holding) -> Statement:
        view = await self._view(node)
        closing, head = await self._held(view)
        audited, reached = opening.point.height, closing.point.height
        if reached < audited:
            raise node.behind(f"has got to block {reached}, and {audited} was audited before")
        if (await view.header(audited, head)).id != opening.point.ref:
            raise node.gap(f"has another block {audited} than was audited before")
        try:
            statement = await _by_lists(view, opening, closing)
        except ChainRateLimited:
            raise
        except ChainUnavailable:
            return await _by_blocks(view, opening, closing, head)
        if statement.unexplained and reached - audited <= PROOF_BLOCKS_MAX:
            return await _by_blocks(view, opening, closing, head)
        return statement

    async def _held(self, view: View) -> tuple[Holding, Header]:
        """The balance is told without its block: it is of the head that stood before and after."""
        head = await view.head()
        for _ in range(TRIES):
            balance, before = await view.balance(), head
            head = await view.head()
            if head.id == before.id:
                point = Point(height=head.number, ref=head.id, at=from_epoch(head.seconds))
                if self._clock.now() - point.at > self._chain.stale_after:
                    raise view.node.behind(f"stands at {head}")
                return Holding(point=point, balance=balance), head
        raise view.node.unavailable("gets to new blocks faster than it answers")

    async def _view(self, node: TronNode) -> View:
        return await View.checked(node, self._chain, self._wallet)


async def _by_lists(view: View, opening: Holding, closing: Holding) -> Statement:
    events = Events(view.node, view.filter)
    blocks = (opening.point.height + 1, closing.point.height)
    return Statement(
        opening=opening,
        closing=closing,
        incoming=sum(event.amount for event in await events.incoming(*blocks)),
        outgoing=sum(event.amount for event in await events.outgoing(*blocks)),
    )


async def _by_blocks(view: View, opening: Holding, closing: Holding, head: Header) -> Statement:
    incoming = outgoing = 0
    before, end = opening.point.ref, closing.point.height + 1
    for start in range(opening.point.height + 1, end, BLOCKS_AT_ONCE):
        for block in await view.blocks(range(start, min(end, start + BLOCKS_AT_ONCE)), head):
            if block.header.parent != before:
                raise view.node.unavailable(f"gives a {block.header} that does not follow the one before")
            before = block.header.id
            incoming += sum(deposit.raw for deposit in block.moved.deposits)
            outgoing += block.moved.outgoing
    if before != closing.point.ref:
        raise view.node.unavailable(f"does not agree with itself on {head}")
    return Statement(opening=opening, closing=closing, incoming=incoming, outgoing=outgoing)
