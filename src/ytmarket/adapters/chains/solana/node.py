"""One Solana node, asked over solana-py's HTTP provider."""

from __future__ import annotations

import asyncio
import logging
from datetime import timedelta
from typing import Any, Final, TypeVar

import attrs
import httpx2
import msgspec
from solana.exceptions import SolanaRpcException
from solana.rpc.async_http_provider import AsyncHTTPProvider

from ytmarket.adapters.chains.solana.refusals import Meaning, meaning_of
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
SHOWN_CHARS_MAX: Final = 200
TOO_MANY_REQUESTS: Final = 429

T = TypeVar("T")

# They tell of every request with its whole URL, and with it the key.
for _name in ("httpx2", "httpcore2", "solana"):
    logging.getLogger(_name).setLevel(logging.WARNING)


class Refusal(msgspec.Struct, frozen=True):
    """An error as JSON-RPC has it."""

    code: int = 0
    message: str = ""


class Reply(msgspec.Struct, frozen=True):
    """The answer to one call."""

    id: int | str | None = None
    result: Any = msgspec.UNSET
    error: Refusal | None = None


@attrs.frozen
class Request:
    """One JSON-RPC call, as the provider wants it."""

    id: int
    method: str
    params: tuple[Any, ...]

    def to_json(self) -> str:
        call = {"jsonrpc": "2.0", "id": self.id, "method": self.method, "params": self.params}
        return msgspec.json.encode(call).decode()


class SolanaNode:
    """Asks one endpoint. Whatever goes wrong is a `ReaderError` whose words hold no secret."""

    def __init__(self, endpoint: Endpoint, clock: Clock, *, pace: Pace, timeout: timedelta = TIMEOUT) -> None:
        self.endpoint = endpoint
        self.is_checked = False
        """Whether it has been seen to serve the cluster and the token it should."""
        self._clock = clock
        self._pace = pace
        self._seconds = timeout / timedelta(seconds=1)
        self._asked = 0
        self._provider: AsyncHTTPProvider | None = None

    async def call(self, method: str, *params: Any) -> Any:
        """The result of one call, as it came."""
        await self._pace.admit(1)
        self._asked += 1
        request = Request(self._asked, method, params)
        return self._result(await self._post(request), request.id)

    async def ask(self, kind: type[T], method: str, *params: Any) -> T:
        """The result of one call, as this kind of thing."""
        return self.read_as(kind, await self.call(method, *params))

    def read_as(self, kind: type[T], answer: Any) -> T:
        """What a call resulted in, as this kind of thing."""
        try:
            return msgspec.convert(answer, kind)
        except msgspec.ValidationError as error:
            raise self.unavailable(f"answered what makes no sense: {error}") from None

    async def close(self) -> None:
        if self._provider is not None:
            await self._provider.close()
            self._provider = None

    def unavailable(self, why: str) -> ChainUnavailable:
        """Trouble with this endpoint, by its name."""
        return ChainUnavailable(f"{self.endpoint} {why}")

    def behind(self, why: str) -> ChainBehind:
        return ChainBehind(f"{self.endpoint} {why}")

    def gap(self, why: str) -> ChainGap:
        return ChainGap(f"{self.endpoint} {why}")

    async def _post(self, request: Request) -> str:
        trouble: ReaderError
        try:
            # The library's own limit is for each read and write, which a trickle of bytes never meets.
            async with asyncio.timeout(self._seconds):
                answer: str = await self._open().make_request_unparsed(request)
                return answer
        except TimeoutError:
            trouble = self.unavailable("did not answer in time")
        except SolanaRpcException as error:
            trouble = self._trouble_of_transport(error.__cause__)
        except Exception as error:  # noqa: BLE001 - a library meets garbage in more ways than it names
            trouble = self.unavailable(f"cannot be asked ({type(error).__name__})")
        # Outside the handler: the library's errors hold the URL, and would be logged as the context.
        raise trouble

    def _open(self) -> AsyncHTTPProvider:
        if self._provider is None:
            # Its retries would hide failures from whoever chooses the node, and double the wait;
            # one call at a time gains nothing from HTTP/2.
            self._provider = AsyncHTTPProvider(
                self.endpoint.url, timeout=self._seconds, http2=False, max_transport_retries=0
            )
        return self._provider

    def _result(self, text: str, asked: int) -> Any:
        try:
            reply = msgspec.json.decode(text, type=Reply)
        except (msgspec.MsgspecError, UnicodeError, RecursionError):
            raise self.unavailable("did not answer in JSON-RPC") from None
        if reply.error is not None:
            raise self._trouble_of(reply.error)
        if reply.result is msgspec.UNSET:
            raise self.unavailable("answered with neither a result nor an error")
        if reply.id != asked:
            raise self.unavailable("answered another call than was made")
        return reply.result

    def _trouble_of_transport(self, cause: BaseException | None) -> ReaderError:
        if isinstance(cause, httpx2.HTTPStatusError):
            return self._trouble_of_http(cause.response)
        if isinstance(cause, httpx2.TimeoutException):
            return self.unavailable("did not answer in time")
        return self.unavailable(f"cannot be reached ({type(cause).__name__})")

    def _trouble_of_http(self, response: httpx2.Response) -> ReaderError:
        if response.status_code == TOO_MANY_REQUESTS:
            wait = seconds_to_wait(response.headers.get("Retry-After"), self._clock.now())
            return ChainRateLimited(retry_after=wait)
        try:
            error = msgspec.json.decode(response.content, type=Reply).error
        except (msgspec.MsgspecError, UnicodeError, RecursionError):
            error = None
        if error is not None:
            return self._trouble_of(error)
        return self.unavailable(f"answered HTTP {response.status_code}")

    def _trouble_of(self, refusal: Refusal) -> ReaderError:
        said = f"said {self.endpoint.redact(refusal.message)[:SHOWN_CHARS_MAX]!r} ({refusal.code})"
        match meaning_of(refusal.code, refusal.message):
            case Meaning.TOO_OFTEN:
                return ChainRateLimited()
            case Meaning.BEHIND:
                return self.behind(said)
            case Meaning.GONE:
                return self.gap(f"{said}: name a node that keeps its history in {self.endpoint.setting}")
            case Meaning.UNREADABLE:
                return self.gap(f"{said}: reading goes on with a release that knows this version")
            case Meaning.TROUBLE:
                return self.unavailable(said)
