"""Commands that change nothing."""

from __future__ import annotations

from typing import Any, Final

from aiogram.types import Message

from ytmarket.adapters.telegram.buttons import deposit_buttons
from ytmarket.adapters.telegram.texts import (
    audit_line,
    deposit_line,
    help_text,
    key_line,
    messages,
    order_lines,
    status_lines,
    website_lines,
)
from ytmarket.adapters.telegram.words import Said
from ytmarket.application.ports.queries import Listing, Paging
from ytmarket.application.services import Services
from ytmarket.domain.deposits import DepositStatus
from ytmarket.domain.errors import OrderNotFound
from ytmarket.domain.ids import OrderId

AUDIT_ROWS: Final = 50
KEYS_A_PAGE: Final = 50
DEPOSITS_A_PAGE: Final = 10


async def tell_help(message: Message) -> None:
    """/help and /start."""
    await message.reply(help_text())


async def tell_status(message: Message, services: Services) -> None:
    """/status: what rings, how far each network is read, what waits."""
    for text in messages(status_lines(await services.watching.state())):
        await message.reply(text)


async def tell_audit(message: Message, services: Services) -> None:
    """/api_audit: the last 50, newest first."""
    rows = await services.audit.latest(AUDIT_ROWS)
    for text in messages([audit_line(row) for row in rows] or ["Nobody has done anything yet."]):
        await message.reply(text)


async def tell_keys(message: Message, services: Services, said: Said) -> None:
    """/keys, by age."""
    found = await services.queries.key_summaries(Paging(page=said.page(), page_size=KEYS_A_PAGE))
    for text in messages([_heading(found, "keys"), *map(key_line, found.rows)]):
        await message.reply(text)


async def tell_deposits(message: Message, services: Services, said: Said) -> None:
    """/deposits: unmatched ones, newest first, with buttons for those of which we know whose they may be."""
    paging = Paging(page=said.page(), page_size=DEPOSITS_A_PAGE)
    found = await services.deposit_desk.listing(DepositStatus.UNMATCHED, paging)
    texts = list(messages([_heading(found, "unmatched deposits"), *map(deposit_line, found.rows)]))
    for text in texts[:-1]:
        await message.reply(text)
    await message.reply(texts[-1], reply_markup=deposit_buttons(found.rows))


async def tell_order(message: Message, services: Services, said: Said) -> None:
    """/order N: everybody's."""
    (word,) = said.words(1)
    number = OrderId(said.number(word))
    found = await services.queries.order(None, number)
    if found is None:
        raise OrderNotFound
    for text in messages(order_lines(found.order, await services.queries.events(number))):
        await message.reply(text)


async def tell_website_order(message: Message, services: Services, said: Said) -> None:
    """/website N: without what was delivered."""
    (word,) = said.words(1)
    found = await services.website.find(OrderId(said.number(word)))
    for text in messages(website_lines(found)):
        await message.reply(text)


def _heading(found: Listing[Any], things: str) -> str:
    pages = max(1, -(-found.total // found.paging.page_size))
    return f"<b>{found.total} {things}</b>, page {found.paging.page} of {pages}"
