"""Which node is asked, while nodes fail, recover, and ask to be left alone."""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from traceback import format_exception

import attrs
import pytest

from ytmarket.adapters.inmemory.clock import ManualClock
from ytmarket.application.ports.chain_reader import (
    ChainBehind,
    ChainGap,
    ChainMisconfigured,
    ChainRateLimited,
    ChainUnavailable,
    ReaderError,
)
from ytmarket.application.rotation import REST, REST_ASKED_MAX, REST_MAX, STAY, Rotation

NOW = datetime(2026, 1, 1, tzinfo=UTC)
DOWN = ChainUnavailable("down")
PATIENCE = timedelta(minutes=5)
LONG = 30

pytestmark = pytest.mark.anyio


@attrs.define
class Node:
    """Serves, or fails as it was told to."""

    name: str
    trouble: ReaderError | None = None
    asked: int = 0

    async def serve(self) -> str:
        self.asked += 1
        if self.trouble is not None:
            raise self.trouble
        return self.name


class Nodes:
    """Three nodes in rotation."""

    def __init__(self, count: int = 3) -> None:
        self.clock = ManualClock(NOW)
        self.all = [Node(name) for name in "abc"[:count]]
        self.rotation = Rotation(self.all, self.clock)

    async def ask(self) -> str:
        return await self.rotation.use(Node.serve)

    async def trouble(self) -> ReaderError:
        with pytest.raises(ReaderError) as caught:
            await self.ask()
        return caught.value

    async def wait(self) -> int | None:
        trouble = await self.trouble()
        assert isinstance(trouble, ChainRateLimited)
        return trouble.retry_after

    def asked(self) -> Sequence[int]:
        counts = [node.asked for node in self.all]
        for node in self.all:
            node.asked = 0
        return counts


async def test_the_first_is_asked_as_long_as_it_serves() -> None:
    nodes = Nodes()
    assert [await nodes.ask() for _ in range(3)] == ["a", "a", "a"]
    assert nodes.asked() == [3, 0, 0]


async def test_when_it_fails_the_next_answers_the_same_question() -> None:
    nodes = Nodes()
    nodes.all[0].trouble = DOWN
    assert await nodes.ask() == "b"


async def test_one_that_failed_is_left_alone_and_the_other_kept() -> None:
    nodes = Nodes()
    nodes.all[0].trouble = DOWN
    await nodes.ask()
    nodes.all[0].trouble = None
    nodes.asked()
    nodes.clock.advance(REST)
    assert await nodes.ask() == "b"
    nodes.clock.advance(STAY - REST - timedelta(seconds=1))
    assert await nodes.ask() == "b"
    assert nodes.asked() == [0, 2, 0]


async def test_the_preferred_one_is_gone_back_to_after_a_while() -> None:
    nodes = Nodes()
    nodes.all[0].trouble = DOWN
    await nodes.ask()
    nodes.all[0].trouble = None
    nodes.clock.advance(STAY)
    assert await nodes.ask() == "a"


async def test_two_that_falter_do_not_take_turns() -> None:
    nodes = Nodes(2)
    answers = []
    for second in range(600):
        nodes.all[0].trouble = DOWN if second % 7 == 0 else None
        answers.append(await nodes.ask())
        nodes.clock.advance(timedelta(seconds=1))
    changes = sum(one != other for one, other in pairwise(answers))
    assert changes <= 1


