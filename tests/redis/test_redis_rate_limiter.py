"""What only the limiter through Redis has to hold: several processes, and a Redis that goes away."""

import asyncio
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from typing import Any, Final

import pytest
from redis.asyncio import Redis

from tests.redis_server import RedisServer, redis_server
from ytmarket.adapters.redis.rate_limiter import KEY_PREFIX, RedisRateLimiter
from ytmarket.application.errors import Unavailable

pytestmark = pytest.mark.needs("redis-server")

# One process of several: it hits for a while and prints how often it was let through.
PROCESS: Final = """
import asyncio, sys
from ytmarket.adapters.redis.rate_limiter import RedisRateLimiter

async def main():
    limiter = RedisRateLimiter.connect(sys.argv[1])
    print("ready", flush=True)
    sys.stdin.readline()
    accepted = 0
    for _ in range(40):
        answers = await asyncio.gather(*(limiter.hit("shared") for _ in range(2)))
        accepted += sum(answer.retry_after is None for answer in answers)
        await asyncio.sleep(0.05)
    print(accepted)
    await limiter.close()

asyncio.run(main())
"""
SECOND: Final = 1_000_000
SOON: Final = 4.0  # seconds: a client is answered within five


@pytest.fixture
def server() -> Iterator[RedisServer]:
    with redis_server() as server:
        yield server


@pytest.fixture
async def limiter(server: RedisServer) -> AsyncIterator[RedisRateLimiter]:
    limiter = RedisRateLimiter.connect(server.url)
    yield limiter
    await limiter.close()


@pytest.fixture
async def client(server: RedisServer) -> AsyncIterator[Redis]:
    client = Redis.from_url(server.url)
    yield client
    await client.aclose()


def test_processes_share_one_limit(server: RedisServer) -> None:
    command = [sys.executable, "-c", PROCESS, server.url]
    processes = [
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) for _ in range(2)
    ]
    for process in processes:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    counts = []
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    for process in processes:
        out, _ = process.communicate(timeout=60)
        counts.append(int(out))
    assert sum(counts) == 60
    assert all(count > 0 for count in counts), f"the test proves nothing when one was late: {counts}"


async def timed_failure(limiter: RedisRateLimiter) -> float:
    start = time.monotonic()
    with pytest.raises(Unavailable, match="Redis does not answer"):
        await limiter.hit("ann")
    return time.monotonic() - start


async def seconds_to_heal(limiter: RedisRateLimiter) -> float:
    start = time.monotonic()
    while True:
        try:
            await limiter.hit("ann")
        except Unavailable:
            assert time.monotonic() - start < 5
            await asyncio.sleep(0.05)
        else:
            return time.monotonic() - start


async def test_a_stopped_redis_is_told_at_once_and_its_return_is_noticed(
    server: RedisServer, limiter: RedisRateLimiter
) -> None:
    await asyncio.gather(*(limiter.hit(f"caller {number}") for number in range(50)))
    server.stop()
    assert await timed_failure(limiter) < SOON
    server.start()
    assert await seconds_to_heal(limiter) < SOON


async def test_a_redis_restarted_between_two_requests_goes_unnoticed(
    server: RedisServer, limiter: RedisRateLimiter
) -> None:
    for _ in range(2):
        answers = await asyncio.gather(*(limiter.hit(f"caller {number}") for number in range(50)))
        assert {answer.remaining for answer in answers} == {59}
        server.stop()
        server.start()


async def test_a_frozen_redis_is_given_up_before_the_caller_gives_up(
    server: RedisServer, limiter: RedisRateLimiter
) -> None:
    await limiter.hit("ann")
    server.freeze()
    try:
        delays = await asyncio.gather(*(timed_failure(limiter) for _ in range(100)))
    finally:
        server.thaw()
    assert max(delays) < SOON
    assert await seconds_to_heal(limiter) < SOON


