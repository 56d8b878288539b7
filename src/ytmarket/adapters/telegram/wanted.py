"""Acts that are confirmed before they happen: put into a question, and carried out once it is answered."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from typing import Any, Final, TypeAlias

import attrs

from ytmarket.adapters.telegram.texts import render_cancelled, render_deposit
from ytmarket.application.audit import Actor
from ytmarket.application.instructions import Answered, Instruction
from ytmarket.application.questions import attempt_of
from ytmarket.application.services import Services
from ytmarket.domain.ids import DepositId, OrderId


@attrs.frozen(kw_only=True)
class Wanted:
    """What an operator is asked to confirm. *number* is the order's or deposit's, *to* whom it goes to."""

    act: str
    number: int
    reason: str
    to: str = ""

    def pack(self) -> bytes:
        return json.dumps(attrs.asdict(self)).encode()

    @classmethod
    def unpack(cls, packed: bytes) -> Wanted:
        return cls(**json.loads(packed))


Act: TypeAlias = Callable[[Services, Wanted, Instruction[Any]], Awaitable[Answered[Any]]]


async def _cancel(services: Services, wanted: Wanted, word: Instruction[Any]) -> Answered[Any]:
    return await services.fulfilment.cancel(OrderId(wanted.number), word)


async def _credit(services: Services, wanted: Wanted, word: Instruction[Any]) -> Answered[Any]:
    return await services.deposit_desk.credit(DepositId(wanted.number), wanted.to, word)


async def _apply(services: Services, wanted: Wanted, word: Instruction[Any]) -> Answered[Any]:
    return await services.website.apply(DepositId(wanted.number), OrderId(int(wanted.to)), word)


CANCEL: Final = "cancel"
CREDIT: Final = "credit"
APPLY: Final = "apply"

ACTS: Final[dict[str, tuple[Act, Callable[[Any], bytes]]]] = {
    CANCEL: (_cancel, render_cancelled),
    CREDIT: (_credit, render_deposit),
    APPLY: (_apply, render_deposit),
}


async def carry_out_wanted(services: Services, actor: Actor, question: str) -> str:
    """Do what the question was about, once; what came of it, as often as it is confirmed.

    Raises what `QuestionService.wanted` and the act do.
    """
    packed = await services.questions.wanted(question, actor)
    wanted = Wanted.unpack(packed)
    act, render = ACTS[wanted.act]
    word: Instruction[Any] = Instruction(
        actor=actor, reason=wanted.reason, attempt=attempt_of(question, packed), render=render
    )
    return (await act(services, wanted, word)).body.decode()
