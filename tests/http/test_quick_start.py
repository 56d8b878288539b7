"""The seven steps of the quick start, from a key to a delivered order and a webhook."""

import json

from tests.http.shop import NOW, open_world
from ytmarket.domain.times import epoch_seconds

START = epoch_seconds(NOW)


async def test_from_a_key_to_delivered_items() -> None:
    world = open_world()
    await world.product(12345, "1.20", units=20)
    key = await world.mint()
    await world.work()  # readers start at the head of their chain
    async with world.client(key) as client:
        health = await client.get("/api/v1/health")
        assert (health.status_code, health.json()) == (200, {"status": "ok", "timestamp": START})

        products = (await client.get("/api/v1/products?min_qty=10&max_price=2")).json()
        assert products == {
            "items": [
                {
                    "id": 12345,
                    "sku": "sku-12345",
                    "title": "Product 12345",
                    "category": "mail",
                    "price_usdt": 1.2,
                    "min_quantity": 7,  # 600 roubles at 96 roubles each
                    "available": 20,
                }
            ],
            "page": 1,
            "page_size": 50,
            "total": 1,
        }

        topup = await client.post(
            "/api/v1/balance/topup", json={"amount_usdt": 100, "network": "usdt_trc_20"}
        )
        assert topup.status_code == 200
        told = topup.json()
        assert told == {
            "topup_id": told["topup_id"],
            "status": "pending",
            "payment_address": "devnet-tron",
            "payment_network": "usdt_trc_20",
            "amount_usdt": 100.0,
            "requested_amount_usdt": 100.0,
            "created_at": START,
            "expires_at": START + 3600,
            "network_delayed": False,
        }
        assert b'"amount_usdt":100.0,' in topup.content

        sent = await client.post("/api/devnet/transfers", json={"network": "usdt_trc_20", "amount_usdt": 100})
        assert set(sent.json()) == {"tx_hash"}
        await world.work()
        status = (await client.get(f"/api/v1/balance/topup/{told['topup_id']}")).json()
        assert (status["status"], status["network_delayed"]) == ("credited_auto", False)
        assert (await client.get("/api/v1/balance")).content == (
            b'{"balance_usdt":100.0,"total_spent_usdt":0.0,"total_topup_usdt":100.0,'
            b'"total_refunded_usdt":0.0,"currency":"USDT"}'
        )

        placed = await client.post(
            "/api/v1/orders",
            json={
                "product_id": 12345,
                "quantity": 10,
                "payment_method": "balance",
                "webhook_url": "https://your.app/api-cb",
            },
        )
        assert placed.status_code == 200
        order = placed.json()
        number = order["order_id"]
        assert order == {
            "order_id": number,
            "status": "processing",
            "product_id": 12345,
            "quantity": 10,
            "price_usdt": 12.0,
            "refunded": False,
            "refunded_usdt": 0.0,
            "error_message": None,
            "raw_data": {"dp_hits": 0},
            "created_at": START,
            "updated_at": START,
        }

        await world.work()
        delivered = (await client.get(f"/api/v1/orders/{number}")).json()
        assert delivered["status"] == "completed"
        assert delivered["items"] == [{"login": f"12345-{unit}"} for unit in range(10)]
        assert (await client.get("/api/v1/orders")).json() == {
            "items": [order | {"status": "completed"}],
            "page": 1,
            "page_size": 50,
            "total": 1,
        }
    await world.services.webhooks.deliver_due()
    told_last = world.sender.sent[-1]
    assert told_last.url == "https://your.app/api-cb"
    assert json.loads(told_last.body) == {
        "order_id": number,
        "status": "completed",
        "price_usdt": 12.0,
        "quantity": 10,
        "product_id": 12345,
        "items": delivered["items"],
        "error_message": None,
        "refunded": False,
        "refunded_usdt": 0.0,
        "fired_at": START,
    }
