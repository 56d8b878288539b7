"""Whoever is not listed meets silence, and is written down once an hour."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tests.telegram.bot_api import person
from tests.telegram.conftest import ANN, GROUP, STRANGER, Desk
from ytmarket.adapters.telegram.gate import STRANGERS_PER_HOUR_MAX

OTHER_GROUP = -2002


async def test_a_stranger_meets_silence_and_leaves_one_row_an_hour(desk: Desk) -> None:
    for _ in range(3):
        for text in ("/status", "/mint me", "/credit x 1 y", "hello"):
            assert await desk.told(text, user=STRANGER) == []
    (row,) = await desk.rows()
    assert (row.entry.actor, row.entry.action) == (f"telegram:{STRANGER}", "telegram.turned_away")
    assert (row.entry.target, dict(row.entry.details)) == (
        f"chat:{STRANGER}",
        {"said": "/status", "username": f"user_{STRANGER}"},
    )
    desk.restart()
    await desk.told("/status", user=STRANGER)
    assert len(await desk.rows()) == 1
    desk.world.clock.advance(timedelta(hours=1))
    assert await desk.told("my password is hunter2", user=STRANGER) == []
    assert dict((await desk.rows())[0].entry.details)["said"] == "a message"
    assert len(await desk.rows()) == 2
    assert "sendMessage" not in {method for method, _ in desk.api.calls}


async def test_many_strangers_do_not_flood_the_trail(desk: Desk) -> None:
    for number in range(1_000, 1_000 + STRANGERS_PER_HOUR_MAX + 20):
        await desk.api.says("/start", number)
    while desk.api.pending:
        await desk.bot.step()
        await desk.bot.step()
    assert len(await desk.rows()) == STRANGERS_PER_HOUR_MAX
    desk.world.clock.advance(timedelta(hours=1))
    await desk.told("/start", user=999)
    assert len(await desk.rows()) == STRANGERS_PER_HOUR_MAX + 1


async def test_a_stranger_presses_in_vain(desk: Desk) -> None:
    rich = await desk.world.rich()
    number = await desk.order(rich)
    await desk.told(f"/cancel {number} why", chat=GROUP)
    await desk.pressed("Cancel order", user=STRANGER)
    assert await desk.acts() == [(f"telegram:{STRANGER}", "telegram.turned_away")]
    assert "answerCallbackQuery" not in {method for method, _ in desk.api.calls}
    assert desk.api.last.buttons != []


async def test_in_a_listed_group_only_listed_people_are_heard(desk: Desk) -> None:
    assert await desk.told("just talking", user=STRANGER, chat=GROUP) == []
    assert await desk.rows() == []
    assert await desk.told("/status", user=STRANGER, chat=GROUP) == []
    assert await desk.told("just talking", chat=GROUP) == []
    assert await desk.told("/status@another_bot", chat=GROUP) == []
    assert len(await desk.rows()) == 1
    assert "No alarm rings" in (await desk.told("/status", chat=GROUP))[0]
    assert "No alarm rings" in (await desk.told("/status@our_shop_bot", chat=GROUP))[0]


async def test_an_operator_is_not_heard_in_a_group_that_is_not_listed(desk: Desk) -> None:
    assert await desk.told("/status", chat=OTHER_GROUP) == []
    assert [row.entry.target for row in await desk.rows()] == [f"chat:{OTHER_GROUP}"]


async def test_nobody_in_particular_is_not_heard(desk: Desk) -> None:
    channel = {"id": GROUP, "type": "supergroup", "title": "unnamed administrator"}
    assert await desk.told("/status", chat=GROUP, more={"sender_chat": channel}) == []
    bot = person(ANN) | {"is_bot": True}
    assert await desk.told("/status", more={"from": bot}) == []
    assert [row.entry.actor for row in await desk.rows()] == [f"telegram:{ANN}", "telegram:nobody"]


@pytest.mark.parametrize(
    "more",
    [
        {"forward_origin": {"type": "hidden_user", "date": 1, "sender_user_name": "x"}},
        {"via_bot": person(7) | {"is_bot": True}},
    ],
)
async def test_a_forwarded_command_is_not_carried_out(desk: Desk, more: dict[str, object]) -> None:
    minted = await desk.world.mint()
    told = await desk.told(f"/credit {minted.record.fp} 5 why", more=more)
    assert told == ["A forwarded message is nobody's command: type it."]
    assert (await desk.balance(minted), await desk.acts()) == ("0.0", [])


async def test_what_is_no_message_is_passed_over(desk: Desk) -> None:
    """Some kinds are not asked for; they may still come, if they happened before the bot was started."""
    minted = await desk.world.mint()
    said = desk.api.message(f"/credit {minted.record.fp} 5 why", ANN)
    channel = {**said, "chat": {"id": GROUP, "type": "channel", "title": "c"}}
    inline = {"id": "1", "from": person(ANN), "query": "/status", "offset": ""}
    pressed = {
        "id": "2",
        "from": person(ANN),
        "chat_instance": "1",
        "data": "yes:x",
        "inline_message_id": "3",
    }
    for update in (
        {"edited_message": said},
        {"channel_post": channel},
        {"edited_channel_post": channel},
        {"inline_query": inline},
        {"callback_query": pressed},
    ):
        await desk.bot._take({"update_id": 1, **update})
    assert desk.api.shown == []
    assert (await desk.balance(minted), await desk.rows()) == ("0.0", [])
    await desk.api.push(edited_message=said)
    await desk.bot.step()
    assert desk.api.pending == []


async def test_what_an_operator_edits_is_not_done_again(desk: Desk) -> None:
    minted = await desk.world.mint()
    update = await desk.api.says(f"/credit {minted.record.fp} 5 why", ANN)
    await desk.bot.step()
    changed = {**update["message"], "text": f"/credit {minted.record.fp} 50 why"}
    await desk.api.push(edited_message=changed)
    await desk.bot.step()
    await desk.bot._take({"update_id": 5_000, "message": changed})
    assert await desk.balance(minted) == "5.0"
