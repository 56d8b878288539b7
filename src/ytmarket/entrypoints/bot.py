"""The operators' bot as a process of its own."""

from __future__ import annotations

import asyncio
import signal
import sys
from contextlib import suppress

from ytmarket.adapters.system.logging import configure_logging
from ytmarket.entrypoints.bootstrap import open_shop
from ytmarket.entrypoints.secrecy import secrets_of
from ytmarket.entrypoints.settings import Settings, SettingsError
from ytmarket.entrypoints.telegram import BotKeeper, check_bot, reading_bot


def run_bot(settings: Settings) -> None:
    """Run the bot alone until told to stop. Raises `SettingsError`."""
    if settings.telegram_token is None:
        raise SettingsError("YTMARKET_TELEGRAM_TOKEN is not set; @BotFather gives one")
    check_bot(settings)
    configure_logging(as_json=not sys.stderr.isatty(), level=settings.log_level, secrets=secrets_of(settings))

    async def run() -> None:
        async with open_shop(settings, role="bot") as shop:
            bot = reading_bot(settings, shop.services)
            if bot is None:
                return
            keeper = BotKeeper(bot=bot, leadership=shop.leadership, tokens=shop.services.tokens)
            task = asyncio.create_task(keeper.run())
            for name in (signal.SIGINT, signal.SIGTERM):
                asyncio.get_running_loop().add_signal_handler(name, task.cancel)
            with suppress(asyncio.CancelledError):
                await task

    asyncio.run(run())
