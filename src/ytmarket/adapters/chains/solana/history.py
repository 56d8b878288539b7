"""What has happened to our token account since a position: listed backwards, until it is met again."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from typing import Final

import attrs

from ytmarket.adapters.chains.solana.position import Position
from ytmarket.adapters.chains.solana.view import Tip, View
from ytmarket.adapters.chains.solana.wire import Listed
from ytmarket.application.ports.chain_reader import ChainBehind

PAGE_MAX: Final = 1_000
FIRST_PAGE_MAX: Final = 50
"""Most readings find little that is new, and a node fills a page with what is old."""


@attrs.frozen
class Seam:
    """Where the next page begins, and what it has to hold of the one before."""

    before: str | None = None
    again: frozenset[str] = frozenset()

    @classmethod
    def of(cls, page: Sequence[Listed]) -> Seam:
        """Before the slot in which the page ends, for that slot may go on in another order.

        A slot that fills the page by itself has to be taken in the order of whoever answers.
        """
        last = page[-1].slot
        whole = [listed for listed in page if listed.slot > last] or page[:-1]
        return cls(whole[-1].signature, frozenset(listed.signature for listed in page[len(whole) :]))


@attrs.frozen
class History:
    """One node's transactions of our account up to a tip."""

    view: View
    tip: Tip
    page_max: int = PAGE_MAX

    async def since(self, position: Position) -> list[Listed]:
        """What is new, oldest first.

        Raises `ChainBehind` when nothing that was read is met again: then the list may lack what came
        since, too. Raises `ChainGap` when the node has thrown away what comes next.
        """
        known, new, is_met = set(position.signatures), list[Listed](), False
        async with aclosing(self._backwards()) as backwards:
            async for listed in backwards:
                if listed.slot < position.slot:
                    if known and not is_met:
                        raise self._unmet(position)
                    return new[::-1]
                if listed.signature in known:
                    is_met = True
                elif listed.slot > position.slot or known:
                    new.append(listed)
        if not is_met:
            await self._check_beginning(position)
        return new[::-1]

    async def position(self) -> Position:
        """The present one: all that is final by now counts as read."""
        signatures, newest = list[str](), self.tip.slot
        async with aclosing(self._backwards()) as backwards:
            async for listed in backwards:
                if signatures and listed.slot < newest:
                    break
                newest = listed.slot
                signatures.append(listed.signature)
        return Position(newest, tuple(signatures), self.tip.slot)

    async def _backwards(self) -> AsyncGenerator[Listed, None]:
        """Everything up to the tip, newest first, each once.

        The machines behind one address know more or less, and order the transactions of a slot
        differently. One that has not heard of where a page should begin answers that nothing is left,
        so each page has to hold some of the last one again.
        """
        seen = set[str]()
        seam, limit = Seam(), min(FIRST_PAGE_MAX, self.page_max)
        while True:
            page = await self.view.listing(self.tip, seam.before, limit)
            if not seam.again <= {listed.signature for listed in page}:
                raise self.view.node.behind("does not go on with a list where it broke off")
            new = [listed for listed in page if listed.signature not in seen]
            seen.update(listed.signature for listed in new)
            for listed in new:
                if listed.slot <= self.tip.slot:
                    yield listed
            if len(page) < limit:
                return
            if not new:
                raise self.view.node.unavailable("lists the same transactions again and again")
            seam, limit = Seam.of(page), self.page_max

    async def _check_beginning(self, position: Position) -> None:
        """See that the list ended where the account's history begins, and that nothing was cut off."""
        first = await self.view.first_available()
        if first > position.reached + 1:
            node = self.view.node
            raise node.gap(
                f"has nothing from before slot {first}, and {position.reached} was the last read:"
                f" name a node that keeps its history in {node.endpoint.setting}"
            )
        if position.signatures and first <= position.slot:
            raise self._unmet(position)

    def _unmet(self, position: Position) -> ChainBehind:
        return self.view.node.behind(f"does not list what was read in slot {position.slot} before")
