"""Acts that are asked about first: done once, by whom was asked, in time, in whichever process."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import attrs
import pytest

from tests.telegram.bot_api import Shown
from tests.telegram.conftest import ANN, BOB, GROUP, Desk
from ytmarket.application.api_keys import MintedKey
from ytmarket.application.questions import OPEN_FOR
from ytmarket.domain.ids import OrderId


@attrs.frozen(kw_only=True)
class Question:
    """The bot has asked whether to cancel an order that a customer has paid 10 USDT for."""

    desk: Desk
    customer: MintedKey
    number: int
    shown: Shown

    async def status(self) -> str:
        found = await self.desk.world.services.queries.order(None, OrderId(self.number))
        assert found is not None
        return found.order.status.value

    async def cancellations(self) -> int:
        return (await self.desk.acts()).count((f"telegram:{ANN}", "order.cancel"))


async def asked(desk: Desk, chat: int = ANN) -> Question:
    customer = await desk.world.rich("100")
    number = await desk.order(customer)
    (told,) = await desk.told(f"/cancel {number} she asked <for> it", chat=chat)
    assert f"Order {number} (api)" in told
    assert told.endswith("Cancel it? Reason: she asked <for> it")
    return Question(desk=desk, customer=customer, number=number, shown=desk.api.last)


async def test_nothing_happens_before_it_is_confirmed(desk: Desk) -> None:
    question = await asked(desk)
    assert (await question.status(), await question.cancellations()) == ("processing", 0)
    await desk.pressed("Cancel order")
    assert question.shown.text == f"Order {question.number} is cancelled; 10.0 USDT will be given back."
    assert question.shown.buttons == []
    assert (await question.status(), await question.cancellations()) == ("cancelled", 1)
    assert (await desk.rows())[0].entry.details["reason"] == "she asked <for> it"
    await desk.world.work()
    assert await desk.balance(question.customer) == "100.0"


async def test_left_as_it_is_it_stays_so(desk: Desk) -> None:
    question = await asked(desk)
    yes, no = (question.shown.button(text) for text in ("Cancel order", "Leave it"))
    for data in (no, yes, no):
        await desk.api.presses(question.shown, data, ANN)
        await desk.bot.step()
        assert question.shown.text == "Left as it is."
    assert (await question.status(), await question.cancellations()) == ("processing", 0)


async def test_pressed_twice_it_happens_once_and_is_told_twice(desk: Desk) -> None:
    question = await asked(desk)
    data = question.shown.button("Cancel order")
    for _ in range(3):
        await desk.api.presses(question.shown, data, ANN)
    await desk.bot.step()
    assert question.shown.text.endswith("10.0 USDT will be given back.")
    assert await question.cancellations() == 1
    # Each press is told that it was heard.
    assert [method for method, _ in desk.api.calls].count("answerCallbackQuery") == 3
    assert (desk.api.notices, desk.logged) == ([], [])


async def test_a_press_that_is_heard_late_is_carried_out_and_no_trouble(desk: Desk) -> None:
    question = await asked(desk)
    await desk.api.presses(question.shown, question.shown.button("Cancel order"), ANN)
    desk.api._queries.clear()
    await desk.bot.step()
    assert (await question.cancellations(), desk.logged) == (1, [])


async def test_delivered_again_to_other_processes_it_happens_once(desk: Desk) -> None:
    question = await asked(desk)
    update = await desk.api.presses(question.shown, question.shown.button("Cancel order"), ANN)
    bots = [desk.bot, *(desk.another() for _ in range(3))]
    await asyncio.gather(*(bot._take(update) for bot in bots))
    assert question.shown.text.endswith("10.0 USDT will be given back.")
    assert await question.cancellations() == 1


async def test_a_question_outlives_a_restart(desk: Desk) -> None:
    question = await asked(desk)
    desk.restart()
    await desk.pressed("Cancel order")
    assert await question.cancellations() == 1


async def test_a_question_is_open_for_five_minutes(desk: Desk) -> None:
    question = await asked(desk)
    desk.world.clock.advance(OPEN_FOR)
    for text in ("Cancel order", "Leave it"):
        await desk.pressed(text, question.shown)
        assert desk.api.notices.pop().startswith("This question is no longer open")
    assert await question.cancellations() == 0
    second = await asked(desk)
    desk.world.clock.advance(OPEN_FOR - timedelta(seconds=1))
    await desk.pressed("Cancel order", second.shown)
    assert (await second.status(), await question.cancellations()) == ("cancelled", 1)


async def test_only_who_was_asked_can_answer(desk: Desk) -> None:
    question = await asked(desk, chat=GROUP)
    for text in ("Cancel order", "Leave it"):
        await desk.pressed(text, user=BOB)
        assert desk.api.notices.pop() == "Only who was asked can answer this."
    assert (await question.cancellations(), await desk.acts()) == (0, [])
    await desk.pressed("Cancel order")
    assert await question.cancellations() == 1


async def test_a_forged_button_does_nothing(desk: Desk) -> None:
    question = await asked(desk)
    for data in ("yes:" + "x" * 22, "yes:", "yes:a:b", "no:", "credit:x:y", "", "cancel:1", "wipe:1"):
        await desk.api.presses(question.shown, data, ANN)
    await desk.bot.step()
    assert (await question.status(), await desk.acts()) == ("processing", [])
    assert len(desk.api.notices) == 8


async def test_what_was_overtaken_is_refused_and_not_asked_again(desk: Desk) -> None:
    question = await asked(desk)
    await desk.world.work()  # delivered meanwhile
    await desk.pressed("Cancel order")
    assert "completed" in question.shown.text
    assert question.shown.buttons == []
    assert (await question.status(), await question.cancellations()) == ("completed", 0)


async def test_an_unmatched_deposit_is_credited_by_its_button(desk: Desk) -> None:
    minted = await desk.world.mint()
    fp = minted.record.fp
    async with desk.world.client(minted) as client:
        await client.post("/api/v1/balance/topup", json={"amount_usdt": 50, "network": "usdt_ton"})
    record = await desk.unmatched("48.5")
    (told,) = await desk.told("/deposits")
    assert f"{record.id} 2026" in told
    assert f"48.5 on usdt_ton, under, tx {record.deposit.tx_hash}; perhaps for {fp}, off by 1.5" in told
    listed = desk.api.last
    await desk.pressed(f"Credit {record.id} to {fp}", listed)
    await desk.pressed(f"Credit {record.id} to {fp}", listed)
    first, second = desk.api.shown[-2:]
    assert (await desk.balance(minted), await desk.acts()) == ("0.0", [])
    await desk.pressed("Credit 48.5 USDT", first)
    assert first.text.startswith(f"Deposit {record.id}, 48.5 USDT, is credited_manual; top-up ")
    await desk.pressed("Credit 48.5 USDT", second)
    assert "credited_manual" in second.text
    assert await desk.balance(minted) == "48.5"
    assert await desk.acts() == [(f"telegram:{ANN}", "deposit.credit")]
    await desk.pressed(f"Credit {record.id} to {fp}", listed)
    assert len(desk.api.notices) == 1
    assert await desk.told("/deposits") == ["0 unmatched deposits, page 1 of 1"]


async def test_a_deposit_that_nobody_awaited_is_credited_by_name(desk: Desk) -> None:
    minted = await desk.world.mint()
    record = await desk.unmatched("7")
    await desk.told("/deposits")
    assert desk.api.last.buttons == []
    await desk.told(f"/credit_deposit {record.id} {minted.record.fp} she sent the hash")
    await desk.pressed("Credit 7.0 USDT")
    assert await desk.balance(minted) == "7.0"
    assert (await desk.rows())[0].entry.details["reason"] == "she sent the hash"
    assert "credited_manual" in (await desk.told(f"/credit_deposit {record.id} {minted.record.fp} again"))[0]
    assert await desk.told("/credit_deposit 99 x y") == ["There is no deposit with this id."]


async def test_a_deposit_pays_the_website_order_that_it_was_meant_for(desk: Desk) -> None:
    wanted = {"product_id": 7, "quantity": 1, "network": "usdt_ton"}
    async with desk.world.operator() as operator:
        order = (await operator.post("/api/admin/website-orders", json=wanted)).json()["order_id"]
    record = await desk.unmatched("9")
    await desk.told("/deposits")
    await desk.pressed(f"Apply {record.id} to order {order}")
    await desk.pressed(f"Apply it to order {order}")
    assert desk.api.last.text == f"Deposit {record.id}, 9.0 USDT, is applied; order {order} is paid."
    assert (f"telegram:{ANN}", "deposit.apply") in await desk.acts()


@pytest.mark.parametrize("text", ["/cancel", "/cancel 1", "/cancel x why"])
async def test_a_cancellation_is_said_in_one_way(desk: Desk, text: str) -> None:
    rich = await desk.world.rich()
    await desk.order(rich)
    assert await desk.told(text) == ["That is not how it is said: /cancel N REASON."]
