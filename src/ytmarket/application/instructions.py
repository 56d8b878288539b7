"""An operator's word that moves money: said with a reason, carried out once, answered as often as asked."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Final, Generic, TypeVar

import attrs

from ytmarket.application.audit import Actor
from ytmarket.application.ports.clock import Clock
from ytmarket.application.ports.unit_of_work import NewUnitOfWork, UnitOfWork
from ytmarket.domain.errors import AlreadyDone
from ytmarket.domain.idempotency import Attempt
from ytmarket.domain.ids import ApiKeyId
from ytmarket.domain.wording import check_reason

T = TypeVar("T")

OPERATORS: Final = ApiKeyId(0)
"""Whose answers are kept under no customer's key: theirs are numbered from 1."""


@attrs.frozen(kw_only=True)
class Instruction(Generic[T]):
    """Who says it and why. With an *attempt* the answer, made by *render*, is kept and given again.

    What somebody else has asked for has an empty reason. Raises `InvalidRequest` for one that is no reason.
    """

    actor: Actor
    reason: str
    attempt: Attempt | None = None
    render: Callable[[T], bytes] = attrs.field(default=lambda _: b"")

    def __attrs_post_init__(self) -> None:
        if self.reason:
            check_reason(self.reason)

    @property
    def own_attempt(self) -> Attempt | None:
        """Operators do not share their idempotency keys; a key has no space in it, so no two meet."""
        if self.attempt is None:
            return None
        return attrs.evolve(self.attempt, key=f"{self.actor.name} {self.attempt.key}")


@attrs.frozen(kw_only=True)
class Answered(Generic[T]):
    """What came of an instruction; an earlier answer has no result beside it."""

    body: bytes
    result: T | None = None

    @property
    def replayed(self) -> bool:
        return self.result is None

    @property
    def fresh(self) -> T:
        """The result. Raises `AlreadyDone` where it was an earlier one's."""
        if self.result is None:
            raise AlreadyDone
        return self.result


async def carry_out(
    new_unit_of_work: NewUnitOfWork,
    clock: Clock,
    instruction: Instruction[T],
    step: Callable[[UnitOfWork, datetime], Awaitable[T]],
) -> Answered[T]:
    """Take the step in one unit of work and keep its answer, or give the answer that was kept.

    Raises what the step refuses, `IdempotencyMismatch` and `IdempotencyInFlight`.
    """
    now = clock.now()
    attempt = instruction.own_attempt
    async with new_unit_of_work() as uow:
        stored = None if attempt is None else await uow.requests.hold(OPERATORS, attempt)
        if stored is not None and attempt is not None:
            return Answered(body=stored.replay(attempt))
        result = await step(uow, now)
        body = instruction.render(result)
        if attempt is not None:
            await uow.requests.keep(OPERATORS, attempt, body, now)
        await uow.commit()
    return Answered(body=body, result=result)
