"""A path that always answers: who asks is settled first, and whatever goes wrong becomes a problem."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from time import perf_counter
from typing import Final, Generic, TypeAlias, TypeVar

import attrs
import structlog
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from ytmarket.adapters.http import problems
from ytmarket.adapters.http.deadline import Deadline
from ytmarket.adapters.http.door import Door
from ytmarket.adapters.http.exchange import ANSWER_SECONDS, BODY_SECONDS, Exchange, Phase, RawHeader
from ytmarket.adapters.http.refusals import BodyTooSlow, ClientGone
from ytmarket.adapters.http.watching import GONE
from ytmarket.application.errors import OutcomeUnknown, Unavailable

log = structlog.get_logger()

C = TypeVar("C")
Admit: TypeAlias = Callable[[Door, Exchange], Awaitable[C]]
Handler: TypeAlias = Callable[[C], Awaitable[Response]]

READING: Final = frozenset({"GET", "HEAD"})
SERVER_ERROR: Final = 500
NOT_STORED: Final = (b"cache-control", b"no-store")  # answers tell of money, and some hold credentials


@attrs.frozen(kw_only=True)
class Endpoint(Generic[C]):
    """An ASGI app for one path. *admit* says who asks, *handlers* answer by method.

    *otherwise* answers methods that have no handler. HEAD is answered as GET is; the server leaves
    the body out.
    """

    door: Door
    admit: Admit[C]
    handlers: Mapping[str, Handler[C]]
    otherwise: Handler[C]
    answer_seconds: float = ANSWER_SECONDS
    body_seconds: float = BODY_SECONDS
    cache_control: RawHeader = NOT_STORED

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        begun = perf_counter()
        deadline = Deadline(self.answer_seconds)
        exchange = Exchange(scope, receive, self.door.new_request_id(), deadline, self.body_seconds)
        structlog.contextvars.bind_contextvars(request_id=exchange.request_id)
        try:
            response = await self._respond(exchange)
        except ClientGone:
            self.door.watch(exchange, GONE, begun)
            return
        except Exception as trouble:  # noqa: BLE001 - a client is always told, and never shown why
            response = _problem(trouble, exchange)
        response.raw_headers += [
            (b"x-request-id", exchange.request_id.encode()),
            self.cache_control,
            *exchange.answer_headers,
        ]
        await response(scope, receive, send)
        self.door.watch(exchange, response.status_code, begun)

    async def _respond(self, exchange: Exchange) -> Response:
        try:
            with exchange.deadline:
                caller = await self.admit(self.door, exchange)
                exchange.phase = Phase.HANDLING
                method = exchange.method
                handler = self.handlers.get("GET" if method == "HEAD" else method, self.otherwise)
                return await handler(caller)
        except TimeoutError as trouble:
            raise _late(exchange) from trouble


def _late(exchange: Exchange) -> Exception:
    """What it means that the time was up."""
    if not exchange.deadline.expired:
        return Unavailable("something behind the shop took too long")
    if exchange.phase is Phase.BODY:
        return BodyTooSlow()
    if exchange.phase is Phase.HANDLING and exchange.method not in READING:
        return OutcomeUnknown("the time to answer was up")
    return Unavailable("the time to answer was up")


def _problem(trouble: Exception, exchange: Exchange) -> Response:
    response = problems.response(trouble, exchange.request_id, exchange.scope.get("root_path", ""))
    if response.status_code >= SERVER_ERROR:
        route = getattr(exchange.scope.get("route"), "path", None)
        told = {"request_id": exchange.request_id, "method": exchange.method, "route": route}
        if problems.is_unexpected(trouble):
            log.error("request failed", exc_info=trouble, **told)
        else:
            log.warning("request refused", status=response.status_code, reason=str(trouble), **told)
    return response
