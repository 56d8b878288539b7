"""A line to the Bot API: patient where waiting helps, and silent about its own token."""

from __future__ import annotations

import asyncio
import re
from typing import Any, Final

from aiogram import Bot
from aiogram.client.default import DefaultBotProperties
from aiogram.client.session.aiohttp import AiohttpSession
from aiogram.client.session.middlewares.base import BaseRequestMiddleware, NextRequestMiddlewareType
from aiogram.client.telegram import TelegramAPIServer
from aiogram.enums import ParseMode
from aiogram.exceptions import (
    ClientDecodeError,
    TelegramConflictError,
    TelegramNetworkError,
    TelegramNotFound,
    TelegramRetryAfter,
    TelegramServerError,
    TelegramUnauthorizedError,
)
from aiogram.methods import Response, TelegramMethod
from aiogram.methods.base import TelegramType

from ytmarket.application.errors import ApplicationError

ANSWER_SECONDS: Final = 20.0
POLL_SECONDS: Final = 25
WAITS: Final = (0.5, 1.0, 2.0, 4.0)
PATIENCE_SECONDS: Final = 30
"""How long one message may wait altogether because Telegram asks us to."""

# What the network, a proxy or half an answer can do; the library tells some of it by other names.
NO_ANSWER: Final = (
    TelegramNetworkError,
    TelegramServerError,
    ClientDecodeError,
    OSError,
    ValueError,
    TypeError,
)
NO_SUCH_BOT: Final = (TelegramUnauthorizedError, TelegramNotFound)


class TelegramTrouble(ApplicationError):
    """Telegram does not answer as it should."""


class RawUpdates(TelegramMethod[list[dict[str, Any]]]):
    """getUpdates, its updates left unread: one that cannot be read must not hold up the others."""

    __returning__ = list[dict[str, Any]]
    __api_method__ = "getUpdates"

    offset: int | None = None
    timeout: int = POLL_SECONDS
    limit: int | None = None
    allowed_updates: list[str]


class Patience(BaseRequestMiddleware):
    """Waits when told to, and tries again what got no answer; the last trouble is told in our own words."""

    async def __call__(
        self,
        make_request: NextRequestMiddlewareType[TelegramType],
        bot: Bot,
        method: TelegramMethod[TelegramType],
    ) -> Response[TelegramType]:
        # Whoever polls comes again by itself.
        waits = iter(() if isinstance(method, RawUpdates) else WAITS)
        left = PATIENCE_SECONDS
        while True:
            try:
                return await make_request(bot, method)
            except TelegramRetryAfter as told:
                left -= told.retry_after
                if left < 0:
                    raise TelegramTrouble(f"it asks to wait {told.retry_after} seconds") from None
                await asyncio.sleep(told.retry_after)
            except TelegramConflictError:
                raise TelegramTrouble(
                    "another program reads this bot's messages, or a webhook is set for it;"
                    " a token can serve one shop only"
                ) from None
            except NO_SUCH_BOT:
                raise TelegramTrouble("it refuses the token; see YTMARKET_TELEGRAM_TOKEN") from None
            except NO_ANSWER as trouble:
                wait = next(waits, None)
                if wait is None:
                    # Not what it says: a proxy's page may repeat the address, and the token is in that.
                    raise TelegramTrouble(type(trouble).__name__) from None
                await asyncio.sleep(wait)


def connect(token: str, api: str) -> Bot:
    """The bot, which speaks to *api*, the address of the Bot API; close its session at the end."""
    session = AiohttpSession(api=TelegramAPIServer.from_base(api), timeout=ANSWER_SECONDS)
    session.middleware(Patience())
    defaults = DefaultBotProperties(
        parse_mode=ParseMode.HTML, link_preview_is_disabled=True, allow_sending_without_reply=True
    )
    return Bot(token, session=session, default=defaults)


def is_command(text: str | None) -> bool:
    """Whether it looks like one, of ours or not."""
    return text is not None and re.match(r"/[A-Za-z0-9_]{1,32}(@|\s|$)", text) is not None
