"""One slow receiver holds nobody else up."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

import attrs

from tests.http.shop import World, open_world


@attrs.define
class StuckSender:
    """A sender whose receivers answer at once, but for one that never does."""

    stuck: str
    sent: list[str] = attrs.field(factory=list)
    hanging: int = 0

    async def post(self, url: str, body: bytes, headers: Mapping[str, str]) -> int | None:  # noqa: ARG002 - the port's shape
        if self.stuck in url:
            self.hanging += 1
            await asyncio.Event().wait()
        self.sent.append(url)
        return 204


async def _order(world: World, url: str, count: int) -> None:
    key = await world.rich("500")
    async with world.client(key) as client:
        for _ in range(count):
            order = {"product_id": 1, "quantity": 1, "payment_method": "balance", "webhook_url": url}
            assert (await client.post("/api/v1/orders", json=order)).status_code == 200


async def test_a_dead_receiver_takes_no_more_than_its_share_and_delays_nobody() -> None:
    world = open_world()
    await world.product(1, "10", units=60)
    webhooks = world.services.webhooks
    sender = webhooks.sender = StuckSender("dead.example")
    await _order(world, "https://dead.example/hook", 30)
    await _order(world, "https://alive.example/hook", 5)
    for _ in range(20):
        await webhooks.launch_due(limit=20)
        await asyncio.sleep(0)
    for _ in range(100):
        if len(sender.sent) == 5:
            break
        await asyncio.sleep(0.01)
    assert sender.sent == ["https://alive.example/hook"] * 5
    assert 8 <= sender.hanging <= 16
