"""How often somebody may ask, counted, and told in every answer."""

from __future__ import annotations

from functools import lru_cache
from typing import Final

from ytmarket.adapters.http.client_address import client_address
from ytmarket.adapters.http.door import Door
from ytmarket.adapters.http.exchange import Exchange
from ytmarket.application.ports.rate_limiter import Allowance
from ytmarket.application.services import Services
from ytmarket.domain.api_keys import ApiKey
from ytmarket.domain.errors import RateLimited

WINDOW_SECONDS: Final = 60
KEYS: Final = "default"
REFUSALS: Final = "refusals"


async def count_request(services: Services, key: ApiKey, exchange: Exchange) -> None:
    """Count one request of this key. Raises `RateLimited`."""
    allowance = await services.rate_limiter.hit(f"key:{key.id}")
    _tell(allowance, KEYS, exchange)
    if allowance.retry_after is not None:
        raise RateLimited(retry_after=allowance.retry_after)
    services.usage.count(key.id, exchange.api_path)


async def count_refusal(door: Door, services: Services, exchange: Exchange) -> None:
    """Count that somebody was refused at the door. Raises `RateLimited`.

    Strangers are told apart by their address, and never use up what a key may ask.
    """
    address = client_address(exchange.scope, door.trusted_proxies)
    allowance = await services.refusal_limiter.hit(f"address:{address}")
    _tell(allowance, REFUSALS, exchange)
    if allowance.retry_after is not None:
        raise RateLimited(retry_after=allowance.retry_after)


def _tell(allowance: Allowance, policy: str, exchange: Exchange) -> None:
    state = f'"{policy}";r={allowance.remaining};t={allowance.reset_after}'
    exchange.answer_headers += (_policy_header(policy, allowance.limit), (b"ratelimit", state.encode()))


@lru_cache
def _policy_header(policy: str, limit: int) -> tuple[bytes, bytes]:
    return b"ratelimit-policy", f'"{policy}";q={limit};w={WINDOW_SECONDS}'.encode()
