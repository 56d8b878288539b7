"""The token's events as java-tron's JSON-RPC lists them, by who is in them, without fetching the blocks.

A list proves nothing: for blocks that a node took in while its index was off it has no events, and
says nothing about it. Whoever uses one has to prove it by other means.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Annotated, Any, Final

import attrs
import msgspec

from ytmarket.adapters.chains.tron.node import TronNode
from ytmarket.adapters.chains.tron.transfers import Filter
from ytmarket.adapters.chains.tron.wire import TRANSFER
from ytmarket.adapters.chains.tron.words import Meaning, meaning_of

BLOCKS_MAX: Final = 5_000
"""For more, java-tron refuses a list."""

Word = Annotated[str, msgspec.Meta(pattern=r"\A0x[0-9a-f]{64}\Z")]
Body = Annotated[str, msgspec.Meta(pattern=r"\A0x[0-9a-f]{40}\Z")]
Number = Annotated[str, msgspec.Meta(pattern=r"\A0x[0-9a-f]{1,15}\Z")]

_TOO_MANY: Final = re.compile(r"more than|exceed|block range|results", re.IGNORECASE)


class Event(msgspec.Struct, rename="camel", frozen=True):
    """A transfer, and where on the chain it stands."""

    address: Body
    topics: tuple[Word, Word, Word]
    data: Word
    block_number: Number
    block_hash: Word
    transaction_hash: Word
    log_index: Number
    removed: bool = False

    @property
    def amount(self) -> int:
        """What it moved, in the token's smallest units."""
        return int(self.data, 16)

    @property
    def height(self) -> int:
        return int(self.block_number, 16)

    @property
    def place(self) -> tuple[int, int]:
        return self.height, int(self.log_index, 16)


class Refused(msgspec.Struct, frozen=True):
    """An error as JSON-RPC has it."""

    message: str = ""


class Reply(msgspec.Struct, frozen=True):
    """The answer to a request for a list."""

    result: tuple[Event, ...] | None = None
    error: Refused | None = None


class TooMany(Exception):
    """The node wants to be asked for fewer blocks at once. Never leaves this module."""


@attrs.frozen
class Events:
    """Lists of one node, each checked against what was asked for."""

    _node: TronNode
    _filter: Filter

    async def incoming(self, first: int, last: int) -> Sequence[Event]:
        """What came to the wallet from others in these blocks, both included, in chain order."""
        wallet = f"0x{self._filter.wallet.word}"
        found = await self._listed((f"0x{TRANSFER}", None, wallet), first, last)
        return [event for event in found if event.topics[1] != wallet and event.amount > 0]

    async def outgoing(self, first: int, last: int) -> Sequence[Event]:
        """What went from the wallet to others."""
        wallet = f"0x{self._filter.wallet.word}"
        found = await self._listed((f"0x{TRANSFER}", wallet, None), first, last)
        return [event for event in found if event.topics[2] != wallet]

    async def holds(self, number: int, topics: Sequence[str]) -> bool:
        """Whether an event with exactly these topics is listed for this block."""
        return bool(await self._divided(tuple(f"0x{topic}" for topic in topics), number, number))

    async def _listed(self, topics: tuple[str | None, ...], first: int, last: int) -> list[Event]:
        found = list[Event]()
        for start in range(first, last + 1, BLOCKS_MAX):
            found += await self._divided(topics, start, min(last, start + BLOCKS_MAX - 1))
        if len({event.place for event in found}) != len(found):
            raise self._node.unavailable("answered with the same transfer twice")
        return sorted(found, key=lambda event: event.place)

    async def _divided(self, topics: tuple[str | None, ...], first: int, last: int) -> list[Event]:
        """One list, or those of both halves where it would be too long."""
        try:
            return list(await self._asked(topics, first, last))
        except TooMany as refusal:
            if first == last:
                raise self._node.unavailable(f"refuses even one block: {refusal}") from None
            middle = (first + last) // 2
        return [
            *await self._divided(topics, first, middle),
            *await self._divided(topics, middle + 1, last),
        ]

    async def _asked(self, topics: tuple[str | None, ...], first: int, last: int) -> Sequence[Event]:
        wanted: dict[str, Any] = {
            "address": f"0x{self._filter.token.body}",
            "topics": topics,
            "fromBlock": hex(first),
            "toBlock": hex(last),
        }
        reply = await self._node.ask(
            Reply, "jsonrpc", jsonrpc="2.0", id=1, method="eth_getLogs", params=[wanted]
        )
        if reply is None or (reply.result is None and reply.error is None):
            raise self._node.unavailable("answered with neither a list of events nor an error")
        if reply.error is not None:
            message = reply.error.message
            # "Request rate limit exceeded" is no matter of how many blocks.
            if meaning_of(message) is not Meaning.TOO_OFTEN and _TOO_MANY.search(message):
                raise TooMany(self._node.quote(message))
            raise self._node.trouble_of(message)
        events = reply.result or ()
        for event in events:
            fits = all(wish in {None, topic} for wish, topic in zip(topics, event.topics, strict=True))
            is_inside = first <= event.height <= last
            if event.removed or not fits or not is_inside or event.address != wanted["address"]:
                # Who answers what was not asked for may as well leave out what was.
                raise self._node.unavailable("answered with transfers that nobody asked for")
        return events
