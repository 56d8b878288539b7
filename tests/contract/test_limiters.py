"""Every rate limiter keeps the promises of the RateLimiter port, to the second."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest

from tests.redis_server import redis_server
from ytmarket.adapters.inmemory import InMemoryRateLimiter, ManualClock
from ytmarket.adapters.redis.rate_limiter import RedisRateLimiter
from ytmarket.adapters.system.rate_limiter import InProcessRateLimiter
from ytmarket.application.ports.rate_limiter import RateLimiter
from ytmarket.testing.contracts import Limited, RateLimiterContract

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
LIMIT = 6


class TestLimiterInMemory(RateLimiterContract):
    @pytest.fixture
    def clock(self) -> ManualClock:
        return ManualClock(NOON)

    @pytest.fixture
    def limiter(self, clock: ManualClock) -> InMemoryRateLimiter:
        return InMemoryRateLimiter(clock, limit=LIMIT)

    @pytest.fixture
    def limited(self, limiter: InMemoryRateLimiter, clock: ManualClock) -> Limited:
        async def pass_seconds(seconds: float) -> None:
            clock.advance(timedelta(seconds=seconds))

        return Limited(limiter=limiter, limit=LIMIT, window_seconds=60, pass_seconds=pass_seconds)

    @pytest.fixture
    def unreachable_limiter(self, limiter: InMemoryRateLimiter) -> RateLimiter:
        limiter.is_down = True
        return limiter

    async def test_who_has_gone_quiet_is_forgotten(
        self, limiter: InMemoryRateLimiter, clock: ManualClock
    ) -> None:
        for number in range(1_000):
            await limiter.hit(f"caller {number}")
            clock.advance(timedelta(seconds=1))
        assert limiter.callers == 60
        clock.advance(timedelta(seconds=60))
        await limiter.hit("ann")
        assert limiter.callers == 1


class TestLimiterInOneProcess(RateLimiterContract):
    @pytest.fixture
    def limited(self) -> Limited:
        seconds_now = [1_000.0]

        async def pass_seconds(seconds: float) -> None:
            seconds_now[0] += seconds

        limiter = InProcessRateLimiter.of(LIMIT, now=lambda: seconds_now[0])
        return Limited(limiter=limiter, limit=LIMIT, window_seconds=60, pass_seconds=pass_seconds)

    @pytest.fixture
    def unreachable_limiter(self) -> RateLimiter:
        pytest.skip("a limiter in this process can always be asked")


@pytest.mark.needs("redis-server")
class TestLimiterOnRedis(RateLimiterContract):
    @pytest.fixture
    async def limited(self) -> AsyncIterator[Limited]:
        with redis_server() as server:
            limiter = RedisRateLimiter.connect(server.url, LIMIT, window_seconds=1)
            yield Limited(limiter=limiter, limit=LIMIT, window_seconds=1, pass_seconds=asyncio.sleep)
            await limiter.close()

    @pytest.fixture
    async def unreachable_limiter(self) -> AsyncIterator[RateLimiter]:
        limiter = RedisRateLimiter.connect("unix:///nowhere/redis.sock")
        yield limiter
        await limiter.close()
