"""Who is heard: operators whose ids are listed. Everyone else meets silence, and one audit row an hour."""

from __future__ import annotations

import re
from collections import OrderedDict
from datetime import datetime, timedelta
from typing import Final

import attrs
import structlog
from aiogram.enums import ChatType
from aiogram.types import Chat, Message, Update, User

from ytmarket.adapters.telegram.connection import is_command
from ytmarket.application.audit import Actor
from ytmarket.application.ports.clock import Clock
from ytmarket.application.strangers import SPAN, StrangerService

log = structlog.get_logger(__name__)

REMEMBERED_MAX: Final = 1_000
STRANGERS_PER_HOUR_MAX: Final = 100
"""Of how many chats a process writes in one hour: accounts are cheap, and rows are for ever."""


@attrs.frozen(kw_only=True)
class Knock:
    """Somebody wants something. *user* is nobody where a channel or an unnamed administrator speaks."""

    chat: Chat
    user: User | None
    said: str
    forwarded: bool = False

    @property
    def actor(self) -> Actor:
        return Actor(f"telegram:{'nobody' if self.user is None else self.user.id}")

    @property
    def is_private(self) -> bool:
        return self.chat.type == ChatType.PRIVATE

    @property
    def is_meant_for_us(self) -> bool:
        """In a group people talk to each other as well."""
        return self.is_private or self.said.startswith(("/", "a button"))


def knock_of(update: Update) -> Knock | None:
    """A new message or a pressed button; what was edited, posted in a channel or asked inline is none."""
    message = update.message
    if message is not None:
        return Knock(
            chat=message.chat,
            user=message.from_user if message.sender_chat is None else None,
            said=_said(message),
            forwarded=message.forward_origin is not None or message.via_bot is not None,
        )
    query = update.callback_query
    if query is not None and query.message is not None:
        return Knock(chat=query.message.chat, user=query.from_user, said="a button")
    return None


def _said(message: Message) -> str:
    """The command at most: what else a stranger writes is none of the audit's business."""
    text = message.text or message.caption
    if text is None or not is_command(text):
        return "a message"
    return re.split(r"[\s@]", text, maxsplit=1)[0]


@attrs.define(kw_only=True)
class Gate:
    """*listed* are ids of people and groups: those people are heard, in private and in those groups."""

    listed: frozenset[int]
    strangers: StrangerService
    clock: Clock
    _known: OrderedDict[int, datetime] = attrs.field(factory=OrderedDict, init=False)
    _since: datetime | None = attrs.field(default=None, init=False)
    _written: int = attrs.field(default=0, init=False)

    async def lets_in(self, knock: Knock) -> bool:
        """Whether it comes from an operator; a stranger is written down."""
        user = knock.user
        if user is not None and not user.is_bot and {user.id, knock.chat.id} <= self.listed:
            return True
        if knock.is_meant_for_us and self._is_worth_a_row(knock.chat.id):
            await self.strangers.turned_away(
                knock.actor,
                "telegram.turned_away",
                f"chat:{knock.chat.id}",
                said=knock.said,
                username=None if user is None else _username(user),
            )
        return False

    def _is_worth_a_row(self, chat: int) -> bool:
        """Spares the database what it would refuse; the rows themselves are counted there."""
        now = self.clock.now()
        if self._since is None or now - self._since >= SPAN:
            self._since, self._written = now, 0
        seen = self._known.get(chat)
        if seen is not None and _is_same_hour(seen, now):
            return False
        if self._written >= STRANGERS_PER_HOUR_MAX:
            log.warning("strangers write to the bot; they are not written down for a while", chat=chat)
            return False
        self._written += 1
        self._known[chat] = now
        self._known.move_to_end(chat)
        if len(self._known) > REMEMBERED_MAX:
            self._known.popitem(last=False)
        return True


def _is_same_hour(one: datetime, other: datetime) -> bool:
    return abs(other - one) < timedelta(hours=1) and one.hour == other.hour


def _username(user: User) -> str | None:
    """As Telegram allows them, so that nothing else gets into the trail by this way."""
    name = user.username or ""
    return name if re.fullmatch(r"[A-Za-z0-9_]{1,32}", name) else None
