"""Orders over HTTP: every refusal with what it takes to go on, every ending as a client sees it."""

import asyncio
import json
from datetime import timedelta
from typing import Any

import httpx2
import pytest

from tests.http.shop import NOW, World, open_world
from tests.http.test_admission import code_of
from ytmarket.application.audit import Actor
from ytmarket.application.ports.supplier import CannotDeliver, DeliveredSome, NotYet
from ytmarket.domain.ids import ProductId
from ytmarket.domain.times import epoch_seconds

ORDER: dict[str, Any] = {
    "product_id": 1,
    "quantity": 3,
    "payment_method": "balance",
    "webhook_url": "https://your.app/cb",
}


async def shop_and_buyer(amount: str = "100") -> tuple[World, httpx2.AsyncClient]:
    world = open_world()
    await world.product(1, "8", units=5, min_quantity=2)
    return world, world.client(await world.rich(amount))


async def place(client: httpx2.AsyncClient, **changes: object) -> httpx2.Response:
    return await client.post("/api/v1/orders", json=ORDER | changes)


async def test_refusals_of_an_order() -> None:
    _, client = await shop_and_buyer("20")
    missing = await place(client, product_id=2)
    assert code_of(missing) == (404, "product_not_found")
    few = await place(client, quantity=1)
    assert code_of(few) == (400, "below_minimum")
    assert few.json()["min_quantity"] == 2
    many = await place(client, quantity=6)
    assert code_of(many) == (409, "insufficient_stock")
    assert many.json()["available"] == 5
    dear = await place(client, max_price_usdt=23.99)
    assert code_of(dear) == (409, "price_changed")
    assert b'"price_usdt":24.0' in dear.content
    poor = await place(client, max_price_usdt="24.00")
    assert code_of(poor) == (402, "insufficient_balance")
    told = poor.json()
    assert (told["balance_usdt"], told["required_usdt"], told["shortfall_usdt"]) == (20.0, 24.0, 4.0)
    assert told["topup_path"] == "/api/v1/balance/topup"
    assert (await client.get("/api/v1/orders")).json()["total"] == 0


async def test_equal_amounts_cost_one_percent_more() -> None:
    world, client = await shop_and_buyer()
    await world.product(2, "8", units=5)
    prices = [(await place(client, product_id=2, quantity=2)).json() for _ in range(2)]
    assert [(told["price_usdt"], told["raw_data"]) for told in prices] == [
        (16.0, {"dp_hits": 0}),
        (16.16, {"dp_hits": 1}),
    ]


@pytest.mark.parametrize(
    ("answer", "status", "delivered", "refunded"),
    [
        (CannotDeliver("no such account"), "failed", None, 24.0),
        (DeliveredSome(1, "one was all"), "partial", 1, 16.0),
    ],
)
async def test_what_is_not_delivered_is_refunded(
    answer: CannotDeliver | DeliveredSome, status: str, delivered: int | None, refunded: float
) -> None:
    world, client = await shop_and_buyer()
    world.supplier.answer = answer
    number = (await place(client)).json()["order_id"]
    await world.services.fulfilment.fulfil_due()
    before = (await client.get(f"/api/v1/orders/{number}")).json()
    assert (before["status"], before["refunded"], before["refunded_usdt"]) == (status, False, 0.0)
    assert before["error_message"] == answer.message
    await world.services.fulfilment.refund_due()
    after = (await client.get(f"/api/v1/orders/{number}")).json()
    assert (after["status"], after["refunded"], after["refunded_usdt"]) == (status, True, refunded)
    assert ("items" in after) is (delivered is not None)
    assert delivered is None or len(after["items"]) == delivered
    balance = (await client.get("/api/v1/balance")).json()
    assert balance == {
        "balance_usdt": 76.0 + refunded,
        "total_spent_usdt": 24.0 - refunded,
        "total_topup_usdt": 100.0,
        "total_refunded_usdt": refunded,
        "currency": "USDT",
    }


async def test_the_webhook_after_a_refund_says_refunded() -> None:
    world, client = await shop_and_buyer()
    world.supplier.answer = CannotDeliver("no such account")
    number = (await place(client)).json()["order_id"]
    world.clock.advance(timedelta(seconds=30))
    for _ in range(3):
        await world.work()
        world.clock.advance(timedelta(seconds=30))
    told = [json.loads(sent.body) for sent in world.sender.sent]
    failed, refunded = told[-2:]
    assert (failed["status"], failed["refunded"], failed["refunded_usdt"]) == ("failed", False, 0.0)
    assert (refunded["status"], refunded["refunded"], refunded["refunded_usdt"]) == ("refunded", True, 24.0)
    for body in (failed, refunded):
        assert (body["order_id"], body["product_id"], body["items"]) == (number, 1, [])
        assert body["error_message"] == "no such account"
        assert body["fired_at"] == epoch_seconds(NOW) + 30
    assert b'"refunded_usdt":24.0,' in world.sender.sent[-1].body


async def test_items_come_back_as_they_were_put_in() -> None:
    world, client = await shop_and_buyer()
    odd = '{"login":"ю@x","n":1.50,"big":123456789012345678901234567890,"l":[{"a":null}]}'.encode()
    await world.product(2, "8", units=0)
    await world.services.catalog.add_stock(ProductId(2), [odd], Actor("test"))
    number = (await place(client, product_id=2, quantity=1)).json()["order_id"]
    await world.work()
    delivered = await client.get(f"/api/v1/orders/{number}")
    assert b'"items":[' + odd + b"]," in delivered.content


async def test_an_order_is_its_owners_alone() -> None:
    world, client = await shop_and_buyer()
    number = (await place(client)).json()["order_id"]
    async with world.client(await world.rich("99")) as other:
        assert code_of(await other.get(f"/api/v1/orders/{number}")) == (404, "order_not_found")
        assert (await other.get("/api/v1/orders")).json()["items"] == []
    for absent in ("0", "x", "9" * 40, "-1", f"{number}.0", "%00"):
        assert code_of(await client.get(f"/api/v1/orders/{absent}")) == (404, "order_not_found")


async def test_an_order_that_is_not_delivered_in_time_expires() -> None:
    world, client = await shop_and_buyer()
    world.supplier.answer = NotYet()
    number = (await place(client)).json()["order_id"]
    world.clock.advance(timedelta(minutes=10))
    await world.work()
    told = (await client.get(f"/api/v1/orders/{number}")).json()
    assert (told["status"], told["refunded"]) == ("expired", True)
    assert told["updated_at"] == told["created_at"] + 600


async def test_one_balance_and_many_buyers_at_once() -> None:
    world = open_world(limit=1_000)
    await world.product(1, "10", units=50)
    async with world.client(await world.rich("100")) as client:
        answers = await asyncio.gather(*(place(client, quantity=1, webhook_url=None) for _ in range(30)))
    placed = [answer.json()["price_usdt"] for answer in answers if answer.status_code == 200]
    assert sum(placed) <= 100
    assert {code_of(answer)[0] for answer in answers if answer.status_code != 200} == {402}
    assert len(placed) == len(set(placed)) == 9  # 10.00, 10.10, 10.20, …: nine fit into 100


async def test_the_newest_come_first() -> None:
    world, client = await shop_and_buyer()
    numbers = []
    for _ in range(2):
        numbers.append((await place(client, quantity=2)).json()["order_id"])
        world.clock.advance(timedelta(seconds=1))
    told = (await client.get("/api/v1/orders?page_size=1")).json()
    assert ([item["order_id"] for item in told["items"]], told["total"]) == (numbers[-1:], 2)
