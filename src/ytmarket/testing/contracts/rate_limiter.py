"""What every rate limiter promises."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import attrs
import pytest

from ytmarket.application.errors import Unavailable
from ytmarket.application.ports.rate_limiter import Allowance, RateLimiter
from ytmarket.testing.contracts.base import Contract
from ytmarket.testing.contracts.concurrency import at_once


@attrs.frozen(kw_only=True)
class Limited:
    """A limiter under test, with an even limit of 4 or more, and the power to let time pass.

    An adapter that cannot be lied to about the time is tested with a short window, in earnest.
    """

    limiter: RateLimiter
    limit: int
    window_seconds: int
    pass_seconds: Callable[[float], Awaitable[None]]

    async def hits(self, count: int, caller: str = "ann") -> list[Allowance]:
        return [await self.limiter.hit(caller) for _ in range(count)]

    async def accepted(self, count: int, caller: str = "ann") -> int:
        return sum(answer.retry_after is None for answer in await self.hits(count, caller))


class RateLimiterContract(Contract):
    """The promises of the `RateLimiter` port.

    Needs the fixture `limited`; `unreachable_limiter`, one that cannot be asked, is optional.
    """

    @pytest.fixture
    def unreachable_limiter(self) -> RateLimiter:
        pytest.skip("give the fixture `unreachable_limiter`: a RateLimiter that cannot be asked")

    async def test_exactly_the_limit_is_accepted(self, limited: Limited) -> None:
        assert await limited.accepted(limited.limit + 3) == limited.limit

    async def test_the_limit_can_be_asked_for(self, limited: Limited) -> None:
        assert limited.limiter.limit == limited.limit

    async def test_of_many_at_once_exactly_the_limit_is_accepted(self, limited: Limited) -> None:
        answers = await at_once(range(2 * limited.limit), lambda _: limited.limiter.hit("ann"))
        accepted = [a for a in answers if isinstance(a, Allowance) and a.retry_after is None]
        assert len(accepted) == limited.limit

    async def test_an_accepted_request_is_told_what_is_left(self, limited: Limited) -> None:
        answers = await limited.hits(limited.limit)
        assert [answer.remaining for answer in answers] == list(range(limited.limit - 1, -1, -1))
        for answer in answers:
            assert answer.limit == limited.limit
            assert 1 <= answer.reset_after <= limited.window_seconds

    async def test_a_refused_request_is_told_when_to_come_back(self, limited: Limited) -> None:
        await limited.hits(limited.limit)
        (refused,) = await limited.hits(1)
        assert refused.remaining == 0
        assert refused.retry_after is not None
        assert 1 <= refused.retry_after <= limited.window_seconds
        await limited.pass_seconds(refused.retry_after)
        assert await limited.accepted(1) == 1

    async def test_a_refused_request_does_not_count(self, limited: Limited) -> None:
        await limited.hits(limited.limit)
        await limited.pass_seconds(limited.window_seconds / 2)
        assert await limited.accepted(5) == 0
        await limited.pass_seconds(limited.window_seconds / 2)
        assert await limited.accepted(limited.limit) == limited.limit

    async def test_the_window_slides(self, limited: Limited) -> None:
        half = limited.limit // 2
        await limited.hits(half)
        await limited.pass_seconds(limited.window_seconds / 2)
        await limited.hits(half)
        await limited.pass_seconds(limited.window_seconds / 2)
        # The first half counts no longer; a bucket that is emptied at once would take all.
        assert await limited.accepted(limited.limit) == half

    async def test_one_caller_leaves_anothers_allowance_alone(self, limited: Limited) -> None:
        await limited.hits(limited.limit + 1, "ann")
        assert await limited.accepted(limited.limit, "bob") == limited.limit

    async def test_a_limiter_that_cannot_be_asked_is_unavailable(
        self, unreachable_limiter: RateLimiter
    ) -> None:
        with pytest.raises(Unavailable):
            await unreachable_limiter.hit("ann")
