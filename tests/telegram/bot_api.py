"""A local server that speaks the Bot API over HTTP, as far as the bot goes, as strictly as the real one."""

from __future__ import annotations

import asyncio
import json
import re
from collections import defaultdict, deque
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from html import unescape
from html.parser import HTMLParser
from typing import Any

import attrs
from aiohttp import web

TOKEN = "7654321098:AAF-testtoken_abcdefghijklmnopqrstu"
BOT_ID = int(TOKEN.partition(":")[0])
BOT = {"id": BOT_ID, "is_bot": True, "first_name": "Shop", "username": "our_shop_bot"}
TAGS = {"b", "code", "tg-spoiler"}
CHARS_MAX = 4096
DATA_BYTES_MAX = 64


class Refusal(Exception):
    """An answer that is no."""

    def __init__(self, status: int, description: str, **parameters: int) -> None:
        super().__init__(description)
        self.status = status
        self.body = {"ok": False, "error_code": status, "description": description}
        if parameters:
            self.body["parameters"] = parameters


@attrs.define
class Fault:
    """What befalls the next call of a method: *late* ones after it has had its effect."""

    answer: Callable[[], web.Response]
    late: bool = False


def refuses(status: int, description: str = "refused", **parameters: int) -> Fault:
    refusal = Refusal(status, description, **parameters)
    return Fault(lambda: web.json_response(refusal.body, status=status))


def garbles(text: str | bytes, status: int = 200, *, late: bool = False) -> Fault:
    body = text.encode() if isinstance(text, str) else text
    return Fault(lambda: web.Response(body=body, status=status, content_type="text/html"), late=late)


class _Entities(HTMLParser):
    """Reads text as Telegram does: known tags, closed in their order, and no others."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=False)
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: object) -> None:
        if tag not in TAGS or attrs:
            raise Refusal(400, f"Bad Request: can't parse entities: Unsupported start tag {tag!r}")
        self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if not self.open or self.open.pop() != tag:
            raise Refusal(400, "Bad Request: can't parse entities: Unmatched end tag")


def read_html(text: str) -> str:
    """What people see of it."""
    if re.search(r"<(?![a-z/])", text) or re.search(r"&(?!(lt|gt|amp|quot|#\d+|#x[0-9a-f]+);)", text):
        raise Refusal(400, "Bad Request: can't parse entities")
    reader = _Entities()
    reader.feed(text)
    reader.close()
    if reader.open:
        raise Refusal(400, "Bad Request: can't parse entities: Can't find end tag")
    return unescape(re.sub(r"<[^>]*>", "", text))


@attrs.define(kw_only=True)
class Shown:
    """A message of the bot's as it stands in its chat."""

    id: int
    chat: int
    html: str
    text: str
    reply_to: int | None
    keyboard: list[list[dict[str, Any]]]
    deleted: bool = False

    @property
    def buttons(self) -> list[dict[str, Any]]:
        return [button for row in self.keyboard for button in row]

    def button(self, text: str) -> str:
        (data,) = [b["callback_data"] for b in self.buttons if b["text"].startswith(text)]
        return str(data)


