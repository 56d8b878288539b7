"""The bot's buttons: what each carries, and the rows in which they stand."""

from __future__ import annotations

from collections.abc import Iterable

from aiogram.filters.callback_data import CallbackData
from aiogram.types import CopyTextButton, InlineKeyboardButton, InlineKeyboardMarkup

from ytmarket.application.api_keys import MintedKey
from ytmarket.application.deposit_desk import WaitingDeposit


class Confirm(CallbackData, prefix="yes"):
    """Yes, do what the question is about."""

    question: str


class Decline(CallbackData, prefix="no"):
    """Leave it."""

    question: str


class CreditDeposit(CallbackData, prefix="credit"):
    """Ask whether to credit a deposit to the key it was perhaps meant for."""

    deposit: int
    fp: str


class ApplyDeposit(CallbackData, prefix="apply"):
    """Ask whether to let a deposit pay the website order it was perhaps meant for."""

    deposit: int
    order: int


class Wipe(CallbackData, prefix="wipe"):
    """Delete the message under which it stands."""


def confirmation(question: str, act: str) -> InlineKeyboardMarkup:
    """Yes, in so many words, and no."""
    yes = InlineKeyboardButton(text=act, callback_data=Confirm(question=question).pack())
    no = InlineKeyboardButton(text="Leave it", callback_data=Decline(question=question).pack())
    return InlineKeyboardMarkup(inline_keyboard=[[yes, no]])


def deposit_buttons(waiting: Iterable[WaitingDeposit]) -> InlineKeyboardMarkup | None:
    """One for each deposit of which it is known whom it was perhaps meant for."""
    rows = [[button] for button in map(_deposit_button, waiting) if button is not None]
    return InlineKeyboardMarkup(inline_keyboard=rows) if rows else None


def _deposit_button(waiting: WaitingDeposit) -> InlineKeyboardButton | None:
    record = waiting.record
    if record.candidate_order_id is not None:
        data = ApplyDeposit(deposit=record.id, order=record.candidate_order_id).pack()
        text = f"Apply {record.id} to order {record.candidate_order_id}…"
        return InlineKeyboardButton(text=text, callback_data=data)
    if waiting.candidate_fp is not None:
        data = CreditDeposit(deposit=record.id, fp=waiting.candidate_fp).pack()
        text = f"Credit {record.id} to {waiting.candidate_fp}…"
        return InlineKeyboardButton(text=text, callback_data=data)
    return None


def minted_buttons(minted: MintedKey) -> InlineKeyboardMarkup:
    """Copy what is hidden, then have it deleted."""
    texts = {"Copy the key": minted.key, "Copy the secret": minted.secret}
    copying = [
        InlineKeyboardButton(text=name, copy_text=CopyTextButton(text=text))
        for name, text in texts.items()
        if text is not None
    ]
    wiping = InlineKeyboardButton(text="Kept: delete this message", callback_data=Wipe().pack())
    return InlineKeyboardMarkup(inline_keyboard=[copying, [wiping]])
