"""No message is lost and none is obeyed twice: not across crashes, garbage, or another who reads as well."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import attrs
import pytest

from tests.telegram.bot_api import garbles, refuses
from tests.telegram.conftest import ANN, BOB, Desk
from tests.telegram.waiting import until
from ytmarket.adapters.telegram.connection import TelegramTrouble
from ytmarket.application.errors import OutcomeUnknown, Unavailable
from ytmarket.application.ports.unit_of_work import NewUnitOfWork, UnitOfWork


async def gifts(desk: Desk, fp: str, count: int) -> None:
    for number in range(count):
        await desk.api.says(f"/credit {fp} 1 gift {number}", ANN)


async def test_many_messages_are_seen_to_in_their_order(desk: Desk) -> None:
    minted = await desk.world.mint()
    await gifts(desk, minted.record.fp, 5)
    await desk.bot.step()
    assert [text.partition("balance is ")[2] for text in desk.api.texts(ANN)] == [
        f"{number}.0 USDT." for number in range(1, 6)
    ]


async def test_what_was_not_confirmed_is_delivered_again_and_not_done_again(desk: Desk) -> None:
    minted = await desk.world.mint()
    await gifts(desk, minted.record.fp, 3)
    await desk.bot.step()
    assert len(desk.api.pending) == 3  # confirmed by the next question only
    desk.restart()
    await desk.bot.step()
    assert await desk.balance(minted) == "3.0"
    # The same answers as at first.
    assert desk.api.texts(ANN)[3:] == desk.api.texts(ANN)[:3]
    await desk.bot.leave()
    assert desk.api.pending == []


async def test_a_crash_between_act_and_answer_loses_no_answer(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ytmarket.adapters.telegram.connection.WAITS", (0.01,) * 4)
    minted = await desk.world.mint()
    await gifts(desk, minted.record.fp, 1)
    desk.api.faults["sendMessage"].extend([garbles("", 502)] * 5)
    with pytest.raises(TelegramTrouble):
        await desk.bot.step()
    assert (await desk.balance(minted), desk.api.texts(ANN)) == ("1.0", [])
    desk.restart()
    await desk.bot.step()
    assert await desk.balance(minted) == "1.0"
    assert desk.api.texts(ANN) == [f"1.0 USDT for {minted.record.fp}; the balance is 1.0 USDT."]


async def test_a_key_whose_answer_was_lost_is_not_minted_again(desk: Desk) -> None:
    update = await desk.api.says("/mint Bob", ANN)
    await desk.bot.step()
    first = desk.api.last
    for bot in (desk.another(), desk.bot):
        await bot._take(update)
    assert [action for _, action in await desk.acts()] == ["api_key.mint"]
    assert desk.api.last.text.startswith("This was done before: key ")
    assert "ytm_" in first.text
    assert "ytm_" not in desk.api.last.text
    fp = (await desk.rows())[0].entry.target.removeprefix("key:")
    assert f"ytmarket keys replace {fp}" in desk.api.last.text


async def test_two_processes_at_once_act_once(desk: Desk) -> None:
    minted = await desk.world.mint()
    await gifts(desk, minted.record.fp, 4)
    updates = list(desk.api.pending)
    bots = [desk.another() for _ in range(4)]
    await asyncio.gather(*(bot._take(update) for bot in bots for update in updates))
    assert await desk.balance(minted) == "4.0"
    assert len(await desk.acts()) == 4
    assert len(desk.api.texts(ANN)) == 16


async def test_the_same_words_in_another_message_are_another_act(desk: Desk) -> None:
    minted = await desk.world.mint()
    for user in (ANN, ANN, BOB):
        await desk.told(f"/credit {minted.record.fp} 1 a gift", user=user)
    assert await desk.balance(minted) == "3.0"


async def test_what_cannot_be_read_is_passed_over(desk: Desk) -> None:
    minted = await desk.world.mint()
    await desk.api.push(message={"message_id": "?", "chat": []})
    await desk.api.push(message=7)
    await gifts(desk, minted.record.fp, 1)
    await desk.bot.step()
    assert await desk.balance(minted) == "1.0"
    assert len(desk.api.texts(ANN)) == 1


async def test_a_number_that_starts_anew_after_a_quiet_week_is_heard(desk: Desk) -> None:
    minted = await desk.world.mint()
    await gifts(desk, minted.record.fp, 1)
    await desk.bot.step()
    await desk.bot.step()
    desk.api._updates = 10
    await gifts(desk, minted.record.fp, 1)
    await desk.bot.step()
    assert await desk.balance(minted) == "2.0"


async def test_another_reader_is_noticed_and_named(desk: Desk) -> None:
    desk.bot.poll_seconds = 20
    first = asyncio.create_task(desk.bot.step())
    await until(lambda: desk.api._polling)
    other = desk.another()
    other.poll_seconds = 20
    second = asyncio.create_task(other.step())
    with pytest.raises(TelegramTrouble, match="another program reads this bot's messages"):
        await first
    await desk.api.says("/help", ANN)
    await second
    assert len(desk.api.texts(ANN)) == 1


@pytest.mark.parametrize(
    ("fault", "told"),
    [
        (refuses(401, "Unauthorized"), "refuses the token"),
        (refuses(404, "Not Found"), "refuses the token"),
        (garbles("<html>The address /bot{token}/getUpdates was not found</html>", 404), "ClientDecodeError"),
        (garbles("[]"), "ClientDecodeError"),
        (garbles(b"\xff\xfe{"), "UnicodeDecodeError"),
        (garbles('{"ok": true, "result": {"a": 1}}'), "ClientDecodeError"),
        (garbles('{"ok": false}', 500), "TypeError"),
        (refuses(500, "Internal Server Error"), "TelegramServerError"),
        (refuses(502, "Bad Gateway: restart"), "RestartingTelegram"),
        (refuses(429, "Too Many Requests", retry_after=600), "wait 600 seconds"),
    ],
)
async def test_trouble_while_reading_is_told_and_loses_nothing(desk: Desk, fault: object, told: str) -> None:
    await desk.api.says("/help", ANN)
    desk.api.faults["getUpdates"].append(fault)  # type: ignore[arg-type] # a Fault
    with pytest.raises(TelegramTrouble, match=told):
        await desk.bot.step()
    await desk.bot.step()
    assert len(desk.api.texts(ANN)) == 1


async def test_no_trouble_tells_the_token(desk: Desk) -> None:
    secret = desk.bot.bot.token
    page = json.dumps({"ok": False, "description": f"/bot{secret}/getUpdates"})
    for fault in (garbles(page, 500), garbles(f"<p>/bot{secret}", 502), garbles(page[:-1], 200)):
        desk.api.faults["getUpdates"].append(fault)
        with pytest.raises(TelegramTrouble) as told:
            await desk.bot.step()
        assert secret not in f"{told.value}{told.value!r}"
        assert (told.value.__cause__, told.value.__suppress_context__) == (None, True)


async def test_a_server_that_is_not_there_is_told_without_its_address(desk: Desk) -> None:
    desk.api.url = "http://127.0.0.1:1"
    with pytest.raises(TelegramTrouble, match="TelegramNetworkError"):
        await desk.another().step()


async def test_an_answer_waits_as_long_as_it_is_asked_to(desk: Desk) -> None:
    desk.api.faults["sendMessage"].append(refuses(429, "Too Many Requests: retry after 1", retry_after=1))
    loop = asyncio.get_running_loop()
    start = loop.time()
    assert len(await desk.told("/help")) == 1
    assert loop.time() - start >= 1


async def test_an_answer_that_nobody_takes_is_given_up_and_blocks_nobody(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ytmarket.adapters.telegram.connection.WAITS", (0.01,) * 4)
    minted = await desk.world.mint()
    await gifts(desk, minted.record.fp, 1)
    desk.api.faults["sendMessage"].extend([garbles("", 502)] * 15)
    for _ in range(2):
        with pytest.raises(TelegramTrouble):
            await desk.bot.step()
    await desk.bot.step()
    assert len(await desk.told("/help", user=BOB)) == 1
    assert await desk.balance(minted) == "1.0"


async def test_who_has_blocked_the_bot_keeps_nobody_from_being_heard(desk: Desk) -> None:
    desk.api.blocked.add(ANN)
    minted = await desk.world.mint()
    await gifts(desk, minted.record.fp, 1)
    await desk.api.says("/help", BOB)
    await desk.bot.step()
    assert (await desk.balance(minted), len(desk.api.texts(BOB))) == ("1.0", 1)


@attrs.define
class BrokenStore:
    """A store whose first units of work come to grief: before they begin, or *late*, after their commit."""

    new_unit_of_work: NewUnitOfWork
    trouble: type[Exception]
    left: int
    late: bool = False

    @asynccontextmanager
    async def __call__(self) -> AsyncIterator[UnitOfWork]:
        if not self.late:
            self._fail()
        async with self.new_unit_of_work() as uow:
            yield uow
        if self.late:
            self._fail()

    def _fail(self) -> None:
        if self.left:
            self.left -= 1
            raise self.trouble


def breaks(desk: Desk, trouble: type[Exception], times: int, *, late: bool = False) -> BrokenStore:
    services = desk.world.services
    store = BrokenStore(services.api_keys.new_unit_of_work, trouble, times, late)
    keys = attrs.evolve(services.api_keys, new_unit_of_work=store)
    desk.bot.services = attrs.evolve(services, api_keys=keys)
    return store


@pytest.mark.parametrize("trouble", [Unavailable, OutcomeUnknown])
async def test_a_database_that_is_away_for_a_moment_is_waited_for(
    desk: Desk, trouble: type[Exception]
) -> None:
    minted = await desk.world.mint()
    store = breaks(desk, trouble, 2, late=trouble is OutcomeUnknown)
    (told,) = await desk.told(f"/credit {minted.record.fp} 5 why")
    assert told.endswith("the balance is 5.0 USDT.")
    assert (await desk.balance(minted), store.left) == ("5.0", 0)


async def test_a_database_that_stays_away_is_told_of(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ytmarket.adapters.telegram.operator_bot.WAITS", (0.01,) * 4)
    minted = await desk.world.mint()
    breaks(desk, Unavailable, 5)
    (told,) = await desk.told(f"/credit {minted.record.fp} 5 why")
    assert told.startswith("The shop's database does not answer")
    assert await desk.balance(minted) == "0.0"
    assert len(await desk.told("/help")) == 1


async def test_a_mistake_of_ours_is_told_and_blocks_nobody(desk: Desk) -> None:
    minted = await desk.world.mint()
    breaks(desk, KeyError, 1)
    (told,) = await desk.told(f"/credit {minted.record.fp} 5 why")
    assert told.startswith("This went wrong, and the server's log says why")
    (logged,) = desk.logged
    assert (logged["event"], logged["exc_info"]) == ("a message to the bot could not be seen to", True)
    assert len(await desk.told("/help")) == 1
