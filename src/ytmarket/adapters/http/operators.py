"""Who may operate the shop: whoever sends one of the configured bearer tokens."""

from __future__ import annotations

import hmac
from collections.abc import Callable
from typing import Final, TypeVar

import attrs
from starlette.responses import Response

from ytmarket.adapters.http.admission import IDEMPOTENCY_KEY
from ytmarket.adapters.http.answers import kept_answer
from ytmarket.adapters.http.door import Door
from ytmarket.adapters.http.exchange import Exchange
from ytmarket.adapters.http.rates import count_refusal
from ytmarket.adapters.http.refusals import InvalidToken, PathNotFound
from ytmarket.application.audit import Actor
from ytmarket.application.instructions import Answered, Instruction
from ytmarket.application.services import Services
from ytmarket.domain import limits
from ytmarket.domain.errors import InvalidRequest
from ytmarket.domain.idempotency import Attempt

AUTHORIZATION: Final = b"authorization"
SCHEME: Final = "bearer"

T = TypeVar("T")


@attrs.frozen(kw_only=True)
class OperatorRequest:
    """A request whose sender may operate the shop."""

    services: Services
    exchange: Exchange
    actor: Actor

    async def body(self, max_bytes: int = limits.BODY_BYTES_MAX) -> bytes:
        """Raises `BodyTooLarge`."""
        return await self.exchange.body(max_bytes)


async def admit_operator(door: Door, exchange: Exchange) -> OperatorRequest:
    """Raises `PathNotFound` where no token is configured, `InvalidToken`, `RateLimited`."""
    if not door.operators:
        raise PathNotFound
    services = door.holder.open_services()
    name = _holder_of(door, exchange.header(AUTHORIZATION) or "")
    if name is None:
        await count_refusal(door, services, exchange)
        raise InvalidToken
    exchange.caller = name
    return OperatorRequest(services=services, exchange=exchange, actor=Actor(f"http:{name}"))


def instruction(
    request: OperatorRequest, reason: str, body: bytes, render: Callable[[T], bytes]
) -> Instruction[T]:
    """What moves money must be safe to send again. Raises `InvalidRequest`."""
    key = request.exchange.header(IDEMPOTENCY_KEY)
    if key is None:
        raise InvalidRequest(pointer="", problem="this moves money, so it needs an Idempotency-Key header")
    attempt = Attempt.of(key, request.exchange.api_path, body)
    return Instruction(actor=request.actor, reason=reason, attempt=attempt, render=render)


def placing(request: OperatorRequest, body: bytes, render: Callable[[T], bytes]) -> Instruction[T]:
    """An order that somebody has placed: no reason is needed, and an Idempotency-Key only to repeat it."""
    key = request.exchange.header(IDEMPOTENCY_KEY)
    attempt = None if key is None else Attempt.of(key, request.exchange.api_path, body)
    return Instruction(actor=request.actor, reason="", attempt=attempt, render=render)


def told(answered: Answered[T]) -> Response:
    """The answer to an instruction, the first time or again."""
    return kept_answer(answered.body, replayed=answered.replayed)


async def refuse_operator_path(_: OperatorRequest) -> Response:
    """There is nothing here, which only an operator is told."""
    raise PathNotFound


def _holder_of(door: Door, authorization: str) -> str | None:
    """Who holds the token; each is compared in full, so that time tells nothing of any."""
    scheme, _, presented = authorization.partition(" ")
    if scheme.lower() != SCHEME:
        return None
    token = presented.strip().encode("latin-1")
    matching = [name for name, known in door.operators.items() if hmac.compare_digest(known.encode(), token)]
    return matching[0] if matching else None
