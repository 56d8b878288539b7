"""An event is told as it was when it happened, however late its webhook goes out."""

from __future__ import annotations

import json

from tests.http.shop import open_world


async def test_a_late_webhook_shows_no_contents_from_after_its_event() -> None:
    world = open_world()
    await world.product(1, "10", units=2)
    async with world.client(await world.rich()) as client:
        order = {"product_id": 1, "quantity": 1, "payment_method": "balance"}
        hooked = order | {"webhook_url": "https://client.example/hook"}
        assert (await client.post("/api/v1/orders", json=hooked)).status_code == 200
    await world.services.fulfilment.fulfil_due()
    while await world.services.webhooks.deliver_due():
        pass
    bodies = [json.loads(sent.body) for sent in world.sender.sent]
    assert [(body["status"], len(body["items"])) for body in bodies] == [("processing", 0), ("completed", 1)]