@attrs.define
class BotApi:
    """One bot's conversations, its updates and its troubles."""

    url: str = ""
    now: Callable[[], datetime] = lambda: datetime.now(UTC)
    chats: dict[int, dict[str, Any]] = attrs.field(factory=dict)
    blocked: set[int] = attrs.field(factory=set)
    shown: list[Shown] = attrs.field(factory=list)
    notices: list[str] = attrs.field(factory=list)
    calls: list[tuple[str, dict[str, str]]] = attrs.field(factory=list)
    faults: dict[str, deque[Fault]] = attrs.field(factory=lambda: defaultdict(deque))
    pending: list[dict[str, Any]] = attrs.field(factory=list)
    conflicts: int = 0
    _messages: int = 0
    _updates: int = 900
    _queries: set[str] = attrs.field(factory=set)
    _polling: asyncio.Event | None = None
    _came: asyncio.Condition = attrs.field(factory=asyncio.Condition)

    # What people do

    def chat(self, number: int) -> dict[str, Any]:
        kind = "private" if number > 0 else "supergroup"
        return self.chats.setdefault(number, {"id": number, "type": kind, "title": "a chat"})

    async def push(self, **update: Any) -> dict[str, Any]:
        """Something happens that the bot is told of."""
        self._updates += 1
        whole = {"update_id": self._updates, **update}
        async with self._came:
            self.pending.append(whole)
            self._came.notify_all()
        return whole

    def message(self, text: str | None, user: int, chat: int | None = None, **more: Any) -> dict[str, Any]:
        self._messages += 1
        return {
            "message_id": self._messages,
            "date": int(self.now().timestamp()),
            "chat": self.chat(chat or user),
            "from": person(user),
            **({} if text is None else {"text": text}),
            **more,
        }

    async def says(self, text: str, user: int, chat: int | None = None, **more: Any) -> dict[str, Any]:
        return await self.push(message=self.message(text, user, chat, **more))

    async def presses(self, shown: Shown, data: str, user: int) -> dict[str, Any]:
        """Whoever sees a message can press its buttons, and forge what they carry."""
        query = f"query-{self._updates}"
        self._queries.add(query)
        pressed = {
            "id": query,
            "from": person(user),
            "chat_instance": "1",
            "data": data,
            "message": self._told(shown),
        }
        return await self.push(callback_query=pressed)

    @property
    def last(self) -> Shown:
        return self.shown[-1]

    def texts(self, chat: int) -> list[str]:
        return [shown.text for shown in self.shown if shown.chat == chat]

    # What the bot does

    async def answer(self, request: web.Request) -> web.Response:
        token, method = request.match_info["token"], request.match_info["method"]
        given = {name: str(value) for name, value in (await request.post()).items()}
        self.calls.append((method, given))
        fault = self.faults[method].popleft() if self.faults[method] else None
        if fault is not None and not fault.late:
            return fault.answer()
        try:
            result = await self._carry_out(token, method, given)
        except Refusal as refusal:
            return web.json_response(refusal.body, status=refusal.status)
        if fault is not None:
            return fault.answer()
        return web.json_response({"ok": True, "result": result})

    async def _carry_out(self, token: str, method: str, given: Mapping[str, str]) -> object:
        if token != TOKEN:
            raise Refusal(401, "Unauthorized")
        return await getattr(self, f"_{method}")(given)

    async def _getMe(self, _: Mapping[str, str]) -> object:  # noqa: N802 - the Bot API's name
        return BOT

    async def _setMyCommands(self, _: Mapping[str, str]) -> object:  # noqa: N802 - the Bot API's name
        return True

    async def _getUpdates(self, given: Mapping[str, str]) -> object:  # noqa: N802 - the Bot API's name
        """Whoever polls last is served; whoever polled before is sent away."""
        ended = asyncio.Event()
        before, self._polling = self._polling, ended
        if before is not None:
            before.set()
        try:
            async with self._came:
                self._came.notify_all()
                self._confirm(given)
                waiting = self._came.wait_for(lambda: bool(self.pending) or ended.is_set())
                try:
                    await asyncio.wait_for(waiting, max(0.001, float(given.get("timeout", 0))))
                except TimeoutError:
                    return []
                if ended.is_set():
                    self.conflicts += 1
                    raise Refusal(409, "Conflict: terminated by other getUpdates request")
                return self.pending[: int(given.get("limit", 100))]
        finally:
            if self._polling is ended:
                self._polling = None

    def _confirm(self, given: Mapping[str, str]) -> None:
        offset = int(given.get("offset", 0))
        kinds = json.loads(given.get("allowed_updates", "[]"))
        self.pending = [
            update
            for update in self.pending
            if update["update_id"] >= offset and (not kinds or not update.keys().isdisjoint(kinds))
        ]

    async def _sendMessage(self, given: Mapping[str, str]) -> object:  # noqa: N802 - the Bot API's name
        chat = int(given["chat_id"])
        if chat in self.blocked:
            raise Refusal(403, "Forbidden: bot was blocked by the user")
        if chat not in self.chats:
            raise Refusal(400, "Bad Request: chat not found")
        reply = json.loads(given.get("reply_parameters", "null"))
        self._messages += 1
        shown = Shown(
            id=self._messages,
            chat=chat,
            html=given["text"],
            text=_checked(given),
            reply_to=reply and reply["message_id"],
            keyboard=_keyboard(given),
        )
        self.shown.append(shown)
        return self._told(shown)

    async def _editMessageText(self, given: Mapping[str, str]) -> object:  # noqa: N802 - the Bot API's name
        shown = self._found(given)
        text, keyboard = _checked(given), _keyboard(given)
        if (shown.html, shown.keyboard) == (given["text"], keyboard):
            raise Refusal(400, "Bad Request: message is not modified")
        shown.html, shown.text, shown.keyboard = given["text"], text, keyboard
        return self._told(shown)

    async def _deleteMessage(self, given: Mapping[str, str]) -> object:  # noqa: N802 - the Bot API's name
        self._found(given).deleted = True
        return True

    async def _answerCallbackQuery(self, given: Mapping[str, str]) -> object:  # noqa: N802 - the Bot API's name
        if given["callback_query_id"] not in self._queries:
            raise Refusal(400, "Bad Request: query is too old and response timeout expired")
        self._queries.discard(given["callback_query_id"])
        if "text" in given:
            if len(given["text"]) > 200:
                raise Refusal(400, "Bad Request: MESSAGE_TOO_LONG")
            self.notices.append(given["text"])
        return True

    def _found(self, given: Mapping[str, str]) -> Shown:
        for shown in self.shown:
            if (shown.chat, shown.id) == (
                int(given["chat_id"]),
                int(given["message_id"]),
            ) and not shown.deleted:
                return shown
        raise Refusal(400, "Bad Request: message not found")

    def _told(self, shown: Shown) -> dict[str, Any]:
        told = {
            "message_id": shown.id,
            "date": int(self.now().timestamp()),
            "chat": self.chat(shown.chat),
            "from": BOT,
            "text": shown.text,
        }
        if shown.keyboard:
            told["reply_markup"] = {"inline_keyboard": shown.keyboard}
        return told


