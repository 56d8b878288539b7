"""Which handler sees to which command and button: the bot's routes, as one table."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, Final

from aiogram import Bot, Dispatcher
from aiogram.dispatcher.event.handler import CallbackType
from aiogram.filters import Command, CommandObject
from aiogram.filters.callback_data import CallbackData
from aiogram.types import CallbackQuery, Message, TelegramObject

from ytmarket.adapters.telegram import buttons
from ytmarket.adapters.telegram.gate import Knock
from ytmarket.adapters.telegram.handlers import acting, pressing, reading
from ytmarket.adapters.telegram.words import Said

COMMANDS: Final[dict[str, CallbackType]] = {
    "start": reading.tell_help,
    "help": reading.tell_help,
    "status": reading.tell_status,
    "api_audit": reading.tell_audit,
    "keys": reading.tell_keys,
    "deposits": reading.tell_deposits,
    "order": reading.tell_order,
    "website": reading.tell_website_order,
    "mint": acting.mint,
    "credit": acting.credit,
    "credit_deposit": acting.credit_deposit,
    "cancel": acting.cancel,
}
BUTTONS: Final[dict[type[CallbackData], CallbackType]] = {
    buttons.Confirm: pressing.confirm,
    buttons.Decline: pressing.decline,
    buttons.CreditDeposit: pressing.offer_credit,
    buttons.ApplyDeposit: pressing.offer_applying,
    buttons.Wipe: pressing.wipe,
}
UNKNOWN: Final = "I know no such command; /help lists them."
GONE: Final = "This button is of another time; give the command again."


def dispatcher() -> Dispatcher:
    """Leads each message and each pressed button to its handler."""
    found = Dispatcher(disable_fsm=True)
    found.message.middleware(_told_as_said)
    for name, handler in COMMANDS.items():
        found.message.register(handler, Command(name, ignore_case=True))
    for button, handler in BUTTONS.items():
        found.callback_query.register(handler, button.filter())
    found.message.register(_unknown)
    found.callback_query.register(_gone)
    return found


async def _told_as_said(
    handler: Callable[[TelegramObject, dict[str, Any]], Awaitable[Any]],
    event: TelegramObject,
    data: dict[str, Any],
) -> Any:
    """Hands a command to its handler as what an operator has said."""
    command, bot = data.get("command"), data["bot"]
    if isinstance(command, CommandObject) and isinstance(event, Message) and isinstance(bot, Bot):
        data["said"] = Said.of(data["actor"], bot, event, command)
    return await handler(event, data)


async def _unknown(message: Message, knock: Knock) -> None:
    """In a group it may be said to people, or to another bot."""
    first, *_ = [*(message.text or message.caption or "").split(maxsplit=1), ""]
    if knock.is_private or (knock.is_meant_for_us and "@" not in first):
        await message.reply(UNKNOWN)


async def _gone(query: CallbackQuery) -> None:
    await pressing.stop_waiting(query, GONE)
