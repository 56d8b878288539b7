"""Alarms reach every chat that can be reached, once, and nothing in them is taken for markup."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta

import pytest

from tests.http.shop import NOW
from tests.telegram.bot_api import TOKEN, garbles, refuses
from tests.telegram.conftest import ANN, BOB, GROUP, Desk
from ytmarket.adapters.telegram.alarm_chats import ChatTeller
from ytmarket.adapters.telegram.connection import TelegramTrouble, connect
from ytmarket.domain.alarms import Alarm, AlarmKind, RungAlarm
from ytmarket.domain.ids import AlarmId

RUNG = RungAlarm(
    id=AlarmId(1),
    alarm=Alarm(AlarmKind.WEBHOOK_EXHAUSTED, "evil.example<b>", "3 webhooks & <script> given up."),
    rung_at=NOW,
)
TOLD = "🔔 webhook exhausted: evil.example<b>, since 2026-05-23 12:00:00.\n3 webhooks & <script> given up."


@pytest.fixture
async def teller(desk: Desk) -> AsyncIterator[ChatTeller]:
    bot = connect(TOKEN, desk.api.url)
    yield ChatTeller(bot=bot, chats=frozenset({ANN, BOB, GROUP}))
    await bot.session._session.close()  # type: ignore[attr-defined] # see Desk.close


async def test_what_rings_and_what_is_over_is_told_to_every_chat(desk: Desk, teller: ChatTeller) -> None:
    alarms = desk.world.services.alarms
    await alarms.ring(RUNG.alarm)
    assert await alarms.tell_due(teller) == 1
    for chat in (ANN, BOB, GROUP):
        assert desk.api.texts(chat) == [TOLD]
    desk.world.clock.advance(timedelta(minutes=5))
    await alarms.end(RUNG.alarm.kind, RUNG.alarm.subject)
    await alarms.tell_due(teller)
    await alarms.tell_due(teller)
    over = "✅ webhook exhausted: evil.example<b>. It is over since 2026-05-23 12:05:00."
    for chat in (ANN, BOB, GROUP):
        assert desk.api.texts(chat) == [TOLD, over]


async def test_a_chat_that_cannot_be_reached_keeps_no_other_from_hearing(
    desk: Desk, teller: ChatTeller
) -> None:
    desk.api.blocked.add(ANN)
    del desk.api.chats[GROUP]
    await teller.tell(RUNG)
    assert (desk.api.texts(ANN), desk.api.texts(BOB)) == ([], [TOLD])


async def test_who_was_told_is_not_told_again_because_another_was_not(
    desk: Desk, teller: ChatTeller, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ytmarket.adapters.telegram.connection.WAITS", (0.01,))
    alarms = desk.world.services.alarms
    await alarms.ring(RUNG.alarm)
    # The group's id is least, so it is first in line: its two attempts and no others fail.
    one_at_a_time = ChatTeller(bot=teller.bot, chats=frozenset({GROUP}))
    desk.api.faults["sendMessage"].extend([garbles("", 502)] * 2)
    with pytest.raises(TelegramTrouble):
        await alarms.tell_due(one_at_a_time)
    one_at_a_time.chats = teller.chats
    desk.world.clock.advance(timedelta(minutes=2))
    desk.api.faults["sendMessage"].extend([refuses(500), refuses(500), refuses(500), refuses(500)])
    with pytest.raises(TelegramTrouble):
        await alarms.tell_due(one_at_a_time)
    desk.world.clock.advance(timedelta(minutes=2))
    assert await alarms.tell_due(one_at_a_time) == 1
    assert sorted(len(desk.api.texts(chat)) for chat in (ANN, BOB, GROUP)) == [1, 1, 1]


async def test_telling_waits_as_long_as_it_is_asked_to(desk: Desk, teller: ChatTeller) -> None:
    desk.api.faults["sendMessage"].append(refuses(429, "Too Many Requests", retry_after=1))
    await teller.tell(RUNG)
    assert [len(desk.api.texts(chat)) for chat in (ANN, BOB, GROUP)] == [1, 1, 1]
    desk.api.faults["sendMessage"].append(refuses(429, "Too Many Requests", retry_after=900))
    with pytest.raises(TelegramTrouble, match="wait 900 seconds"):
        await teller.tell(RUNG)


async def test_a_group_that_has_moved_is_told_where_it_is_now(desk: Desk, teller: ChatTeller) -> None:
    desk.api.chat(-1009)
    teller.chats = frozenset({GROUP})
    desk.api.faults["sendMessage"].append(refuses(400, "Bad Request: upgraded", migrate_to_chat_id=-1009))
    await teller.tell(RUNG)
    assert desk.api.texts(-1009) == [TOLD]


async def test_a_long_story_fits_into_a_message(desk: Desk, teller: ChatTeller) -> None:
    alarm = Alarm(AlarmKind.NETWORK_STOPPED, "<" * 3_000, "&<>" * 3_000)
    await teller.tell(RungAlarm(id=AlarmId(2), alarm=alarm, rung_at=NOW))
    assert len(desk.api.texts(ANN)) == 1
