"""What operators ask, and what they do with one command."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest

from tests.http.shop import NOW
from tests.telegram.bot_api import read_html
from tests.telegram.conftest import ANN, BOB, GROUP, Desk
from tests.telegram.waiting import until
from ytmarket.adapters.telegram.handlers.table import COMMANDS
from ytmarket.adapters.telegram.usage import USAGE
from ytmarket.application.audit import Actor
from ytmarket.domain.alarms import Alarm, AlarmKind
from ytmarket.domain.networks import Network


async def test_help_names_every_command_and_each_of_them_is_known(desk: Desk) -> None:
    (told,) = await desk.told("/help")
    assert await desk.told("/start") == [told]
    named = {line.split()[0].removeprefix("/") for line in told.splitlines()[1:]}
    assert named == set(COMMANDS) - {"start"} == {usage.split()[0][1:] for usage, _ in USAGE}


async def test_what_is_no_command_is_told_so(desk: Desk) -> None:
    for text in ("hello", "/nonsense", "/creditx", "api_audit"):
        assert await desk.told(text) == ["I know no such command; /help lists them."]
    assert await desk.acts() == []


async def test_the_last_fifty_acts_are_shown_newest_first_and_harmless(desk: Desk) -> None:
    for number in range(60):
        await desk.world.services.api_keys.mint(f"<b>&{number}" + "x" * 190, Actor("cli:<root>"))
    told = await desk.told("/api_audit")
    numbers = re.findall(r"^(\d+) 2026-05-23 12:00:00 cli:<root> api_key.mint", "\n".join(told), re.MULTILINE)
    newest = (await desk.world.services.audit.latest(1))[0].number
    assert [int(number) for number in numbers] == list(range(newest, newest - 50, -1))
    assert len(told) > 1  # more than one message takes
    assert "<b>&59" in told[0]


async def test_keys_are_shown_with_balances_and_pages(desk: Desk) -> None:
    rich = await desk.world.rich("12.5")
    (told,) = await desk.told("/keys")
    assert f"{rich.record.fp} Ann: 12.5 USDT, used never" in told
    assert rich.key not in told
    assert await desk.told("/keys 2") == ["1 keys, page 2 of 1"]
    assert await desk.told("/keys x") == ["That is not how it is said: /keys [PAGE]."]


async def test_status_tells_what_waits_and_how_the_networks_fare(desk: Desk) -> None:
    services = desk.world.services
    await services.scan.watch([desk.world.devnet.reader(network) for network in Network])
    await desk.unmatched("7")
    await desk.order(await desk.world.rich())
    desk.world.clock.advance(timedelta(seconds=90))
    async with services.scan.new_unit_of_work() as uow:
        ton = desk.world.devnet.reader(Network.TON)
        await uow.networks.note_trouble(ton.network, ton.wallet, "a <node> & its trouble", NOW, stopped=True)
        await uow.commit()
    (told,) = await desk.told("/status")
    lines = told.splitlines()
    assert lines[0] == "✅ No alarm rings."
    assert "orders processing: 1, the first for 90 s" in lines
    assert "unmatched deposits: 1, the first for 90 s" in lines
    assert "usdt_ton: 90 s behind, stopped; a <node> & its trouble" in lines
    assert "usdt_trc_20: 90 s behind" in lines
    assert lines[-1] == "2026-05-23 12:01:30 UTC"


async def test_status_tells_what_rings(desk: Desk) -> None:
    await desk.world.services.alarms.ring(Alarm(AlarmKind.BOOKS_UNBALANCED, "account:<1>", "a & b"))
    assert (await desk.told("/status"))[0].startswith("🔔 books_unbalanced account:<1>: a & b\n")


async def test_an_order_is_shown_without_what_was_delivered(desk: Desk) -> None:
    rich = await desk.world.rich()
    number = await desk.order(rich, webhook_url="https://client.example/hook")
    await desk.world.work()
    (told,) = await desk.told(f"/order {number}")
    assert f"Order {number} (api)" in told
    assert "completed" in told
    assert "webhook delivered, 1 attempts, answered 200" in told
    assert "login" not in told
    assert await desk.told("/order 99") == ["You have no order with this id."]
    for text in ("/order", "/order x", "/order 0", "/order -1", "/order 1 2", f"/order {'9' * 40}"):
        assert await desk.told(text) == ["That is not how it is said: /order N."]


async def test_a_website_order_is_shown_with_where_it_is_paid(desk: Desk) -> None:
    wanted = {"product_id": 7, "quantity": 1, "network": "usdt_ton"}
    async with desk.world.operator() as operator:
        order = (await operator.post("/api/admin/website-orders", json=wanted)).json()
    (told,) = await desk.told(f"/website {order['order_id']}")
    assert f"to be paid on usdt_ton to {order['payment_address']}" in told
    assert "awaiting_payment" in told
    rich = await desk.world.rich()
    assert "no order" in (await desk.told(f"/website {await desk.order(rich)}"))[0]


async def test_a_minted_key_is_hidden_copied_and_deleted(desk: Desk) -> None:
    (told,) = await desk.told("/mint Bob's <shop> & co")
    shown = desk.api.last
    key, secret = re.findall(r"yt[ms]_\w+", told)
    assert re.findall(r"<tg-spoiler>(.*?)</tg-spoiler>", shown.html) == [key, secret]
    assert [button["copy_text"]["text"] for button in shown.buttons[:2]] == [key, secret]
    assert "Bob's <shop> & co" in told
    async with desk.world.client(key) as client:
        assert (await client.get("/api/v1/products")).status_code == 200
    await desk.pressed("Kept")
    assert shown.deleted
    ((actor, action),) = await desk.acts()
    assert (actor, action) == (f"telegram:{ANN}", "api_key.mint")


async def test_a_minted_key_that_nobody_deletes_is_deleted(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ytmarket.adapters.telegram.handlers.acting.SHOWN_SECONDS", 0.05)
    await desk.told("/mint Bob")
    await until(lambda: desk.api.last.deleted)


async def test_a_group_is_shown_no_key(desk: Desk) -> None:
    assert await desk.told("/mint Bob", chat=GROUP) == [
        "A key is shown to one person only: write to me privately."
    ]
    assert await desk.told("/mint") == ["That is not how it is said: /mint NAME."]
    assert await desk.acts() == []


async def test_a_key_is_credited_and_debited(desk: Desk) -> None:
    minted = await desk.world.mint()
    fp = minted.record.fp
    assert await desk.told(f"/credit {fp} 25.5 a gift\nfor <you> & me") == [
        f"25.5 USDT for {fp}; the balance is 25.5 USDT."
    ]
    assert (await desk.rows())[0].entry.details["reason"] == "a gift for <you> & me"
    assert await desk.told(f"/Credit@our_shop_bot {fp} -5 it was 20") == [
        f"-5.0 USDT for {fp}; the balance is 20.5 USDT."
    ]
    (refused,) = await desk.told(f"/credit {fp} -20.500001 too much")
    assert "balance" in refused
    assert await desk.balance(minted) == "20.5"
    assert await desk.told("/credit 000000000000 1 whose") == ["There is no key with this fingerprint."]
    assert await desk.acts() == [(f"telegram:{ANN}", "api_key.credit")] * 2


@pytest.mark.parametrize(
    "words",
    ["", "FP", "FP 5", "FP x why", "FP 1e9 why", "FP 1_0 why", "FP 0.0000001 why", "FP 9999999999999 why",
     "FP \u0665 why"],
)  # fmt: skip
async def test_what_is_said_wrongly_moves_nothing(desk: Desk, words: str) -> None:
    minted = await desk.world.mint()
    told = await desk.told(f"/credit {words}".replace("FP", minted.record.fp))
    assert told == ["That is not how it is said: /credit FP AMOUNT REASON."]
    assert (await desk.balance(minted), await desk.acts()) == ("0.0", [])


async def test_what_is_too_long_says_how_long_it_may_be(desk: Desk) -> None:
    fp, long = (await desk.world.mint()).record.fp, "w" * 501
    number = await desk.order(await desk.world.rich())
    deposit = (await desk.unmatched("7")).id
    for text in (
        f"/credit {fp} 5 {long}",
        f"/cancel {number} {long}",
        f"/credit_deposit {deposit} {fp} {long}",
    ):
        assert await desk.told(text) == ["reason must have at most 500 characters"]
    assert await desk.told(f"/mint {long}") == ["label must have at most 200 characters"]
    assert await desk.acts() == []


@pytest.mark.parametrize("chat", [None, GROUP])
async def test_a_command_under_a_picture_is_none_that_is_known(desk: Desk, chat: int | None) -> None:
    picture = {"file_id": "a", "file_unique_id": "b", "width": 1, "height": 1}
    message = desk.api.message(None, ANN, chat, caption="/nosuch", photo=[picture])
    await desk.api.push(message=message)
    await desk.bot.step()
    assert [shown.text for shown in desk.api.shown] == ["I know no such command; /help lists them."]


async def test_what_reaches_the_bot_late_is_not_done(desk: Desk) -> None:
    minted = await desk.world.mint()
    for text in (f"/credit {minted.record.fp} 5 a gift", "/mint Bob"):
        await desk.api.says(text, ANN)
        desk.world.clock.advance(timedelta(minutes=5, seconds=1))
        await desk.bot.step()
        assert desk.api.last.text.startswith("This reached me too late to act on it")
    assert (await desk.balance(minted), await desk.acts()) == ("0.0", [])


async def test_operators_are_told_apart(desk: Desk) -> None:
    minted = await desk.world.mint()
    await desk.told(f"/credit {minted.record.fp} 5 a gift", user=BOB, chat=GROUP)
    assert await desk.acts() == [(f"telegram:{BOB}", "api_key.credit")]
    assert desk.api.last.chat == GROUP


def test_texts_are_what_people_see() -> None:
    """The server reads HTML as strictly as the real one does, or all of this would prove nothing."""
    for broken in ("<b>", "a < b", "a & b", "<i>x</i>", "</b>", "<b><code></b></code>"):
        with pytest.raises(Exception, match="parse entities"):
            read_html(broken)
    assert read_html("<b>a</b> &lt;b&gt; &amp;") == "a <b> &"
