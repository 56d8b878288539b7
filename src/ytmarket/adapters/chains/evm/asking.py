"""Asking a node for as much at once as it will take."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

from ytmarket.adapters.chains.evm.node import EvmNode, Overloaded, TooManyCalls, TooWide
from ytmarket.application.ports.chain_reader import ChainRateLimited, ChainUnavailable

T = TypeVar("T")


async def widest(node: EvmNode, ask: Callable[[int, int], Awaitable[T]], first: int, end: int) -> T:
    """Ask for blocks from the first on: up to the end, or for as many as this node will answer for."""
    while True:
        last = min(end, first + node.span.size - 1)
        try:
            answer = await ask(first, last)
        except TooWide as refusal:
            if not node.span.was_too_wide(last - first + 1):
                raise node.unavailable(f"refuses even one block: {refusal}") from None
        except ChainUnavailable as trouble:
            if isinstance(trouble, Overloaded) or not isinstance(trouble, ChainRateLimited):
                node.span.was_too_wide(last - first + 1)  # perhaps it was too much work
            raise
        else:
            node.span.was_answered(last - first + 1)
            return answer


async def in_batches(
    node: EvmNode,
    ask: Callable[[Sequence[int]], Awaitable[Sequence[T]]],
    numbers: Sequence[int],
    *,
    calls: int,
) -> Sequence[T]:
    """Ask for all of these blocks, in batches as large as this node will take; each costs so many calls."""
    found = list[T]()
    while len(found) < len(numbers):
        some = numbers[len(found) :][: max(1, node.batch.size // calls)]
        try:
            found += await ask(some)
        except (TooManyCalls, TooWide) as refusal:
            node.batch.was_too_wide(len(some) * calls)
            if len(some) == 1:
                raise node.unavailable(f"refuses even one block: {refusal}") from None
        else:
            node.batch.was_answered(len(some) * calls)
    return found