async def test_a_hit_whose_answer_is_late_is_made_once() -> None:
    """For Redis may have counted it."""
    asked: list[bytes] = []

    async def answer_all_but_hits(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while words := [await read_word(reader) for _ in range(int((await reader.readline())[1:] or 0))]:
            asked.append(words[0])
            if words[0] != b"EVALSHA":
                writer.write(b"+OK\r\n")
        writer.close()

    async def read_word(reader: asyncio.StreamReader) -> bytes:
        size = int((await reader.readline())[1:])
        return (await reader.readexactly(size + 2))[:size]

    async with await asyncio.start_server(answer_all_but_hits, "127.0.0.1", 0) as mute:
        port = mute.sockets[0].getsockname()[1]
        limiter = RedisRateLimiter.connect(f"redis://127.0.0.1:{port}")
        with pytest.raises(Unavailable):
            await limiter.hit("ann")
        await limiter.close()
    assert asked.count(b"EVALSHA") == 1


async def test_after_a_frozen_redis_nobody_gets_anothers_answer(
    server: RedisServer, limiter: RedisRateLimiter
) -> None:
    server.freeze()
    late = [asyncio.create_task(limiter.hit("late")) for _ in range(80)]
    await asyncio.sleep(0.2)
    for task in late[:40]:
        task.cancel()
    await asyncio.sleep(0.1)
    server.thaw()
    await asyncio.gather(*late, return_exceptions=True)
    answers = await asyncio.gather(*(limiter.hit(f"fresh {number}") for number in range(200)))
    assert {answer.remaining for answer in answers} == {59}


async def test_a_redis_without_the_script_learns_it_again(limiter: RedisRateLimiter, client: Redis) -> None:
    assert (await limiter.hit("ann")).remaining == 59
    await client.script_flush()
    assert (await limiter.hit("ann")).remaining == 58


async def redis_now(client: Redis) -> int:
    seconds, micros = await client.time()
    return int(seconds) * SECOND + int(micros)


async def fill(client: Redis, caller: str, times: list[int]) -> None:
    pushed: Any = client.rpush(KEY_PREFIX + caller, *times)
    await pushed


async def test_a_hit_counts_for_sixty_seconds_to_the_microsecond(
    limiter: RedisRateLimiter, client: Redis
) -> None:
    now = await redis_now(client)
    await fill(client, "gone", [now - 60 * SECOND] * 60)
    assert (await limiter.hit("gone")).remaining == 59
    await fill(client, "there", [now - 59 * SECOND] * 60)
    refused = await limiter.hit("there")
    assert (refused.remaining, refused.retry_after, refused.reset_after) == (0, 1, 1)
    await fill(client, "half", [now - 61 * SECOND] * 30 + [now - 20 * SECOND] * 30)
    accepted = await limiter.hit("half")
    assert (accepted.remaining, accepted.retry_after, accepted.reset_after) == (29, None, 40)


async def test_a_clock_set_back_lets_nobody_through_early_and_shuts_nobody_out(
    limiter: RedisRateLimiter, client: Redis
) -> None:
    hour_ahead = await redis_now(client) + 3600 * SECOND
    await fill(client, "ann", [hour_ahead] * 60)
    refused = await limiter.hit("ann")
    assert refused.retry_after == 60
    stored: Any = client.lrange(KEY_PREFIX + "ann", 0, -1)
    now = await redis_now(client)
    assert all(now - SECOND <= int(hit) <= now for hit in await stored)


async def test_a_limit_lowered_holds_at_once(server: RedisServer, client: Redis) -> None:
    now = await redis_now(client)
    await fill(client, "ann", [now - seconds * SECOND for seconds in range(50, 20, -1)])
    lower = RedisRateLimiter.connect(server.url, limit=10)
    refused = await lower.hit("ann")
    await lower.close()
    assert (refused.remaining, refused.retry_after) == (0, 30)


async def test_what_counts_no_longer_is_forgotten_by_redis(limiter: RedisRateLimiter, client: Redis) -> None:
    for _ in range(70):
        await limiter.hit("ann")
    length: Any = client.llen(KEY_PREFIX + "ann")
    assert await length == 60
    assert 59_000 < await client.pttl(KEY_PREFIX + "ann") <= 61_000
    long_ago = await redis_now(client) - 61 * SECOND
    await fill(client, "old", [long_ago] * 60)
    await limiter.hit("old")
    stored: Any = client.lrange(KEY_PREFIX + "old", 0, -1)
    (hit,) = await stored
    assert hit.isdigit()  # a whole number of microseconds, not 1.7e+15
    assert len(hit) == len(str(long_ago))


async def test_no_limiter_is_made_from_a_url_of_another_kind() -> None:
    with pytest.raises(ValueError, match="scheme"):
        RedisRateLimiter.connect("http://localhost")
