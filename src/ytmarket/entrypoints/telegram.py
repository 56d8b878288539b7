"""The operators' Telegram bot, where the settings ask for one: its library is loaded only then."""

from __future__ import annotations

import asyncio
from importlib.util import find_spec
from typing import Final, Protocol

import attrs
import structlog

from ytmarket.application.ports.alarms import AlarmTeller
from ytmarket.application.ports.leadership import Leadership, LeadershipLost
from ytmarket.application.ports.tokens import Tokens
from ytmarket.application.services import Services
from ytmarket.entrypoints.settings import Settings, SettingsError

log = structlog.get_logger()

NAME: Final = "telegram"
LEAVING_SECONDS: Final = 3
BACK_OFF_MAX: Final = 60
DOUBLINGS_MAX: Final = 6


class ReadingBot(Protocol):
    """What reads operators' messages: `OperatorBot`, without its library."""

    async def step(self) -> bool: ...

    async def leave(self) -> None: ...

    async def close(self) -> None: ...


class ClosingTeller(AlarmTeller, Protocol):
    """A teller with a line of its own."""

    async def close(self) -> None: ...


def check_bot(settings: Settings) -> None:
    """Raises `SettingsError` where a bot is wanted and cannot be had."""
    if settings.telegram_token is not None and find_spec("aiogram") is None:
        raise SettingsError(
            "YTMARKET_TELEGRAM_TOKEN is set, but the bot's library is not installed:"
            " pip install 'ytmarket[telegram]', or leave the token away"
        )


def reading_bot(settings: Settings, services: Services) -> ReadingBot | None:
    """The bot that the settings ask for; it connects when it is asked to read. Raises `SettingsError`."""
    if settings.telegram_token is None:
        return None
    check_bot(settings)
    from ytmarket.adapters.telegram.gate import Gate  # noqa: PLC0415 - seconds and 130 MiB
    from ytmarket.adapters.telegram.operator_bot import operator_bot  # noqa: PLC0415 - see above

    if not settings.telegram_chats:
        log.warning("the bot answers nobody until YTMARKET_TELEGRAM_CHATS lists somebody")
    gate = Gate(listed=settings.telegram_chats, strangers=services.strangers, clock=services.clock)
    return operator_bot(settings.telegram_token, settings.telegram_api, gate, services)


def chat_teller(settings: Settings) -> ClosingTeller | None:
    """Who tells the listed chats of alarms, where there are any. Raises `SettingsError`."""
    if settings.telegram_token is None or not settings.telegram_chats:
        return None
    check_bot(settings)
    from ytmarket.adapters.telegram.alarm_chats import teller_on  # noqa: PLC0415 - see above

    return teller_on(settings.telegram_token, settings.telegram_api, settings.telegram_chats)


@attrs.frozen(kw_only=True)
class BotKeeper:
    """Lets one process of many read the bot's messages, whatever befalls it."""

    bot: ReadingBot
    leadership: Leadership
    tokens: Tokens

    async def run(self) -> None:
        """Run until cancelled."""
        try:
            while True:
                try:
                    async with self.leadership.lead(NAME):
                        log.info("leads", loop=NAME)
                        await self._lead()
                except LeadershipLost:
                    log.warning("leads no more", loop=NAME)
                except Exception as trouble:  # noqa: BLE001 - the bot outlives whatever befalls it
                    await self._back_off(1, trouble)
        finally:
            await self.bot.close()

    async def _lead(self) -> None:
        failures = 0
        try:
            while True:
                try:
                    await self.bot.step()
                    failures = 0
                except Exception as trouble:  # noqa: BLE001 - see above
                    failures += 1
                    await self._back_off(failures, trouble)
        finally:
            await self._leave()

    async def _leave(self) -> None:
        try:
            await asyncio.wait_for(self.bot.leave(), LEAVING_SECONDS)
        except Exception as trouble:  # noqa: BLE001 - it is delivered again then, and done only once
            log.info("the last messages to the bot were not confirmed", trouble=str(trouble))

    async def _back_off(self, failures: int, trouble: Exception) -> None:
        wait: int = min(2 ** min(failures - 1, DOUBLINGS_MAX), BACK_OFF_MAX)
        log.warning("a step failed", loop=NAME, failures=failures, wait=wait, exc_info=trouble)
        await asyncio.sleep(wait * (1 + self.tokens.below(20) / 100))
