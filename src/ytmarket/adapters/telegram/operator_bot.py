"""The operators' bot: reads what they write, one message after the other, and answers each."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from html import unescape
from typing import Any, Final

import attrs
import structlog
from aiogram import Bot, Dispatcher
from aiogram.exceptions import AiogramError
from aiogram.types import Update
from pydantic import ValidationError

from ytmarket.adapters.telegram.connection import POLL_SECONDS, RawUpdates, TelegramTrouble, connect
from ytmarket.adapters.telegram.gate import Gate, Knock, knock_of
from ytmarket.adapters.telegram.handlers.pressing import stop_waiting
from ytmarket.adapters.telegram.handlers.table import dispatcher
from ytmarket.adapters.telegram.texts import NOTICE_CHARS_MAX, esc, refusal_text
from ytmarket.application.errors import ApplicationError, Unavailable
from ytmarket.application.services import Services
from ytmarket.domain.errors import IdempotencyInFlight, ShopError

log = structlog.get_logger(__name__)

KINDS: Final = ["message", "callback_query"]
"""Edited messages, channels' posts and inline questions are not asked for: none of them is a command."""

WAITS: Final = (0.5, 1.0, 2.0, 4.0)
ROUNDS_MAX: Final = 3
"""How often an answer that Telegram did not take is tried anew, before the next message is read."""

FORWARDED: Final = "A forwarded message is nobody's command: type it."
NO_DATABASE: Final = (
    "The shop's database does not answer, so I cannot tell whether this was done: /api_audit will, later."
)
FAILED: Final = "This went wrong, and the server's log says why; /api_audit tells whether it was done."


@attrs.define(kw_only=True)
class OperatorBot:
    """One process reads at a time. What was not confirmed is delivered again, and done only once."""

    bot: Bot
    services: Services
    gate: Gate
    poll_seconds: int
    _dispatcher: Dispatcher = attrs.field(factory=dispatcher, init=False)
    _offset: int | None = attrs.field(default=None, init=False)
    _stuck: tuple[int, int] = attrs.field(default=(0, 0), init=False)

    async def step(self) -> bool:
        """Wait for messages and see to them. Raises `TelegramTrouble`."""
        for update in await self._read(self.poll_seconds):
            await self._take(update)
        return True

    async def leave(self) -> None:
        """Confirm what was done, so that whoever reads next is not told of it again."""
        if self._offset is not None:
            await self._read(0, limit=1)

    async def close(self) -> None:
        """Close the line."""
        await self.bot.session.close()

    async def _read(self, seconds: int, **more: int) -> Sequence[dict[str, Any]]:
        asking = RawUpdates(offset=self._offset, timeout=seconds, allowed_updates=KINDS, **more)
        found = await self.bot(asking, request_timeout=seconds + 10)
        # Confirmed by now. Numbers may start anew after a quiet week, so none is remembered longer.
        self._offset = None
        return found

    async def _take(self, raw: dict[str, Any]) -> None:
        number = int(raw["update_id"])
        try:
            update = Update.model_validate(raw, context={"bot": self.bot})
        except ValidationError:
            log.warning("a message to the bot could not be read, and is passed over", update=number)
        else:
            await self._answered(number, update)
        self._offset = number + 1

    async def _answered(self, number: int, update: Update) -> None:
        """See to it. Raises `TelegramTrouble` where the answer did not get through, a few times."""
        try:
            await self._see_to(update)
        except TelegramTrouble:
            last, rounds = self._stuck
            rounds = rounds + 1 if last == number else 1
            self._stuck = (number, rounds)
            if rounds < ROUNDS_MAX:
                raise
            log.exception("an answer is given up", update=number)
        except AiogramError as refusal:
            # This chat, or this message, and no other: it was blocked, deleted, moved.
            log.warning("Telegram did not take an answer", update=number, trouble=str(refusal))

    async def _see_to(self, update: Update) -> None:
        knock = knock_of(update)
        if knock is None or not await self._lets_in(knock):
            return
        if knock.forwarded:
            await self._say(update, FORWARDED)
            return
        try:
            await self._obey(update, knock)
        except (Unavailable, IdempotencyInFlight):
            await self._say(update, NO_DATABASE)
        except ShopError as refusal:
            await self._say(update, refusal_text(refusal))
        except (AiogramError, TelegramTrouble):
            raise
        except ApplicationError as refusal:
            await self._say(update, f"{esc(refusal)}.")
        except Exception:
            log.exception("a message to the bot could not be seen to")
            await self._say(update, FAILED)

    async def _lets_in(self, knock: Knock) -> bool:
        try:
            return await self.gate.lets_in(knock)
        except Unavailable:
            log.warning("a stranger could not be written down", chat=knock.chat.id)
            return False

    async def _obey(self, update: Update, knock: Knock) -> None:
        """Do it; where the outcome is unknown do it again, which tells it."""
        facts: dict[str, Any] = {"services": self.services, "knock": knock, "actor": knock.actor}
        for wait in WAITS:
            try:
                await self._dispatcher.feed_update(self.bot, update, **facts)
            except (Unavailable, IdempotencyInFlight):
                await asyncio.sleep(wait)
            else:
                return
        await self._dispatcher.feed_update(self.bot, update, **facts)

    async def _say(self, update: Update, text: str) -> None:
        if update.message is not None:
            await update.message.reply(text)
        elif update.callback_query is not None:
            await stop_waiting(update.callback_query, unescape(text)[:NOTICE_CHARS_MAX])


def operator_bot(
    token: str, api: str, gate: Gate, services: Services, *, poll_seconds: int = POLL_SECONDS
) -> OperatorBot:
    """A bot on a line of its own; close `bot.session` at the end."""
    return OperatorBot(bot=connect(token, api), services=services, gate=gate, poll_seconds=poll_seconds)
