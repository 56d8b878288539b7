"""An operator's message as a command's words, and as an instruction that happens once."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Final, TypeVar

import attrs
from aiogram import Bot
from aiogram.filters import CommandObject
from aiogram.types import Message

from ytmarket.adapters.telegram.texts import plain
from ytmarket.adapters.telegram.usage import usage_of
from ytmarket.application.audit import Actor
from ytmarket.application.errors import ApplicationError
from ytmarket.application.instructions import Instruction
from ytmarket.application.ports.clock import Clock
from ytmarket.domain import limits
from ytmarket.domain.errors import InvalidAmount
from ytmarket.domain.idempotency import Attempt
from ytmarket.domain.money import Usdt
from ytmarket.domain.wording import check_reason

LATE_AFTER: Final = timedelta(minutes=5)
NUMBER_DIGITS_MAX: Final = 15

T = TypeVar("T")


class Misspoken(ApplicationError):
    """That is not how it is said."""

    def __init__(self, command: str) -> None:
        super().__init__(usage_of(command))


class TooLate(ApplicationError):
    """This reached me too late to act on it; /api_audit tells whether it was done before."""


@attrs.frozen(kw_only=True)
class Said:
    """A command as it was given, by whom, and in which message."""

    actor: Actor
    attempt: Attempt
    command: str
    rest: str

    @classmethod
    def of(cls, actor: Actor, bot: Bot, message: Message, command: CommandObject) -> Said:
        # Another bot counts its messages anew, so its number belongs to the name.
        name = f"{bot.id}:{message.chat.id}:{message.message_id}"
        attempt = Attempt.of(name, "message", plain(message.text or message.caption or "").encode())
        return cls(
            actor=actor, attempt=attempt, command=command.command.lower(), rest=plain(command.args or "")
        )

    def words(self, count: int) -> list[str]:
        """Exactly so many words, the last one to the end. Raises `Misspoken`."""
        found = self.rest.split(maxsplit=count - 1)
        if len(found) != count:
            raise Misspoken(self.command)
        return found

    def reason(self, text: str) -> str:
        """The text itself. Raises `InvalidRequest`, which says how long it may be."""
        check_reason(text)
        return text

    def number(self, word: str) -> int:
        if not word.isascii() or not word.isdigit() or len(word) > NUMBER_DIGITS_MAX or int(word) < 1:
            raise Misspoken(self.command)
        return int(word)

    def page(self) -> int:
        """The page that is asked for; the first unless another is named."""
        return self.number(self.rest) if self.rest else 1

    def amount(self, word: str) -> Usdt:
        try:
            amount = Usdt.of(word)
        except InvalidAmount:
            raise Misspoken(self.command) from None
        if abs(amount) > limits.AMOUNT_MAX:
            raise Misspoken(self.command)
        return amount

    def instruction(self, reason: str, render: Callable[[T], bytes]) -> Instruction[T]:
        """Carried out once for this message, however often it is delivered."""
        return Instruction(actor=self.actor, reason=reason, attempt=self.attempt, render=render)


def check_in_time(message: Message, clock: Clock) -> None:
    """What was said while nobody listened may have been done in another way since. Raises `TooLate`."""
    if clock.now() - message.date > LATE_AFTER:
        raise TooLate
