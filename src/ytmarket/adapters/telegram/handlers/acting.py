"""Commands that act at once, or ask first whether they shall."""

from __future__ import annotations

import asyncio
from typing import Final

import structlog
from aiogram.exceptions import AiogramError
from aiogram.types import InlineKeyboardMarkup, Message

from ytmarket.adapters.telegram.buttons import confirmation, minted_buttons
from ytmarket.adapters.telegram.connection import TelegramTrouble
from ytmarket.adapters.telegram.gate import Knock
from ytmarket.adapters.telegram.texts import (
    deposit_line,
    esc,
    minted_text,
    order_lines,
    render_adjusted,
    render_minted,
)
from ytmarket.adapters.telegram.wanted import APPLY, CANCEL, CREDIT, Wanted
from ytmarket.adapters.telegram.words import Said, check_in_time
from ytmarket.application.audit import Actor
from ytmarket.application.deposit_desk import WaitingDeposit
from ytmarket.application.services import Services
from ytmarket.domain.errors import OrderNotFound
from ytmarket.domain.ids import DepositId, OrderId

log = structlog.get_logger(__name__)

SHOWN_SECONDS: Final = 600.0
_wiping: set[asyncio.Task[None]] = set()


async def mint(message: Message, services: Services, said: Said, knock: Knock) -> None:
    """/mint NAME: key and secret in a message that is deleted after a while."""
    if not knock.is_private:
        await message.reply("A key is shown to one person only: write to me privately.")
        return
    (label,) = said.words(1)
    check_in_time(message, services.clock)
    answered = await services.api_keys.mint_once(label, said.instruction("", render_minted))
    if answered.result is None:
        await message.reply(answered.body.decode())
        return
    shown = await message.reply(minted_text(answered.result), reply_markup=minted_buttons(answered.result))
    task = asyncio.create_task(_wipe_later(shown))
    _wiping.add(task)
    task.add_done_callback(_wiping.discard)


async def credit(message: Message, services: Services, said: Said) -> None:
    """/credit FP AMOUNT REASON: at once, and once for this message."""
    fp, digits, reason = said.words(3)
    amount, reason = said.amount(digits), said.reason(reason)
    check_in_time(message, services.clock)
    answered = await services.api_keys.credit(fp, amount, said.instruction(reason, render_adjusted))
    await message.reply(answered.body.decode())


async def cancel(message: Message, services: Services, said: Said) -> None:
    """/cancel N REASON: asks first."""
    word, reason = said.words(2)
    number = said.number(word)
    found = await services.queries.order(None, OrderId(number))
    if found is None:
        raise OrderNotFound
    wanted = Wanted(act=CANCEL, number=number, reason=said.reason(reason))
    keyboard = await _asked(services, said.actor, wanted, f"Cancel order {number}")
    lines = [*order_lines(found.order), f"Cancel it? Reason: {esc(reason)}"]
    await message.reply("\n".join(lines), reply_markup=keyboard)


async def credit_deposit(message: Message, services: Services, said: Said) -> None:
    """/credit_deposit N FP REASON: asks first."""
    word, fp, reason = said.words(3)
    wanted = Wanted(act=CREDIT, number=said.number(word), reason=said.reason(reason), to=fp)
    await ask_about_deposit(message, services, said.actor, wanted)


async def ask_about_deposit(message: Message, services: Services, actor: Actor, wanted: Wanted) -> None:
    """Show the deposit as it is now, and ask. Raises `DepositNotFound` and `DepositNotWaiting`."""
    record = await services.deposit_desk.waiting(DepositId(wanted.number))
    if wanted.act == APPLY:
        offer, question = f"Apply it to order {esc(wanted.to)}", f"order {esc(wanted.to)}"
    else:
        offer, question = f"Credit {record.deposit.amount} USDT", f"<code>{esc(wanted.to)}</code>"
    keyboard = await _asked(services, actor, wanted, offer)
    lines = [
        deposit_line(WaitingDeposit(record=record, candidate_fp=None)),
        f"All of it to {question}? Reason: {esc(wanted.reason)}",
    ]
    await message.reply("\n".join(lines), reply_markup=keyboard)


async def _asked(services: Services, actor: Actor, wanted: Wanted, offer: str) -> InlineKeyboardMarkup:
    return confirmation(await services.questions.ask(actor, wanted.pack()), offer)


async def _wipe_later(shown: Message) -> None:
    await asyncio.sleep(SHOWN_SECONDS)
    try:
        await shown.delete()
    except (AiogramError, TelegramTrouble) as trouble:
        log.warning("a minted key is still to be read in a chat", chat=shown.chat.id, trouble=str(trouble))
