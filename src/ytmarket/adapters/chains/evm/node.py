"""One EVM node, asked in batches of JSON-RPC.

web3's provider is not used. All providers of a process share one lock of threads, which a reading that is
cancelled at the wrong moment leaves locked for good; it keeps the connection of whoever came first, follows
no `Retry-After`, and bounds no answer. What would be left of it is one POST.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, Final

import attrs
import msgspec
from aiohttp import ClientError, ClientResponse, ClientSession, ClientTimeout

from ytmarket.adapters.chains.evm.rpc import FIRST_ID, Call, Refusal, Reply, encoded
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
BATCH_CALLS_MAX: Final = 50
ANSWER_BYTES_MAX: Final = 64 * 2**20
PART_BYTES: Final = 2**16
SHOWN_CHARS_MAX: Final = 200
OK: Final = 200
TOO_MANY_REQUESTS: Final = 429
BODY_REFUSED: Final = frozenset({400, 413, 422})


class TooWide(Exception):
    """The node wants to be asked for fewer blocks at once. Never leaves this package."""


class TooManyCalls(ChainUnavailable):
    """The node wants smaller batches. What leaves this package is of one that cannot be divided."""


@attrs.frozen(kw_only=True)
class Overloaded(ChainRateLimited):
    """The node wants to be left alone for a while, perhaps because it was asked for too much at once."""


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
        self.batch = Span(BATCH_CALLS_MAX)
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
            request = self._http().post(self.endpoint.url, data=encoded(calls), allow_redirects=False)
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
        """Words come first: a gateway may put `Retry-After` on what no waiting helps."""
        wait = seconds_to_wait(answer.retry_after, self._clock.now())
        if answer.status == TOO_MANY_REQUESTS:
            return ChainRateLimited(retry_after=wait)
        trouble = self._trouble_in(answer, of_logs=of_logs)
        if wait is None or isinstance(trouble, TooWide | TooManyCalls | ChainGap | ChainBehind):
            return trouble
        kind = ChainRateLimited if isinstance(trouble, ChainRateLimited) else Overloaded
        return kind(retry_after=wait)

    def _trouble_in(self, answer: Answer, *, of_logs: bool) -> ReaderError | TooWide:
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
            case Meaning.TOO_MANY_CALLS:
                return TooManyCalls(f"{self.endpoint} {said}")
            case Meaning.GONE:
                return self.gap(f"{said}: name a node that keeps older blocks in {self.endpoint.setting}")
            case Meaning.BEHIND:
                return self.behind(said)
            case Meaning.TROUBLE:
                return self.unavailable(said)


async def _content(response: ClientResponse) -> bytes:
    content = bytearray()
    async for part in response.content.iter_chunked(PART_BYTES):
        content += part
        if len(content) > ANSWER_BYTES_MAX:
            raise TooLong
    return bytes(content)
