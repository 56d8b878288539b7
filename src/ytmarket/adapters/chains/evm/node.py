"""One EVM node, asked in batches of JSON-RPC over web3's HTTP provider."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Sequence
from datetime import timedelta
from typing import Any, Final, TypeVar

import attrs
import msgspec
from aiohttp import ClientError, ClientResponse, ClientSession, ClientTimeout

from ytmarket.adapters.chains.evm.library import AsyncHTTPProvider
from ytmarket.adapters.chains.evm.span import Span
from ytmarket.adapters.chains.evm.words import Meaning, meaning_of
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
SPAN_MAX: Final = 2_000
EXPLANATION_BYTES_MAX: Final = 4_000
SHOWN_CHARS_MAX: Final = 200
TOO_MANY_REQUESTS: Final = 429
BODY_REFUSED: Final = frozenset({400, 413, 422})

T = TypeVar("T")

# What web3 says below a warning holds whole URLs, and with them keys.
logging.getLogger("web3").setLevel(logging.WARNING)


class TooWide(Exception):
    """The node wants to be asked for fewer blocks at once. Never leaves this package."""


@attrs.frozen
class Call:
    """One JSON-RPC call."""

    method: str
    params: tuple[Any, ...] = ()


class Refusal(msgspec.Struct, frozen=True):
    """An error as JSON-RPC has it."""

    code: int = 0
    message: str = ""


class Reply(msgspec.Struct, frozen=True):
    """The answer to one call."""

    id: int | None = None
    result: Any = None
    error: Refusal | None = None


@attrs.frozen
class RefusedByHttp(Exception):
    """An answer with a status from 400 on, and the beginning of what it said."""

    status: int
    retry_after: str | None
    text: bytes


class EvmNode:
    """Asks one endpoint. Whatever goes wrong is a `ReaderError` whose words hold no secret, or `TooWide`."""

    def __init__(
        self,
        endpoint: Endpoint,
        clock: Clock,
        *,
        pace: Pace,
        timeout: timedelta = TIMEOUT,
        span: int = SPAN_MAX,
    ) -> None:
        self.endpoint = endpoint
        self.span = Span(span)
        self.is_checked = False
        """Whether it has been seen to serve the chain and the token it should."""
        self._clock = clock
        self._pace = pace
        self._session: ClientSession | None = None
        self._provider = AsyncHTTPProvider(
            endpoint.url,
            request_kwargs={
                "timeout": ClientTimeout(total=timeout / timedelta(seconds=1)),
                "allow_redirects": False,
            },
            # Its own retries are deaf to Retry-After; which node is asked next is for us to say.
            exception_retry_configuration=None,
        )

    async def ask(self, *calls: Call) -> Sequence[Any]:
        """The results of these calls, answered by one node at one time."""
        await self._pace.admit(len(calls))
        of_logs = any(call.method == "eth_getLogs" for call in calls)
        replies = self._read(await self._post(calls, of_logs=of_logs), len(calls), of_logs=of_logs)
        return [reply.result for reply in replies]

    async def close(self) -> None:
        await self._provider.disconnect()
        self._session = None

    def unavailable(self, why: str) -> ChainUnavailable:
        """Trouble with this endpoint, by its name."""
        return ChainUnavailable(f"{self.endpoint} {why}")

    def behind(self, why: str) -> ChainBehind:
        return ChainBehind(f"{self.endpoint} {why}")

    def gap(self, why: str) -> ChainGap:
        return ChainGap(f"{self.endpoint} {why}")

    async def _post(self, calls: Sequence[Call], *, of_logs: bool) -> Any:
        try:
            await self._open()
            return await self._provider.make_batch_request([(call.method, call.params) for call in calls])
        except RefusedByHttp as refusal:
            trouble = self._trouble_of_http(refusal, of_logs=of_logs)
        except TimeoutError:
            trouble = self.unavailable("did not answer in time")
        except (ClientError, OSError) as error:
            trouble = self.unavailable(f"cannot be reached ({type(error).__name__})")
        except Exception as error:  # noqa: BLE001 - a library meets garbage in more ways than it names
            trouble = self.unavailable(f"did not answer in JSON-RPC ({type(error).__name__})")
        # Outside the handler: the library's errors hold the URL, and would be logged as the context.
        raise trouble

    async def _open(self) -> None:
        if self._session is None:
            # web3's own session would connect anew for every request, and lose what a refusal says.
            self._session = ClientSession(raise_for_status=_listen_to_refusal)
            await self._provider.cache_async_session(self._session)

    def _read(self, answer: Any, count: int, *, of_logs: bool) -> Sequence[Reply]:
        try:
            replies = msgspec.convert(answer if isinstance(answer, list) else [answer], list[Reply])
        except msgspec.ValidationError as error:
            raise self.unavailable(f"did not answer in JSON-RPC: {error}") from None
        for reply in replies:
            if reply.error is not None:
                raise self._trouble_of(reply.error, of_logs=of_logs)
        ids = [reply.id for reply in replies]
        if len(ids) != count or ids[0] is None or ids != list(range(ids[0], ids[0] + count)):
            raise self.unavailable("mixed up the answers to a batch of calls")
        return replies

    def _trouble_of_http(self, refusal: RefusedByHttp, *, of_logs: bool) -> ReaderError | TooWide:
        if refusal.status == TOO_MANY_REQUESTS:
            wait = seconds_to_wait(refusal.retry_after, self._clock.now())
            return ChainRateLimited(retry_after=wait)
        try:
            error = msgspec.json.decode(refusal.text, type=Reply).error
        except msgspec.MsgspecError:
            error = None
        if error is not None:
            return self._trouble_of(error, of_logs=of_logs)
        if of_logs and refusal.status in BODY_REFUSED:
            return TooWide(f"{self.endpoint} answered HTTP {refusal.status}")
        return self.unavailable(f"answered HTTP {refusal.status}")

    def _trouble_of(self, refusal: Refusal, *, of_logs: bool) -> ReaderError | TooWide:
        said = f"said {self.endpoint.redact(refusal.message)[:SHOWN_CHARS_MAX]!r} ({refusal.code})"
        match meaning_of(refusal.code, refusal.message, of_logs=of_logs):
            case Meaning.TOO_OFTEN:
                return ChainRateLimited()
            case Meaning.TOO_WIDE:
                return TooWide(f"{self.endpoint} {said}")
            case Meaning.GONE:
                return self.gap(f"{said}: name a node that keeps older blocks in {self.endpoint.setting}")
            case Meaning.BEHIND:
                return self.behind(said)
            case Meaning.TROUBLE:
                return self.unavailable(said)


async def widest(node: EvmNode, ask: Callable[[int, int], Awaitable[T]], first: int, end: int) -> T:
    """Ask for blocks from the first on: up to the end, or for as many as this node will answer for."""
    while True:
        last = min(end, first + node.span.blocks - 1)
        try:
            answer = await ask(first, last)
        except TooWide as refusal:
            if not node.span.was_too_wide(last - first + 1):
                raise node.unavailable(f"refuses even one block: {refusal}") from None
        except ChainRateLimited:
            raise
        except ChainUnavailable:
            node.span.was_too_wide(last - first + 1)  # perhaps it was too much work
            raise
        else:
            node.span.was_answered(last - first + 1)
            return answer


async def _listen_to_refusal(response: ClientResponse) -> None:
    if not response.ok:
        text = await response.content.read(EXPLANATION_BYTES_MAX)
        response.close()
        raise RefusedByHttp(response.status, response.headers.get("Retry-After"), text)
