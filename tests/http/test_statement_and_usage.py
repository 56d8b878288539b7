"""Statement, usage and the fate of a transfer, as clients ask for them."""

from __future__ import annotations

from tests.http.shop import NOW, open_world
from ytmarket.domain.times import epoch_seconds

START = epoch_seconds(NOW)
TOPUP = {"amount_usdt": 100, "network": "usdt_ton"}


async def test_the_statement_adds_up_to_the_balance() -> None:
    world = open_world()
    await world.product(1, "10")
    key = await world.rich("25")
    await world.work()
    async with world.client(key) as client:
        order = {"product_id": 1, "quantity": 1, "payment_method": "balance"}
        placed = (await client.post("/api/v1/orders", json=order)).json()
        statement = (await client.get("/api/v1/balance/transactions?page_size=10")).json()
        balance = (await client.get("/api/v1/balance")).json()
    assert [line["amount_usdt"] for line in statement["items"]] == [-10.0, 25.0]
    assert statement["items"][0]["kind"] == "order_charged"
    assert statement["items"][0]["order_id"] == placed["order_id"]
    assert statement["total"] == 2
    assert sum(line["amount_usdt"] for line in statement["items"]) == balance["balance_usdt"]


async def test_a_statement_shows_nobody_elses_transfers() -> None:
    world = open_world()
    await world.rich("25")
    other = await world.mint()
    async with world.client(other) as client:
        assert (await client.get("/api/v1/balance/transactions")).json()["items"] == []


async def test_usage_counts_every_accepted_request_before_it_is_written() -> None:
    world = open_world()
    key = await world.rich("25")
    async with world.client(key) as client:
        await client.get("/api/v1/health")
        await client.get("/api/v1/products")
        told = (await client.get("/api/v1/usage")).json()
        assert await world.services.usage.flush() == 1
        again = (await client.get("/api/v1/usage")).json()
    assert told == {
        "request_count": 3,
        "first_used_at": START,
        "last_used_at": START,
        "last_endpoint": "/api/v1/usage",
        "total_spent_usdt": 0.0,
        "total_refunded_usdt": 0.0,
    }
    assert again["request_count"] == 4


async def test_a_path_that_nobody_could_print_or_store_is_counted_all_the_same() -> None:
    world = open_world()
    async with world.client(await world.mint()) as client:
        assert (await client.get("/api/v1/a%00%1b%0a%C2%85z")).status_code == 404
        usage = world.services.usage
        (tally,) = usage._fresh.values()
        assert tally.last_endpoint == "/api/v1/a\ufffd\ufffd\ufffd\ufffdz"
        assert (await client.get("/api/v1/usage")).json()["request_count"] == 2


async def test_a_transfer_tells_what_became_of_it_and_its_candidate_to_the_owner_alone() -> None:
    world = open_world()
    key, stranger = await world.mint(), await world.mint()
    await world.work()
    async with world.client(key) as client:
        topup = (await client.post("/api/v1/balance/topup", json=TOPUP)).json()
        sent = {"network": "usdt_ton", "amount_usdt": 98}
        tx_hash = (await client.post("/api/devnet/transfers", json=sent)).json()["tx_hash"]
        await world.work()
        own = (await client.get("/api/v1/deposits", params={"tx": tx_hash})).json()["items"]
        none = (await client.get("/api/v1/deposits?tx=unknown")).json()
        wrong = await client.get("/api/v1/deposits")
    async with world.client(stranger) as client:
        theirs = (await client.get("/api/v1/deposits", params={"tx": tx_hash})).json()["items"]
    (found,) = own
    assert (found["status"], found["reason"]) == ("unmatched", "under")
    assert (found["candidate_topup_id"], found["distance_usdt"]) == (topup["topup_id"], 2.0)
    assert "candidate_topup_id" not in theirs[0]
    assert "distance_usdt" not in theirs[0]
    assert none == {"items": []}
    assert (wrong.status_code, wrong.json()["errors"][0]["pointer"]) == (422, "tx")
