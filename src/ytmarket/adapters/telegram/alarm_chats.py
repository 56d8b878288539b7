"""Tells alarms to every listed chat; one that cannot be reached keeps no other from hearing it."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from typing import Final, TypeAlias

import attrs
import structlog
from aiogram import Bot
from aiogram.exceptions import AiogramError, TelegramMigrateToChat

from ytmarket.adapters.telegram.connection import TelegramTrouble, connect
from ytmarket.adapters.telegram.texts import alarm_text
from ytmarket.domain.alarms import RungAlarm

log = structlog.get_logger(__name__)

REMEMBERED_MAX: Final = 1_000

Telling: TypeAlias = tuple[int, bool]  # an alarm, and whether it has ended


@attrs.define(kw_only=True)
class ChatTeller:
    """The `AlarmTeller` port. Tried again, it tells only those whom it could not tell before."""

    bot: Bot
    chats: frozenset[int]
    _told: OrderedDict[Telling, set[int]] = attrs.field(factory=OrderedDict, init=False)

    async def tell(self, rung: RungAlarm) -> None:
        """Raises `TelegramTrouble` while there is a chat that may hear it yet."""
        telling = (rung.id, rung.ended_at is not None)
        told = self._told.setdefault(telling, set())
        if len(self._told) > REMEMBERED_MAX:
            self._told.popitem(last=False)
        waiting = sorted(self.chats - told)
        outcomes = await asyncio.gather(
            *(self._tell(chat, alarm_text(rung)) for chat in waiting), return_exceptions=True
        )
        for chat, outcome in zip(waiting, outcomes, strict=True):
            if outcome is None:
                told.add(chat)
        for outcome in outcomes:
            if isinstance(outcome, BaseException):
                raise outcome
        self._told.pop(telling, None)

    async def close(self) -> None:
        """Close the line."""
        await self.bot.session.close()

    async def _tell(self, chat: int, text: str) -> None:
        try:
            await self.bot.send_message(chat, text)
        except TelegramMigrateToChat as moved:
            log.warning(
                "a group has another id now: put it into YTMARKET_TELEGRAM_CHATS",
                chat=chat,
                now=moved.migrate_to_chat_id,
            )
            await self.bot.send_message(moved.migrate_to_chat_id, text)
        except TelegramTrouble:
            raise
        except AiogramError as refusal:
            log.warning("a chat cannot be told of alarms", chat=chat, trouble=str(refusal))


def teller_on(token: str, api: str, chats: frozenset[int]) -> ChatTeller:
    """A teller on a line of its own."""
    return ChatTeller(bot=connect(token, api), chats=chats)