def person(number: int) -> dict[str, Any]:
    return {"id": number, "is_bot": False, "first_name": "<b>Ann & Co</b>", "username": f"user_{number}"}


def _checked(given: Mapping[str, str]) -> str:
    if given.get("parse_mode") != "HTML":
        raise Refusal(400, "Bad Request: no parse mode was asked for")
    text = read_html(given["text"])
    if not text.strip():
        raise Refusal(400, "Bad Request: message text is empty")
    if len(text) > CHARS_MAX:
        raise Refusal(400, "Bad Request: message is too long")
    return text


def _keyboard(given: Mapping[str, str]) -> list[list[dict[str, Any]]]:
    keyboard: list[list[dict[str, Any]]] = json.loads(given.get("reply_markup", "{}")).get(
        "inline_keyboard", []
    )
    for button in (button for row in keyboard for button in row):
        if not 1 <= len(button.get("callback_data", "-").encode()) <= DATA_BYTES_MAX:
            raise Refusal(400, "Bad Request: BUTTON_DATA_INVALID")
        if not 1 <= len(button.get("copy_text", {"text": "-"})["text"]) <= 256:
            raise Refusal(400, "Bad Request: BUTTON_COPY_TEXT_INVALID")
    return keyboard


@asynccontextmanager
async def serving(api: BotApi) -> AsyncIterator[BotApi]:
    """The API on a port of its own, until the block ends."""
    app = web.Application()
    app.router.add_post("/bot{token}/{method}", api.answer)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    host, port = runner.addresses[0][:2]
    api.url = f"http://{host}:{port}"
    try:
        yield api
    finally:
        await runner.cleanup()
