"""What the RateLimiter port promises, in one process and through Redis."""

import asyncio
import shutil
import time
from collections.abc import AsyncIterator, Iterator
from typing import Final, Protocol

import pytest

from tests.redis_server import RedisServer, redis_server
from ytmarket.adapters.redis.rate_limiter import RedisRateLimiter
from ytmarket.adapters.system.rate_limiter import InProcessRateLimiter
from ytmarket.application.errors import Unavailable
from ytmarket.application.ports.rate_limiter import RateLimiter

LIMIT: Final = 7
WINDOW_SECONDS: Final = 1


class NewLimiter(Protocol):
    def __call__(self, limit: int = LIMIT, window_seconds: int = WINDOW_SECONDS) -> RateLimiter: ...


@pytest.fixture(scope="module")
def redis() -> Iterator[RedisServer | None]:
    if shutil.which("redis-server") is None:
        yield None
        return
    with redis_server() as server:
        yield server


@pytest.fixture(params=["in process", pytest.param("redis", marks=pytest.mark.needs("redis-server"))])
async def new_limiter(request: pytest.FixtureRequest, redis: RedisServer | None) -> AsyncIterator[NewLimiter]:
    opened: list[RedisRateLimiter] = []

    def new(limit: int = LIMIT, window_seconds: int = WINDOW_SECONDS) -> RateLimiter:
        if request.param == "in process":
            return InProcessRateLimiter.of(limit, window_seconds=window_seconds)
        assert redis is not None
        opened.append(RedisRateLimiter.connect(redis.url, limit, window_seconds=window_seconds))
        return opened[-1]

    yield new
    for limiter in opened:
        await limiter.close()


async def accepted(limiter: RateLimiter, caller: str, hits: int) -> int:
    answers = [await limiter.hit(caller) for _ in range(hits)]
    return sum(answer.retry_after is None for answer in answers)


async def test_exactly_the_limit_is_accepted_within_the_window(new_limiter: NewLimiter) -> None:
    assert await accepted(new_limiter(60, 60), "ann", 100) == 60


async def test_no_window_of_time_holds_more_than_the_limit(new_limiter: NewLimiter) -> None:
    limiter = new_limiter()
    times: list[tuple[float, float]] = []

    async def insist(until: float) -> None:
        while (asked := time.monotonic()) < until:
            if (await limiter.hit("impatient")).retry_after is None:
                times.append((asked, time.monotonic()))
            await asyncio.sleep(0.003)

    until = time.monotonic() + 3.2 * WINDOW_SECONDS
    await asyncio.gather(*(insist(until) for _ in range(4)))
    times.sort(key=lambda asked_and_told: asked_and_told[1])
    for earlier, later in zip(times, times[LIMIT:], strict=False):
        assert later[1] - earlier[0] >= WINDOW_SECONDS
    assert len(times) >= 3 * LIMIT  # nor less, for as long as somebody asks


async def test_a_refused_request_does_not_count(new_limiter: NewLimiter) -> None:
    limiter = new_limiter()
    begun = time.monotonic()
    assert await accepted(limiter, "ann", LIMIT) == LIMIT
    last = time.monotonic()
    while time.monotonic() < last + 0.6 * WINDOW_SECONDS:
        answer = await limiter.hit("ann")
        if time.monotonic() >= begun + WINDOW_SECONDS:  # on a busy machine: it may have been let in
            last = time.monotonic()
            break
        assert answer.retry_after is not None
        await asyncio.sleep(0.01)
    await asyncio.sleep(last + 1.1 * WINDOW_SECONDS - time.monotonic())
    assert await accepted(limiter, "ann", 2 * LIMIT) >= LIMIT


async def test_one_callers_requests_never_touch_anothers(new_limiter: NewLimiter) -> None:
    limiter = new_limiter(window_seconds=60)
    await accepted(limiter, "ann", 50)
    assert (await limiter.hit("bob")).remaining == LIMIT - 1
    assert await accepted(limiter, "bob", 50) == LIMIT - 1


async def test_an_allowance_tells_how_things_stand(new_limiter: NewLimiter) -> None:
    limiter = new_limiter(limit=2, window_seconds=60)
    first, second, third = [await limiter.hit("carol") for _ in range(3)]
    assert [answer.limit for answer in (first, second, third)] == [2, 2, 2]
    assert [answer.remaining for answer in (first, second, third)] == [1, 0, 0]
    assert [answer.retry_after for answer in (first, second)] == [None, None]
    assert third.retry_after == 60
    assert {answer.reset_after for answer in (first, second, third)} == {60}


async def test_who_comes_back_after_the_told_time_is_let_in(new_limiter: NewLimiter) -> None:
    limiter = new_limiter()
    await accepted(limiter, "punctual", LIMIT)
    refusal = await limiter.hit("punctual")
    assert refusal.retry_after == 1
    await asyncio.sleep(refusal.retry_after)
    assert (await limiter.hit("punctual")).retry_after is None


async def test_any_text_names_a_caller(new_limiter: NewLimiter) -> None:
    limiter = new_limiter(limit=1)
    for caller in ("", "a/b", "a:b {c}", "2001:db8::1", "ключ", "a" * 500):
        assert (await limiter.hit(caller)).remaining == 0
        assert (await limiter.hit(caller)).retry_after == 1


@pytest.mark.needs("redis-server")
async def test_a_limiter_that_cannot_be_asked_raises_unavailable() -> None:
    with redis_server() as server:
        limiter = RedisRateLimiter.connect(server.url)
        await limiter.hit("ann")
        server.stop()
        with pytest.raises(Unavailable):
            await limiter.hit("ann")
        await limiter.close()
