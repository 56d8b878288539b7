"""One reading of TRON by lists of events: quick and light, from nodes whose lists can be trusted."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from itertools import groupby
from typing import Final

import attrs

from ytmarket.adapters.chains.tron.events import BLOCKS_MAX, Event, Events
from ytmarket.adapters.chains.tron.node import Index, TronNode
from ytmarket.adapters.chains.tron.position import Position
from ytmarket.adapters.chains.tron.reading import Reading
from ytmarket.adapters.chains.tron.transfers import Contradiction, Paid
from ytmarket.application.ports.chain_reader import ChainRateLimited, ChainUnavailable, Page
from ytmarket.domain.deposits import Deposit

log = logging.getLogger(__name__)

TRUSTED_FOR: Final = timedelta(hours=1)
SHORT_BLOCKS: Final = 100
"""Five minutes. A longer row of blocks is tried at both of its ends each time."""

CANARY_BLOCKS: Final = 5
"""So many are looked through for an event; on TRON nearly every block holds one of the token's."""

PAYMENTS_PER_PAGE: Final = 200
"""The receipt of each is asked for."""


@attrs.frozen(kw_only=True)
class Place:
    """A block, as far as a list tells of it."""

    number: int
    id: str
    seconds: int


@attrs.frozen
class Listing:
    """Reads by lists where an event that is known to be there is found by its list, and by blocks elsewhere.

    A node without an index of events, or with a hole in it, lists nothing and says nothing about it.
    """

    _reading: Reading
    _now: datetime
    _payments_max: int = PAYMENTS_PER_PAGE

    async def page(self, position: Position, blocks_max: int) -> Page:
        """What became solid since, up to a page of it. Raises `ReaderError`."""
        first, head = position.next, self._reading.head
        end = min(head.number, position.last + BLOCKS_MAX)
        if end < first or not await self._is_trusted(first, end):
            return await self._reading.page(position, blocks_max)
        view = self._reading.view
        opening = await view.header(first, head)
        self._reading.check_follows(position, opening)
        found = await Events(view.node, view.filter).incoming(first, end)
        events, last = _cut(found, end, self._payments_max)
        closing = head if last == head.number else await view.header(last, head)
        deposits = list[Deposit]()
        for tx_hash, some in _by_transaction(events):
            deposits += await self._confirmed(tx_hash, some)
        return self._reading.page_of(position, opening, closing, deposits)

    async def _confirmed(self, tx_hash: str, events: Sequence[Event]) -> list[Deposit]:
        """What a transaction's receipt says it paid, which has to be what was listed."""
        view = self._reading.view
        info = await view.receipt(tx_hash)
        try:
            payments = [] if info is None else [*view.filter.payments(info)]
        except Contradiction as contradiction:
            raise view.node.unavailable(str(contradiction)) from None
        held = [(log.topics[1], int(log.data, 16)) for log in payments]
        listed = [(event.topics[1][2:], event.amount) for event in events]
        if info is None or held != listed or any(event.height != info.number for event in events):
            raise view.node.unavailable(f"lists other transfers of {tx_hash} than its receipt holds")
        return [
            view.filter.deposit(
                Paid(tx_hash=tx_hash, index=event.place[1], sender=event.topics[1], raw=event.amount),
                Place(number=info.number, id=event.block_hash[2:], seconds=info.seconds),
            )
            for event in events
        ]

    async def _is_trusted(self, first: int, end: int) -> bool:
        """Whether the node's lists hold what its blocks hold, by the newest events it has and the oldest."""
        node = self._reading.view.node
        is_short = end - first < SHORT_BLOCKS
        if is_short and node.index is not None and node.index.until > self._now:
            return node.index.is_sound
        sings = await self._sings(range(end, max(end - CANARY_BLOCKS, 0), -1))
        if sings and not is_short:
            sings = await self._sings(range(first, first + CANARY_BLOCKS))
        if sings is None:
            return False  # nothing happened there that could be listed: the next reading tries again
        if not sings:
            log.warning("%s does not list all events that it has: blocks are read instead", node.endpoint)
        if is_short or not sings:
            node.index = Index(until=self._now + TRUSTED_FOR, is_sound=sings)
        return sings

    async def _sings(self, blocks: Iterable[int]) -> bool | None:
        """Whether an event of the token from one of these blocks is listed; None where none has any."""
        view = self._reading.view
        for number in blocks:
            known = await view.any_transfer(number)
            if known is not None:
                return await self._is_listed(view.node, number, known)
        return None

    async def _is_listed(self, node: TronNode, number: int, topics: Sequence[str]) -> bool:
        try:
            return await Events(node, self._reading.view.filter).holds(number, topics)
        except ChainRateLimited:
            raise
        except ChainUnavailable:
            return False


def _cut(events: Sequence[Event], end: int, most: int) -> tuple[Sequence[Event], int]:
    """A page of events, and the last block it reaches to; the events of a block stay together."""
    if len(events) <= most:
        return events, end
    last = events[most - 1].height
    return [event for event in events if event.height <= last], last


def _by_transaction(events: Iterable[Event]) -> Iterable[tuple[str, list[Event]]]:
    for tx_hash, some in groupby(events, key=lambda event: event.transaction_hash):
        yield tx_hash[2:], list(some)
