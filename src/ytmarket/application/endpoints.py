"""The nodes that a network is read from: how they are named, and how many calls each may get."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Final
from urllib.parse import unquote, urlsplit

import attrs

from ytmarket.application.ports.clock import Clock

CALLS_PER_SECOND: Final = 10

_SECOND: Final = timedelta(seconds=1)
_DIGITS_MAX: Final = 9
_SEPARATORS: Final = re.compile(r"[/?&=#:@]+")
_SECRET_CHARS_MIN: Final = 6  # hiding shorter ones would blot out ordinary words

Sleep = Callable[[float], Awaitable[None]]


@attrs.frozen
class Endpoint:
    """One node. Its URL may carry a secret, so it is shown by host and place in the setting alone."""

    url: str = attrs.field(repr=False)
    setting: str
    place: int  # from 1 on

    @property
    def host(self) -> str:
        """The host's name, without user, port, path and query: keys travel in all of these."""
        try:
            return urlsplit(self.url).hostname or "a local file"
        except ValueError:
            return "an unreadable URL"

    def redact(self, text: str) -> str:
        """What the node said, without what it may have repeated of the URL beside its host."""
        parts = _SEPARATORS.split(self.url)
        # A key is sent as it is, and stands in the URL with what a URL cannot hold encoded.
        for part in sorted({*parts, *map(unquote, parts)}, key=len, reverse=True):
            if len(part) >= _SECRET_CHARS_MIN and part != self.host:
                text = text.replace(part, "[redacted]")
        return text

    def __str__(self) -> str:
        return f"{self.host} (no. {self.place} of {self.setting})"


def endpoints_of(setting: str, urls: Sequence[str]) -> tuple[Endpoint, ...]:
    """The endpoints that a setting lists, in the order of preference."""
    return tuple(Endpoint(url, setting, place) for place, url in enumerate(urls, start=1))


def seconds_to_wait(retry_after: str | None, now: datetime) -> int | None:
    """What a `Retry-After` header asks for, as seconds or as a date; None where it makes no sense."""
    text = (retry_after or "").strip()
    if text.isascii() and text.isdigit():
        return int(text[:_DIGITS_MAX])
    try:
        until = parsedate_to_datetime(text)
        until = until.replace(tzinfo=UTC) if until.tzinfo is None else until
        return max(0, -(-(until - now) // _SECOND))
    except (ValueError, OverflowError):  # the latter for a zone that is no zone
        return None


@attrs.define
class Pace:
    """A token bucket for one endpoint: so many calls a second, after a burst of a second's worth."""

    _clock: Clock
    per_second: int = CALLS_PER_SECOND
    _sleep: Sleep = asyncio.sleep
    # When the bucket will be full again; each call moves it on by one call's share of a second.
    _full_at: datetime | None = attrs.field(default=None, init=False)

    async def admit(self, calls: int) -> None:
        """Wait until so many calls may be made. More than a burst is let in, and paid for by the next."""
        wait = self._reserve(calls)
        if wait > timedelta(0):
            await self._sleep(wait / _SECOND)

    def _reserve(self, calls: int) -> timedelta:
        now = self._clock.now()
        full_at = now if self._full_at is None else max(now, self._full_at)
        self._full_at = full_at + calls * _SECOND / self.per_second
        # A burst may begin a whole second before the bucket is full, and not earlier.
        return min(full_at, self._full_at - _SECOND) - now
