"""Asks an operator back before an act: each question is answered once, in time, by whom it was put to."""

from __future__ import annotations

import hashlib
from datetime import timedelta
from typing import Final

import attrs

from ytmarket.application.audit import Actor
from ytmarket.application.errors import ApplicationError
from ytmarket.application.instructions import OPERATORS, Instruction, carry_out
from ytmarket.application.ports.clock import Clock
from ytmarket.application.ports.tokens import Tokens
from ytmarket.application.ports.unit_of_work import NewUnitOfWork, UnitOfWork
from ytmarket.domain.idempotency import Attempt

OPEN_FOR: Final = timedelta(minutes=5)


class QuestionClosed(ApplicationError):
    """This question is no longer open; give the command again."""


class AskedSomebodyElse(ApplicationError):
    """Only who was asked can answer this."""


@attrs.frozen(kw_only=True)
class QuestionService:
    """Keeps what was asked beside the answers to operators, so any process knows it, after a restart too."""

    new_unit_of_work: NewUnitOfWork
    clock: Clock
    tokens: Tokens

    async def ask(self, asked: Actor, wanted: bytes) -> str:
        """Keep what an operator wants until it is confirmed; the question's name, which nobody can guess."""
        question = self.tokens.lease()
        async with self.new_unit_of_work() as uow:
            await uow.requests.keep(OPERATORS, _asking(question, asked), wanted, self.clock.now())
            await uow.commit()
        return question

    async def wanted(self, question: str, by: Actor) -> bytes:
        """What the question was about. Raises `QuestionClosed` and `AskedSomebodyElse`."""
        asking = _asking(question, by)
        async with self.new_unit_of_work() as uow:
            kept = await uow.requests.hold(OPERATORS, asking)
        if kept is None or self.clock.now() - kept.at >= OPEN_FOR:
            raise QuestionClosed
        if not kept.answers(asking):
            raise AskedSomebodyElse
        return kept.answer

    async def decline(self, question: str, by: Actor, said: bytes) -> bytes:
        """Leave it undone, for good; what was said before, where it was answered already.

        Raises what `wanted` and `carry_out` do.
        """
        wanted = await self.wanted(question, by)

        async def nothing(_: UnitOfWork, __: object) -> bytes:
            return said

        word = Instruction[bytes](
            actor=by, reason="", attempt=attempt_of(question, wanted), render=lambda told: told
        )
        return (await carry_out(self.new_unit_of_work, self.clock, word, nothing)).body


def attempt_of(question: str, wanted: bytes) -> Attempt:
    """Under which whatever is asked for happens once, however often it is confirmed."""
    return Attempt.of(question, "question", wanted)


def _asking(question: str, asked: Actor) -> Attempt:
    # No operator's own attempt begins so: their names have a colon in the first word.
    return Attempt(f"question {question}", hashlib.sha256(asked.name.encode()).digest())