async def test_each_failure_in_a_row_doubles_the_rest() -> None:
    nodes = Nodes()
    nodes.all[0].trouble = DOWN
    rests = []
    for _ in range(8):
        nodes.clock.advance(STAY + REST_MAX)  # so that the first is tried again
        await nodes.ask()
        candidate = nodes.rotation._candidates[0]
        assert candidate.rests_until is not None
        rests.append((candidate.rests_until - nodes.clock.now()) // timedelta(seconds=1))
    assert rests == [5, 10, 20, 40, 80, 160, 300, 300]


async def test_an_answer_makes_up_for_failures() -> None:
    nodes = Nodes(1)
    for _ in range(3):
        nodes.all[0].trouble = DOWN
        await nodes.trouble()
        nodes.all[0].trouble = None
        assert await nodes.ask() == "a"
    nodes.all[0].trouble = DOWN
    await nodes.trouble()
    assert nodes.rotation._candidates[0].rest_left(nodes.clock.now()) == REST


async def test_a_node_that_named_a_time_is_not_asked_before_it() -> None:
    nodes = Nodes(1)
    nodes.all[0].trouble = ChainRateLimited(retry_after=30)
    assert await nodes.wait() == 30
    nodes.all[0].trouble = None
    nodes.clock.advance(timedelta(seconds=10, milliseconds=500))
    assert await nodes.wait() == 20
    assert nodes.asked() == [1]
    nodes.clock.advance(timedelta(seconds=20))
    assert await nodes.ask() == "a"


async def test_no_node_is_left_alone_for_ever() -> None:
    nodes = Nodes(1)
    nodes.all[0].trouble = ChainRateLimited(retry_after=10**15)
    await nodes.trouble()
    nodes.all[0].trouble = None
    nodes.clock.advance(REST_ASKED_MAX)
    assert await nodes.ask() == "a"


async def test_of_several_times_the_soonest_counts() -> None:
    nodes = Nodes(2)
    nodes.all[0].trouble = ChainRateLimited(retry_after=30)
    nodes.all[1].trouble = ChainRateLimited(retry_after=8)
    assert await nodes.wait() == 8


async def test_a_limit_without_a_time_leaves_the_wait_to_the_caller() -> None:
    nodes = Nodes(2)
    nodes.all[0].trouble = ChainRateLimited(retry_after=30)
    nodes.all[1].trouble = ChainRateLimited()
    assert await nodes.wait() is None


async def test_when_all_rest_the_one_that_rested_longest_is_asked_anyway() -> None:
    nodes = Nodes(2)
    nodes.all[0].trouble = nodes.all[1].trouble = DOWN
    await nodes.trouble()
    nodes.all[0].trouble = nodes.all[1].trouble = None
    assert await nodes.ask() == "a"


@pytest.mark.parametrize(
    ("first", "second", "raised"),
    [
        (ChainGap("pruned"), DOWN, ChainGap),
        (DOWN, ChainBehind("old"), ChainBehind),
        (ChainBehind("old"), ChainGap("pruned"), ChainGap),
        (ChainRateLimited(retry_after=3600), DOWN, ChainUnavailable),
    ],
)
async def test_the_gravest_trouble_is_raised_and_names_the_others(
    first: ReaderError, second: ReaderError, raised: type[ReaderError]
) -> None:
    nodes = Nodes(2)
    nodes.all[0].trouble, nodes.all[1].trouble = first, second
    trouble = await nodes.trouble()
    assert isinstance(trouble, raised)
    assert not isinstance(trouble, ChainRateLimited)
    assert len(trouble.__notes__) == 1


async def test_a_node_of_another_chain_stops_all() -> None:
    nodes = Nodes()
    nodes.all[0].trouble = ChainMisconfigured("YTMARKET_BSC_RPC")
    assert isinstance(await nodes.trouble(), ChainMisconfigured)
    assert nodes.asked() == [1, 0, 0]


async def test_whatever_a_node_does_to_a_library_the_next_one_is_asked() -> None:
    nodes = Nodes()

    async def stumble(node: Node) -> str:
        if node.name == "a":
            raise RecursionError("https://node.example/secret-key")
        return await node.serve()

    assert await nodes.rotation.use(stumble) == "b"
    assert await nodes.ask() == "b"


async def test_what_is_told_of_it_is_where_it_was_and_no_word_that_it_said() -> None:
    nodes = Nodes(1)

    async def stumble(_node: Node) -> None:
        raise KeyError("https://node.example/secret-key")

    with pytest.raises(ChainUnavailable, match=r"no\. 1 .*KeyError \(ytmarket\..*, line \d+\)") as caught:
        await nodes.rotation.use(stumble)
    told = "".join(format_exception(caught.value))
    assert "secret-key" not in told
    assert await nodes.ask() == "a"


class Slow:
    """Nodes of which some never come to an end, for a caller that does not wait for ever."""

    def __init__(self, *slow: str, count: int = 3) -> None:
        self.nodes = Nodes(count)
        self.slow = slow
        self.took = {node.name: timedelta(0) for node in self.nodes.all}
        self.is_asked = asyncio.Event()

    async def task(self, node: Node) -> str:
        self.nodes.clock.advance(self.took[node.name])
        if node.name in self.slow:
            node.asked += 1
            self.is_asked.set()
            await asyncio.Event().wait()
        return await node.serve()

    async def ask(self) -> str:
        return await asyncio.wait_for(self.nodes.rotation.use(self.task), LONG)

    async def give_up(self, after: timedelta) -> None:
        """Ask, and wait no longer once so much time has passed on a slow node."""
        self.is_asked.clear()
        asking = asyncio.create_task(self.nodes.rotation.use(self.task))
        await asyncio.wait_for(self.is_asked.wait(), LONG)
        self.nodes.clock.advance(after)
        asking.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asking


async def test_one_that_is_too_slow_for_the_caller_is_left_for_the_next() -> None:
    slow = Slow("a")
    await slow.give_up(PATIENCE)
    assert await slow.ask() == "b"
    assert slow.nodes.asked() == [1, 1, 0]


async def test_one_that_comes_last_is_not_blamed_for_the_time_of_others() -> None:
    slow = Slow("b", count=2)
    slow.took["a"] = PATIENCE
    slow.nodes.all[0].trouble = DOWN
    await slow.give_up(timedelta(seconds=1))
    slow.slow = ()
    assert await slow.nodes.ask() == "b"
    assert slow.nodes.asked() == [1, 2]


async def test_of_two_that_are_too_slow_neither_keeps_the_third_away() -> None:
    slow = Slow("a", "b")
    for _ in range(2):
        await slow.give_up(PATIENCE)
    assert await slow.ask() == "c"


async def test_one_that_fails_when_it_is_gone_back_to_is_left_for_as_long_again() -> None:
    slow = Slow("a", count=2)
    await slow.give_up(PATIENCE)
    for _ in range(3):
        assert await slow.ask() == "b"
        slow.nodes.clock.advance(STAY)
        await slow.give_up(PATIENCE)
        slow.nodes.clock.advance(REST_MAX)
        assert await slow.ask() == "b"


async def test_one_whose_answers_are_doubted_is_left_like_one_that_failed() -> None:
    nodes = Nodes()
    assert await nodes.ask() == "a"
    nodes.rotation.leave()
    assert await nodes.ask() == "b"
    alone = Nodes(1)
    alone.rotation.leave()
    assert await alone.ask() == "a"
