"""The history of our jetton wallet: followed back, link by link, from a tip to where it is known."""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Sequence
from typing import Final

import attrs

from ytmarket.adapters.chains.ton.position import Position
from ytmarket.adapters.chains.ton.transfers import Executed, Link
from ytmarket.adapters.chains.ton.view import Tip, View
from ytmarket.application.ports.chain_reader import ChainGap

KEPT_MAX: Final = 50_000
"""Transactions of one walk, some 50 MiB. Of more than that the oldest are kept, which are read first."""

BROKEN_OFF_MAX: Final = 3


@attrs.define(kw_only=True)
class Walk:
    """The way back from a tip to a logical time, as far as it has been followed.

    What one lite server has proved holds for all, so whoever comes next goes on at the lowest link.
    """

    tip: Tip
    floor: int
    kept_max: int = KEPT_MAX
    link: Link = attrs.field(init=False)
    """Where it goes on: the newest transaction that is not known yet."""

    count: int = attrs.field(default=0, init=False)
    _found: deque[Executed] = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        self.link = self.tip.link
        self._found = deque(maxlen=self.kept_max)

    @property
    def found(self) -> Sequence[Executed]:
        """What came after the floor, oldest first."""
        return tuple(reversed(self._found))

    @property
    def is_whole(self) -> bool:
        """Whether it is everything up to the tip: otherwise what comes next is a walk of its own."""
        return len(self._found) == self.count

    async def finish(self, view: View) -> None:
        """Follow the rest. Raises `ReaderError`, and can be gone on with."""
        while self.link.lt > self.floor:
            for executed in await view.transactions(self.link, is_first=self.link == self.tip.link):
                if self.link.lt <= self.floor:
                    return
                self._found.append(executed)
                self.count += 1
                self.link = executed.before


@attrs.frozen
class History:
    """Our jetton wallet's transactions, and the walks to them that have broken off.

    A walk may take longer than any call has time, so one that fails or is cancelled is gone on with.
    """

    kept_max: int = KEPT_MAX
    _broken_off: OrderedDict[int, Walk] = attrs.field(factory=OrderedDict, init=False)

    async def since(self, position: Position, view: View, tip: Tip) -> Walk:
        """What is new.

        Each transaction names the one before it, and the oldest that is new has to name the position:
        then nothing was left out. Raises `ChainGap` where it names another one.
        """
        goal, walk = Link(position.lt, position.hash), await self.after(position.lt, view, tip)
        if walk.link != goal:
            raise _broken(view, walk.link, goal)
        return walk

    async def after(self, floor: int, view: View, tip: Tip) -> Walk:
        """What came after this logical time. Raises `ChainBehind` on a lite server that knows less."""
        walk = self._broken_off.get(floor) or Walk(tip=tip, floor=floor, kept_max=self.kept_max)
        if tip.link.lt < walk.link.lt:
            raise view.server.behind(
                f"has got to transaction {tip.link.lt}, and {walk.link.lt} was read before"
            )
        self._broken_off.pop(floor, None)
        try:
            await walk.finish(view)
        except BaseException:  # cancelled, too: whoever waits for a page has only so much patience
            self._keep(walk)
            raise
        return walk

    def _keep(self, walk: Walk) -> None:
        if walk.count:
            self._broken_off[walk.floor] = walk
        while len(self._broken_off) > BROKEN_OFF_MAX:
            self._broken_off.popitem(last=False)


def _broken(view: View, link: Link, goal: Link) -> ChainGap:
    return view.server.gap(
        f"leads back to transaction {link.lt} {link.hash}, and {goal.lt} {goal.hash} was the last read:"
        " find out which history is the chain's, then read again from below"
    )
