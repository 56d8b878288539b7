"""Which node is asked, while nodes fail, recover, and ask to be left alone."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from itertools import pairwise

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


async def test_our_own_mistakes_are_nobodys_failure() -> None:
    nodes = Nodes()

    async def stumble(_node: Node) -> None:
        raise KeyError("ours")

    with pytest.raises(KeyError):
        await nodes.rotation.use(stumble)
    assert await nodes.ask() == "a"


async def test_one_whose_answers_are_doubted_is_left_like_one_that_failed() -> None:
    nodes = Nodes()
    assert await nodes.ask() == "a"
    nodes.rotation.leave()
    assert await nodes.ask() == "b"
    alone = Nodes(1)
    alone.rotation.leave()
    assert await alone.ask() == "a"
