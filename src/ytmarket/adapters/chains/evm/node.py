"""One EVM node, asked in batches of JSON-RPC.

web3's provider is not used. All providers of a process share one lock of threads, which a reading that is
cancelled at the wrong moment leaves locked for good; it keeps the connection of whoever came first, follows
no `Retry-After`, and bounds no answer. What would be left of it is one POST.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime, timedelta
from typing import Any, Final, TypeVar

import attrs
import msgspec
from aiohttp import ClientError, ClientResponse, ClientSession, ClientTimeout

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
ANSWER_BYTES_MAX: Final = 64 * 2**20
PART_BYTES: Final = 2**16
SHOWN_CHARS_MAX: Final = 200
FIRST_ID: Final = 1  # some proxies take 0 for none
OK: Final = 200
TOO_MANY_REQUESTS: Final = 429
BODY_REFUSED: Final = frozenset({400, 413, 422})

T = TypeVar("T")


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
class Answer:
    """What came over HTTP."""

    status: int
    retry_after: str | None
    content: bytes


class TooLong(Exception):
    """An answer that is not read to its end."""


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
        self.newest = 0
        """The newest block that it has told of."""
        self._clock = clock
        self._pace = pace
        self._seconds_max = timeout / timedelta(seconds=1)
        self._session: ClientSession | None = None

    async def ask(self, *calls: Call) -> Sequence[Any]:
        """The results of these calls, answered by one node at one time."""
        await self._pace.admit(len(calls))
        of_logs = any(call.method == "eth_getLogs" for call in calls)
        answer = await self._post(calls, of_logs=of_logs)
        if answer.status != OK:
            raise self._trouble_of_http(answer, of_logs=of_logs)
        replies = self._read(answer.content, len(calls), of_logs=of_logs)
        return [reply.result for reply in replies]

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()
            self._session = None

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

    async def _post(self, calls: Sequence[Call], *, of_logs: bool) -> Answer:
        trouble: ReaderError | TooWide
        try:
            request = self._http().post(self.endpoint.url, data=_encoded(calls), allow_redirects=False)
            async with request as response:
                return Answer(response.status, response.headers.get("Retry-After"), await _content(response))
        except TooLong:
            why = f"answered with more than {ANSWER_BYTES_MAX} bytes"
            trouble = TooWide(f"{self.endpoint} {why}") if of_logs else self.unavailable(why)
        except TimeoutError:
            trouble = self.unavailable("did not answer in time")
        except (ClientError, OSError) as error:
            trouble = self.unavailable(f"cannot be reached ({type(error).__name__})")
        except Exception as error:  # noqa: BLE001 - a library meets garbage in more ways than it names
            trouble = self.unavailable(f"did not answer in HTTP ({type(error).__name__})")
        # Outside the handler: the library's errors hold the URL, and would be logged as the context.
        raise trouble

    def _http(self) -> ClientSession:
        if self._session is None:
            self._session = ClientSession(
                headers={"Content-Type": "application/json"},
                timeout=ClientTimeout(total=self._seconds_max),
                trust_env=False,
            )
        return self._session

    def _read(self, content: bytes, count: int, *, of_logs: bool) -> Sequence[Reply]:
        answer = self._decoded(content)
        replies = answer if isinstance(answer, list) else [answer]
        for reply in replies:
            if reply.error is not None:
                raise self._trouble_of(reply.error, of_logs=of_logs)
        by_id = {reply.id: reply for reply in replies}
        wanted = range(FIRST_ID, FIRST_ID + count)
        if len(replies) != count or by_id.keys() != set(wanted):
            raise self.unavailable("mixed up the answers to a batch of calls")
        return [by_id[number] for number in wanted]

    def _decoded(self, content: bytes) -> list[Reply] | Reply:
        try:
            return msgspec.json.decode(content, type=list[Reply] | Reply)
        except msgspec.ValidationError as error:
            why = f"did not answer in JSON-RPC: {error}"
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
            why = f"did not answer in JSON-RPC ({type(error).__name__})"
        raise self.unavailable(why)

    def _trouble_of_http(self, answer: Answer, *, of_logs: bool) -> ReaderError | TooWide:
        wait = seconds_to_wait(answer.retry_after, self._clock.now())
        if answer.status == TOO_MANY_REQUESTS or wait is not None:
            return ChainRateLimited(retry_after=wait)
        try:
            error = msgspec.json.decode(answer.content, type=Reply).error
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            error = None
        if error is not None:
            return self._trouble_of(error, of_logs=of_logs)
        if of_logs and answer.status in BODY_REFUSED:
            return TooWide(f"{self.endpoint} answered HTTP {answer.status}")
        return self.unavailable(f"answered HTTP {answer.status}")

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


def _encoded(calls: Sequence[Call]) -> bytes:
    return msgspec.json.encode(
        [
            {"jsonrpc": "2.0", "id": number, "method": call.method, "params": call.params}
            for number, call in enumerate(calls, start=FIRST_ID)
        ]
    )


async def _content(response: ClientResponse) -> bytes:
    content = bytearray()
    async for part in response.content.iter_chunked(PART_BYTES):
        content += part
        if len(content) > ANSWER_BYTES_MAX:
            raise TooLong
    return bytes(content)
