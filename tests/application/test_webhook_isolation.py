"""One slow receiver holds nobody else up."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import timedelta
from typing import NoReturn

import attrs

from tests.http.shop import World, open_world
from ytmarket.adapters.inmemory.leadership import InMemoryLeadership
from ytmarket.application.errors import Unavailable
from ytmarket.application.webhooks import WebhookService
from ytmarket.domain.webhooks import Delivery
from ytmarket.entrypoints.loops import Worker
from ytmarket.entrypoints.settings import Settings


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


async def test_an_alarm_tells_nothing_of_a_url_but_its_host() -> None:
    world = open_world()
    await world.product(1, "10", units=1)
    world.sender.script.append(404)
    await _order(world, "https://hooks.example?token=secret-of-the-receiver", 1)
    await world.services.webhooks.deliver_due()
    await world.services.alarms.look()
    (ringing,) = await world.services.queries.alarms()
    assert ringing.alarm.subject == "hooks.example"
    assert "secret" not in ringing.alarm.detail


@attrs.define
class HeldSender:
    """A sender whose receivers answer once they are let."""

    asked: asyncio.Event = attrs.field(factory=asyncio.Event)
    answering: asyncio.Event = attrs.field(factory=asyncio.Event)
    sent: list[str] = attrs.field(factory=list)

    async def post(self, url: str, body: bytes, headers: Mapping[str, str]) -> int | None:  # noqa: ARG002 - the port's shape
        self.sent.append(url)
        self.asked.set()
        await self.answering.wait()
        return 204


def _away() -> NoReturn:
    raise Unavailable("the database")


async def _landed(webhooks: WebhookService) -> None:
    """Until none is in the air any more."""
    async with asyncio.timeout(30):
        await asyncio.gather(*webhooks._flying, return_exceptions=True)


def _deliveries(world: World) -> set[Delivery]:
    return {row.delivery for row in world.database._state.events.values()}


async def test_troubles_of_our_own_with_many_events_keep_no_other_waiting() -> None:
    world = open_world()
    await world.product(1, "10", units=60)
    webhooks = world.services.webhooks
    sender = webhooks.sender = HeldSender()
    worker = Worker(world.services, [], Settings(), InMemoryLeadership())
    for number in range(10):
        await _order(world, f"https://r{number}.example/hook", 1)
    assert await worker.webhooks.step()
    database, webhooks.new_unit_of_work = webhooks.new_unit_of_work, _away
    sender.answering.set()
    await _landed(webhooks)
    webhooks.new_unit_of_work = database
    await _order(world, "https://healthy.example/hook", 1)
    assert await worker.webhooks.step(), "no step is lost to what befell events before"
    await _landed(webhooks)
    assert sender.sent[-1] == "https://healthy.example/hook"
    assert webhooks.told_troubles() == [], "each is told once"


async def test_a_process_that_ends_waits_for_those_it_has_sent() -> None:
    world = open_world()
    await world.product(1, "10", units=60)
    webhooks = world.services.webhooks
    sender = webhooks.sender = HeldSender()
    await _order(world, "https://slow.example/hook", 3)
    await webhooks.launch_due()
    closing = asyncio.create_task(webhooks.close())
    async with asyncio.timeout(30):
        await sender.asked.wait()
    assert not closing.done()
    sender.answering.set()
    await closing
    assert _deliveries(world) == {Delivery.DELIVERED}


async def test_a_process_that_ends_does_not_wait_for_ever() -> None:
    world = open_world()
    await world.product(1, "10", units=60)
    webhooks = world.services.webhooks
    webhooks.sender = HeldSender()
    await webhooks.close()
    await _order(world, "https://dead.example/hook", 3)
    await webhooks.launch_due()
    await webhooks.close(within=timedelta(0))
    assert not webhooks._flying
    assert _deliveries(world) == {Delivery.PENDING}
