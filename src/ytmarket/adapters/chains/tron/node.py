"""One TRON node, asked over HTTP.

tronpy's provider is not used. Given a TronGrid URL without a key it takes keys built into the package;
out of quota it drops ours, writes to stderr and calls itself; `urljoin` loses what follows the last slash
of a URL, where keys stand; it looks at no `{"Error": ...}` that comes with status 200, bounds no answer,
and its errors hold whole URLs. What would be left of it is one POST.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Final, TypeVar

import attrs
import httpx2
import msgspec

from ytmarket.adapters.chains.tron.access import Access
from ytmarket.adapters.chains.tron.wire import Refusal
from ytmarket.adapters.chains.tron.words import Meaning, meaning_of, seconds_suspended
from ytmarket.application.endpoints import Endpoint, Pace, seconds_to_wait
from ytmarket.application.ports.chain_reader import (
    ChainBehind,
    ChainGap,
    ChainRateLimited,
    ChainUnavailable,
    ReaderError,
)
from ytmarket.application.ports.clock import Clock

TIMEOUT: Final = timedelta(seconds=10)
ANSWER_BYTES_MAX: Final = 64 * 2**20  # blocks hold 2 MB, and unfold to some ten times that in JSON
SHOWN_CHARS_MAX: Final = 200
TOO_MANY_REQUESTS: Final = 429

T = TypeVar("T")

# What it says below a warning holds whole URLs, and with them keys.
logging.getLogger("httpx2").setLevel(logging.WARNING)


@attrs.frozen
class Index:
    """Whether a node's lists of events hold what its blocks hold, and until when that is taken for true."""

    until: datetime
    is_sound: bool


class TronNode:
    """Asks one endpoint. Whatever goes wrong is a `ReaderError` whose words hold no secret."""

    def __init__(self, endpoint: Endpoint, clock: Clock, *, pace: Pace, timeout: timedelta = TIMEOUT) -> None:
        """Raises `ChainMisconfigured` for a URL that cannot be used."""
        self.endpoint = endpoint
        self.is_checked = False
        """Whether it has been seen to serve the chain and the token it should."""
        self.index: Index | None = None
        self._access = Access.of(endpoint)
        self._clock = clock
        self._pace = pace
        self._seconds_max = timeout / timedelta(seconds=1)
        self._http: httpx2.AsyncClient | None = None

    async def ask(self, kind: type[T], call: str, **body: Any) -> T | None:
        """The answer to a call of the HTTP interface; None where the node knows of no such thing."""
        await self._pace.admit(1)
        status, headers, content = await self._post(call, body)
        if status != httpx2.codes.OK:
            raise self._trouble_of_http(status, headers.get("Retry-After"), content)
        return self._read(kind, content)

    async def close(self) -> None:
        if self._http is not None:
            await self._http.aclose()
            self._http = None

    def age(self, at: datetime) -> timedelta:
        """How long ago that was."""
        return self._clock.now() - at

    def unavailable(self, why: str) -> ChainUnavailable:
        """Trouble with this endpoint, by its name."""
        return ChainUnavailable(f"{self.endpoint} {why}")

    def behind(self, why: str) -> ChainBehind:
        return ChainBehind(f"{self.endpoint} {why}")

    def gap(self, why: str) -> ChainGap:
        return ChainGap(f"{self.endpoint} {why}")

    def quote(self, message: str) -> str:
        """What the node said, short and without secrets."""
        return repr(self.endpoint.redact(message)[:SHOWN_CHARS_MAX])

    async def _post(self, call: str, body: Mapping[str, Any]) -> tuple[int, Mapping[str, str], bytes]:
        try:
            # One limit for the whole answer: httpx2's own begins anew with every byte.
            async with asyncio.timeout(self._seconds_max):
                request = self._client().stream("POST", self._access.url(call), json=body)
                async with request as response:
                    return response.status_code, response.headers, await self._content(response)
        except (TimeoutError, httpx2.TimeoutException):
            trouble = self.unavailable("did not answer in time")
        except (httpx2.HTTPError, httpx2.InvalidURL, OSError) as error:
            trouble = self.unavailable(f"cannot be reached ({type(error).__name__})")
        # Outside the handler: the library's errors hold the URL, and would be logged as the context.
        raise trouble

    def _client(self) -> httpx2.AsyncClient:
        if self._http is None:
            self._http = httpx2.AsyncClient(
                headers=self._access.headers,
                auth=self._access.basic,
                timeout=self._seconds_max,
                follow_redirects=False,
                trust_env=False,
            )
        return self._http

    async def _content(self, response: httpx2.Response) -> bytes:
        content = bytearray()
        async for part in response.aiter_bytes():
            content += part
            if len(content) > ANSWER_BYTES_MAX:
                raise self.unavailable(f"answered with more than {ANSWER_BYTES_MAX} bytes")
        return bytes(content)

    def _read(self, kind: type[T], content: bytes) -> T | None:
        if content.strip() in {b"{}", b"null"}:
            return None
        message = _error_in(content)
        if message is not None:
            raise self.trouble_of(message)
        try:
            return msgspec.json.decode(content, type=kind)
        except msgspec.ValidationError as error:
            why = f"answered what makes no sense: {error}"
        except (msgspec.DecodeError, RecursionError):
            why = "did not answer in JSON"
        except UnicodeDecodeError:
            why = "did not answer in UTF-8"
        raise self.unavailable(why)

    def _trouble_of_http(self, status: int, retry_after: str | None, content: bytes) -> ReaderError:
        message = _error_in(content) or ""
        wait = seconds_to_wait(retry_after, self._clock.now())
        if status != TOO_MANY_REQUESTS and meaning_of(message) is Meaning.GONE:
            return self.trouble_of(message)  # that stays so however long one waits
        is_busy = status == TOO_MANY_REQUESTS or wait is not None
        if is_busy or meaning_of(message) is Meaning.TOO_OFTEN:
            return ChainRateLimited(retry_after=seconds_suspended(message) if wait is None else wait)
        said = f", saying {self.quote(message)}" if message else ""
        return self.unavailable(f"answered HTTP {status}{said}")

    def trouble_of(self, message: str) -> ReaderError:
        """What a refusal in words means."""
        match meaning_of(message):
            case Meaning.TOO_OFTEN:
                return ChainRateLimited(retry_after=seconds_suspended(message))
            case Meaning.GONE:
                wish = f"name a node that keeps older blocks in {self.endpoint.setting}"
                return self.gap(f"said {self.quote(message)}: {wish}")
            case Meaning.TROUBLE:
                return self.unavailable(f"said {self.quote(message)}")


def _error_in(content: bytes) -> str | None:
    """The error in an answer, if it is one: as JSON, or, from a light node, in plain words."""
    start = content[: SHOWN_CHARS_MAX * 2].strip()
    if start.startswith(b"{"):
        try:
            return msgspec.json.decode(content, type=Refusal).error
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return None
    words = start.decode(errors="replace")
    return words if meaning_of(words) is Meaning.GONE and not start.startswith((b"[", b"<")) else None
