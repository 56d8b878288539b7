"""How often a caller may ask."""

from __future__ import annotations

from typing import Protocol

import attrs


@attrs.frozen(kw_only=True)
class Allowance:
    """What one request met: `retry_after` seconds to wait when it was refused, else None."""

    limit: int
    remaining: int
    reset_after: int  # seconds until the oldest counted request no longer counts
    retry_after: int | None = None


class RateLimiter(Protocol):
    """A sliding log of accepted requests for each caller.

    * at most the limit is accepted in any 60 seconds, and exactly so many can be;
    * a refused request does not count;
    * one caller's requests never touch another's allowance;
    * a limiter that cannot be asked raises Unavailable.
    """

    @property
    def limit(self) -> int:
        """How many requests of a caller are accepted in any 60 seconds."""
        ...

    async def hit(self, caller: str) -> Allowance:
        """Count one request of this caller, or say when to come back."""
        ...
