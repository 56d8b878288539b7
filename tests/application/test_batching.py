"""Questions that come together are served together, and none that nobody waits for any more."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest

from ytmarket.application.batching import Batcher, lookups
from ytmarket.application.errors import Unavailable

pytestmark = pytest.mark.anyio


class Desk:
    """Doubles numbers, a batch at a time, when it is let."""

    def __init__(self) -> None:
        self.open = asyncio.Event()
        self.batches: list[Sequence[int]] = []

    async def serve(self, numbers: Sequence[int]) -> Sequence[int | BaseException]:
        self.batches.append(numbers)
        await self.open.wait()
        return [ValueError("unlucky") if number == 13 else 2 * number for number in numbers]


async def gathered(*asked: asyncio.Task[int]) -> list[int | BaseException]:
    return await asyncio.gather(*asked, return_exceptions=True)


async def ask(batcher: Batcher[int, int], *numbers: int) -> list[asyncio.Task[int]]:
    asked = [asyncio.create_task(batcher.ask(number)) for number in numbers]
    await asyncio.sleep(0)  # let them put their questions
    return asked


async def test_what_gathers_while_one_batch_is_served_is_the_next() -> None:
    desk = Desk()
    batcher = Batcher(desk.serve, limit=3)
    first = await ask(batcher, 1)
    await asyncio.sleep(0)
    rest = await ask(batcher, 2, 3, 4, 5)
    desk.open.set()
    assert await gathered(*first, *rest) == [2, 4, 6, 8, 10]
    assert desk.batches == [[1], [2, 3, 4], [5]]


async def test_trouble_with_one_question_is_its_askers_alone() -> None:
    desk = Desk()
    desk.open.set()
    asked = await ask(Batcher(desk.serve, limit=9), 1, 13, 2)
    one, unlucky, two = await gathered(*asked)
    assert [one, str(unlucky), two] == [2, "unlucky", 4]


async def test_who_waits_too_long_for_a_turn_is_told_and_not_served() -> None:
    desk = Desk()
    batcher = Batcher(desk.serve, limit=1, turn_seconds=0.05)
    served = await ask(batcher, 1)
    await asyncio.sleep(0)
    late = await ask(batcher, 2, 3)
    assert [type(told) for told in await gathered(*late)] == [Unavailable] * 2
    desk.open.set()
    assert await gathered(*served) == [2]  # its turn had come, so its batch takes what it takes
    assert await gathered(*await ask(batcher, 4)) == [8]
    assert desk.batches == [[1], [4]]


async def test_who_has_gone_before_the_turn_is_not_served() -> None:
    desk = Desk()
    batcher = Batcher(desk.serve, limit=9)
    served = await ask(batcher, 1)
    await asyncio.sleep(0)
    gone, stayed = await ask(batcher, 2, 3)
    gone.cancel()
    await asyncio.sleep(0)
    desk.open.set()
    assert await gathered(*served, stayed) == [2, 6]
    assert desk.batches == [[1], [3]]


async def test_equal_keys_are_looked_up_once() -> None:
    fetched: list[Sequence[str]] = []

    async def fetch(keys: Sequence[str]) -> dict[str, int]:
        fetched.append(keys)
        return {"a": 1}

    batcher = lookups(fetch)
    assert await asyncio.gather(*map(batcher.ask, "aab")) == [1, 1, None]
    assert fetched == [["a", "b"]]
