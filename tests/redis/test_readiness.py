"""A shop whose rates are counted in Redis is ready only while Redis counts."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import AsyncExitStack

import pytest
from redis.asyncio import Redis

from tests.redis_server import RedisServer, redis_server
from ytmarket.application.presence import Readiness
from ytmarket.entrypoints.bootstrap import _redis_probe
from ytmarket.entrypoints.settings import Settings

pytestmark = pytest.mark.needs("redis-server")


@pytest.fixture
def server() -> Iterator[RedisServer]:
    with redis_server() as server:
        yield server


async def test_ready_while_redis_counts_and_neither_without_it_nor_while_it_can_only_be_read(
    server: RedisServer,
) -> None:
    # A limit that the probes themselves would soon reach, if they counted as requests.
    settings = Settings(redis_url=server.url, rate_limit=1)
    async with AsyncExitStack() as stack, asyncio.timeout(30):
        readiness = Readiness({"redis": _redis_probe(settings, stack)})

        async def missing() -> list[str]:
            readiness._fresh_until = 0.0
            return list(await readiness.missing())

        assert [await missing() for _ in range(5)] == [[]] * 5
        async with Redis.from_url(server.url) as redis:
            await redis.config_set("min-replicas-to-write", "1")  # as good as a replica: no write is taken
            assert await missing() == ["redis"]
            await redis.config_set("min-replicas-to-write", "0")
        assert await missing() == []
        server.stop()
        assert await missing() == ["redis"]
        server.start()
        assert await missing() == []
