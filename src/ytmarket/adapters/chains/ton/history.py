"""What has happened to our jetton wallet since a position: followed back, link by link, until it is met."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing

import attrs

from ytmarket.adapters.chains.ton.position import Position
from ytmarket.adapters.chains.ton.transfers import BEGINNING, Executed, Link
from ytmarket.adapters.chains.ton.view import Tip, View
from ytmarket.application.ports.chain_reader import ChainGap


@attrs.frozen
class History:
    """One lite server's transactions of our jetton wallet up to a tip."""

    view: View
    tip: Tip

    async def since(self, position: Position) -> list[Executed]:
        """What is new, oldest first.

        Each transaction names the one before it, and the oldest that is new has to name the position:
        then nothing was left out. Raises `ChainGap` where it names another one.
        """
        goal, new, link = Link(position.lt, position.hash), list[Executed](), self.tip.link
        async with aclosing(self._backwards()) as backwards:
            while link.lt > goal.lt:
                executed = await anext(backwards)
                new.append(executed)
                link = executed.before
        if link != goal:
            raise self._broken(link, goal)
        return new[::-1]

    async def before(self, lt: int) -> Link:
        """The newest transaction from before this logical time."""
        link = self.tip.link
        async with aclosing(self._backwards()) as backwards:
            async for executed in backwards:
                if executed.link.lt < lt:
                    break
                link = executed.before
        return link

    async def _backwards(self) -> AsyncGenerator[Executed, None]:
        link = self.tip.link
        while link != BEGINNING:
            for executed in await self.view.transactions(link, is_first=link == self.tip.link):
                yield executed
                link = executed.before

    def _broken(self, link: Link, goal: Link) -> ChainGap:
        return self.view.server.gap(
            f"leads back to transaction {link.lt} {link.hash}, and {goal.lt} {goal.hash} was the last read:"
            " find out which history is the chain's, then read again from below"
        )
