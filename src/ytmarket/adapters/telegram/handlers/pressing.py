"""Buttons that were pressed: questions answered, questions opened, secrets deleted."""

from __future__ import annotations

from aiogram.exceptions import TelegramBadRequest
from aiogram.types import CallbackQuery, InaccessibleMessage, Message

from ytmarket.adapters.telegram.buttons import ApplyDeposit, Confirm, CreditDeposit, Decline
from ytmarket.adapters.telegram.handlers.acting import ask_about_deposit
from ytmarket.adapters.telegram.texts import refusal_text
from ytmarket.adapters.telegram.wanted import APPLY, CREDIT, Wanted, carry_out_wanted
from ytmarket.application.audit import Actor
from ytmarket.application.services import Services
from ytmarket.domain.errors import IdempotencyInFlight, Refused

LEFT = b"Left as it is."


async def confirm(query: CallbackQuery, callback_data: Confirm, services: Services, actor: Actor) -> None:
    """Yes: what came of it takes the question's place, so that its buttons are gone."""
    try:
        told = await carry_out_wanted(services, actor, callback_data.question)
    except IdempotencyInFlight:  # being carried out at this moment: it is no answer yet
        raise
    except Refused as refusal:
        told = refusal_text(refusal)
    await _put_in_place(query, told)


async def decline(query: CallbackQuery, callback_data: Decline, services: Services, actor: Actor) -> None:
    """No, for good: a yes that comes after it is told so."""
    told = await services.questions.decline(callback_data.question, actor, LEFT)
    await _put_in_place(query, told.decode())


async def offer_credit(
    query: CallbackQuery, callback_data: CreditDeposit, services: Services, actor: Actor
) -> None:
    """Under the list of deposits: ask whether to credit one."""
    reason = "it is nearest to a top-up of theirs; confirmed in Telegram"
    wanted = Wanted(act=CREDIT, number=callback_data.deposit, reason=reason, to=callback_data.fp)
    await _ask(query, services, actor, wanted)


async def offer_applying(
    query: CallbackQuery, callback_data: ApplyDeposit, services: Services, actor: Actor
) -> None:
    """Under the list of deposits: ask whether to let one pay a website order."""
    reason = "it is nearest to this order; confirmed in Telegram"
    wanted = Wanted(act=APPLY, number=callback_data.deposit, reason=reason, to=str(callback_data.order))
    await _ask(query, services, actor, wanted)


async def wipe(query: CallbackQuery) -> None:
    """Delete the message, with the key in it."""
    if query.message is not None and query.bot is not None:
        await query.bot.delete_message(query.message.chat.id, query.message.message_id)
    await stop_waiting(query)


async def stop_waiting(query: CallbackQuery, notice: str | None = None) -> None:
    """End the little clock on the button, with a word where there is one."""
    try:
        await query.answer(notice, show_alert=notice is not None)
    except TelegramBadRequest:  # pressed too long ago: there is no clock any more
        return


async def _ask(query: CallbackQuery, services: Services, actor: Actor, wanted: Wanted) -> None:
    if isinstance(query.message, Message):
        await ask_about_deposit(query.message, services, actor, wanted)
    await stop_waiting(query)


async def _put_in_place(query: CallbackQuery, told: str) -> None:
    message = query.message
    if isinstance(message, Message):
        try:
            await message.edit_text(told)
        except TelegramBadRequest:  # it says so already, or is gone
            await stop_waiting(query)
            return
    elif isinstance(message, InaccessibleMessage) and query.bot is not None:
        await query.bot.send_message(message.chat.id, told)
    await stop_waiting(query)
