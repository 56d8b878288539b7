"""Deposits that their chain took back, through the operators' door, and what their customers then see."""

from typing import Any

import pytest

from tests.http.shop import World, open_world
from tests.http.test_admin_deposits import DEPOSITS, ONCE, arrives, balance, held, status_of, topup
from tests.http.test_admission import code_of
from ytmarket.application.audit import Actor
from ytmarket.application.instructions import Instruction
from ytmarket.application.website import Buy
from ytmarket.domain import chart
from ytmarket.domain.errors import DepositNotWaiting
from ytmarket.domain.ids import DepositId, ProductId
from ytmarket.domain.money import ZERO, Usdt
from ytmarket.domain.networks import Network

TRON = Network.TRON
WORD = {"reason": "its block is gone"}
ORDER = {"product_id": 1, "quantity": 1, "payment_method": "balance"}


def word() -> Instruction[Any]:
    return Instruction(actor=Actor("test"), reason="its block is gone")


def last(world: World) -> DepositId:
    return max(record.id for record in world.database._state.deposits.values())


async def test_a_credited_deposit_is_taken_back_once_and_its_customer_sees_it() -> None:
    world = open_world()
    await world.product(1, "30")
    ann = await world.mint()
    opened = await topup(world, ann, 100)
    await arrives(world, "100")
    async with world.client(ann) as client:
        assert (await client.post("/api/v1/orders", json=ORDER)).status_code == 200
    path = f"{DEPOSITS}/{last(world)}/orphan"
    async with world.operator() as operator:
        assert code_of(await operator.post(path, json=WORD)) == (422, "invalid_request")
        assert code_of(await operator.post(path, json={}, headers=ONCE)) == (422, "invalid_request")
        assert await balance(world, ann) == 70
        done = await operator.post(path, json=WORD, headers=ONCE)
        assert done.status_code == 200, done.text
        told = done.json()
        assert (told["status"], told["taken_usdt"], told["lost_usdt"]) == ("orphaned", 70.0, 30.0)
        again = await operator.post(path, json=WORD, headers=ONCE)
        assert (again.content, again.headers["idempotent-replayed"]) == (done.content, "true")
        twice = await operator.post(path, json=WORD, headers={"Idempotency-Key": "twice"})
        assert code_of(twice) == (409, "deposit_not_waiting")
        assert twice.json()["deposit_status"] == "orphaned"
        (row,) = (await operator.get(f"{DEPOSITS}?status=orphaned")).json()["items"]
        assert row["id"] == told["id"]
    async with world.client(ann) as client:
        (seen,) = (await client.get("/api/v1/deposits", params={"tx": told["tx_hash"]})).json()["items"]
        assert (seen["status"], seen["topup_id"]) == ("orphaned", opened["topup_id"])
        newest = (await client.get("/api/v1/balance/transactions")).json()["items"][0]
        assert (newest["kind"], newest["amount_usdt"], newest["reason"]) == (
            "deposit_orphaned",
            -70.0,
            WORD["reason"],
        )
        sums = (await client.get("/api/v1/balance")).json()
        assert sums["balance_usdt"] == sums["total_topup_usdt"] - sums["total_spent_usdt"] == 0
        assert code_of(await client.post("/api/v1/orders", json=ORDER)) == (409, "account_frozen")
    assert await status_of(world, ann, opened["topup_id"]) == "credited_auto"
    assert held(world, chart.wallet(TRON)) == ZERO
    assert held(world, chart.ADJUSTMENTS) == -Usdt.of(30)
    (entry, *_) = [row.entry for row in await world.services.queries.audit_rows(limit=1)]
    assert (entry.action, entry.target) == ("deposit.orphan", f"deposit:{told['id']}")
    assert {"taken_usdt": "70.0", "lost_usdt": "30.0", "frozen": "account:1"}.items() <= entry.details.items()


async def test_an_operator_lets_the_account_go_again() -> None:
    world = open_world()
    await world.product(1, "30")
    ann = await world.rich("50")
    await topup(world, ann, 100)
    await arrives(world, "100")
    await world.services.deposit_desk.orphan(last(world), word())
    assert await balance(world, ann) == 50
    assert await world.services.books.unfreeze(ann.record.fp, word())
    async with world.client(ann) as client:
        assert (await client.post("/api/v1/orders", json=ORDER)).status_code == 200


async def test_one_that_was_put_right_is_taken_from_who_has_it_now() -> None:
    world = open_world()
    ann, bob = await world.mint(), await world.mint()
    await topup(world, ann, 100)
    await arrives(world, "100")
    desk, number = world.services.deposit_desk, last(world)
    await desk.correct(number, bob.record.fp, word())
    done = (await desk.orphan(number, word())).fresh
    assert (done.taken, done.record.account_id) == (Usdt.of(100), bob.record.account_id)
    assert (await balance(world, ann), await balance(world, bob)) == (0, 0)
    assert not await world.services.books.unfreeze(ann.record.fp, word())
    assert await world.services.books.unfreeze(bob.record.fp, word())


async def test_an_unmatched_one_leaves_the_queue_and_a_returned_one_is_refused() -> None:
    world = open_world()
    await arrives(world, "98")
    desk, number = world.services.deposit_desk, last(world)
    done = (await desk.orphan(number, word())).fresh
    assert (done.taken, done.lost) == (ZERO, ZERO)
    assert held(world, chart.unmatched(TRON)) == held(world, chart.wallet(TRON)) == ZERO
    with pytest.raises(DepositNotWaiting):
        await desk.send_back(number, word())
    await arrives(world, "97")
    await desk.send_back(last(world), word())
    with pytest.raises(DepositNotWaiting) as refusal:
        await desk.orphan(last(world), word())
    assert refusal.value.deposit_status == "returned"


async def test_what_paid_a_website_order_is_lost_whole_and_the_order_can_be_called_off() -> None:
    world = open_world()
    await world.product(1, "30")
    buy = Buy(product_id=ProductId(1), quantity=1, network=TRON)
    await world.work()
    order = (await world.services.website.open(buy, word())).fresh.order
    await arrives(world, "7")
    number = last(world)
    await world.services.website.apply(number, order.id, word())
    done = (await world.services.deposit_desk.orphan(number, word())).fresh
    assert (done.taken, done.lost) == (ZERO, Usdt.of(7))
    assert (done.record.order_id, held(world, chart.wallet(TRON))) == (order.id, ZERO)
    assert held(world, chart.ESCROW) == Usdt.of(7)
    await world.services.fulfilment.cancel(order.id, word())
    await world.services.fulfilment.refund_due()
    assert held(world, chart.REFUNDS_PAYABLE) == -held(world, chart.ADJUSTMENTS) == Usdt.of(7)
