"""Rate limits that hold across processes, counted in one Redis.

The script is ours, because the one in the library `limits` is not exact between machines: it takes the
time from whoever calls, so that two clocks that disagree let more (or less) through, and it tells the
state of the window in a second call, when that may have changed. Here Redis tells the time, and one
call counts the request and says how things stand.
"""

from __future__ import annotations

import asyncio
from typing import Any, Final, Protocol

import attrs
from redis.asyncio import BlockingConnectionPool, Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import ConnectionError, RedisError  # noqa: A004 - Redis' own, no OSError

from ytmarket.application.errors import Unavailable
from ytmarket.application.ports.rate_limiter import Allowance
from ytmarket.domain.limits import REQUESTS_PER_MINUTE

WINDOW_SECONDS: Final = 60
KEY_PREFIX: Final = "ytmarket:rate:"
CONNECTIONS_MAX: Final = 64
CONNECT_SECONDS: Final = 0.4
ANSWER_SECONDS: Final = 0.4
DEADLINE_SECONDS: Final = 0.9  # for all of it, a place in the pool and a second try included
MICROSECONDS: Final = 1_000_000

# A list of the times, in microseconds, of the hits that count, the oldest first. Lua's numbers hold
# them exactly; %.0f writes them without an exponent. When the clock of Redis was set back, hits that now
# lie ahead are taken to have been made this moment: nobody gets more, and nobody is shut out for longer.
HIT: Final = """
local limit, window = tonumber(ARGV[1]), tonumber(ARGV[2])
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local hits = redis.call('LRANGE', KEYS[1], 0, -1)
local count, expired = #hits, 0
for place, hit in ipairs(hits) do
    hit = tonumber(hit)
    if hit <= now - window then
        expired = place
    elseif hit > now then
        redis.call('LSET', KEYS[1], place - 1, string.format('%.0f', now))
        hits[place] = now
    end
end
if expired > 0 then
    redis.call('LTRIM', KEYS[1], expired, -1)
end
local accepted = 0
if count - expired < limit then
    accepted = 1
    hits[count + 1] = now
    redis.call('RPUSH', KEYS[1], string.format('%.0f', now))
    redis.call('PEXPIRE', KEYS[1], math.ceil(window / 1000) + 1000)
end
local counted = count - expired + accepted
-- More than the limit are there only after the limit was lowered.
local next_to_go = hits[expired + 1 + math.max(0, counted - limit)]
return {accepted, counted, string.format('%.0f', tonumber(next_to_go) + window - now)}
"""


def is_redis_url(text: str) -> bool:
    """Whether a connection can be made of it; none is."""
    try:
        RedisRateLimiter.connect(text)
        BlockingConnectionPool.from_url(text).make_connection()  # type: ignore[no-untyped-call] # by the library
    except Exception:  # noqa: BLE001 - an option in the URL may be of any wrong kind
        return False
    return True


class _Script(Protocol):
    async def __call__(self, keys: list[str], args: list[int]) -> Any: ...


@attrs.frozen
class RedisRateLimiter:
    """The RateLimiter port for any number of processes that name the same Redis."""

    _redis: Redis
    _hit: _Script
    _limit: int
    _window_seconds: int

    @classmethod
    def connect(
        cls, url: str, limit: int = REQUESTS_PER_MINUTE, *, window_seconds: int = WINDOW_SECONDS
    ) -> RedisRateLimiter:
        """Name a Redis by a redis://, rediss:// or unix:// URL; it is first asked by the first hit.

        Raises ValueError for a URL of another kind.
        """
        pool = BlockingConnectionPool.from_url(
            url,
            max_connections=CONNECTIONS_MAX,
            timeout=ANSWER_SECONDS,
            socket_connect_timeout=CONNECT_SECONDS,
            socket_timeout=ANSWER_SECONDS,
            # A connection that a restarted Redis has closed is noticed only when it is used. A hit whose
            # answer is late is not made again: it may have been counted.
            retry=Retry(NoBackoff(), 1, supported_errors=(ConnectionError,)),
        )
        redis = Redis.from_pool(pool)
        return cls(redis, redis.register_script(HIT), limit, window_seconds)

    @property
    def limit(self) -> int:
        return self._limit

    async def hit(self, caller: str) -> Allowance:
        try:
            async with asyncio.timeout(DEADLINE_SECONDS):
                accepted, counted, left = await self._hit(
                    keys=[KEY_PREFIX + caller], args=[self._limit, self._window_seconds * MICROSECONDS]
                )
        except (RedisError, OSError) as error:  # TimeoutError is an OSError
            raise Unavailable(f"Redis does not answer ({type(error).__name__})") from error
        reset_after = max(1, -(-int(left) // MICROSECONDS))
        return Allowance(
            limit=self._limit,
            remaining=max(0, self._limit - counted),
            reset_after=reset_after,
            retry_after=None if accepted else reset_after,
        )

    async def close(self) -> None:
        await self._redis.aclose()
