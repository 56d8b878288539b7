"""A webhook that is not taken is sent again, later each time, and given up after the fifth attempt."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from contextlib import suppress
from datetime import timedelta
from itertools import pairwise
from typing import NoReturn

import pytest

from tests.http.shop import World, open_world
from ytmarket.application.errors import Unavailable
from ytmarket.application.ports.vault import VaultError
from ytmarket.application.webhooks import LEASE
from ytmarket.domain.webhooks import Delivery

SECOND = timedelta(seconds=1)
WAITS = [5, 30, 120, 600]
TIMED_OUT = None  # what a sender answers when nobody else does


async def ordered(answers: Iterable[int | None]) -> World:
    """A shop with one order whose receiver answers like this, and then 200 to everything."""
    world = open_world()
    await world.product(1, "10")
    world.sender.script.extend(answers)
    order = {"product_id": 1, "quantity": 1, "payment_method": "balance", "webhook_url": "https://a.example/"}
    async with world.client(await world.rich()) as client:
        assert (await client.post("/api/v1/orders", json=order)).status_code == 200
    return world


async def attempts(world: World, seconds: int) -> list[int]:
    """At which seconds from now something was sent, by workers that look every second."""
    found = []
    for second in range(seconds):
        if await world.services.webhooks.deliver_due():
            found.append(second)
        world.clock.advance(SECOND)
    return found


def told(world: World) -> list[tuple[str, str]]:
    """Every post as its event's id and status."""
    return [(sent.headers["X-Webhook-Id"], json.loads(sent.body)["status"]) for sent in world.sender.sent]


def deliveries(world: World) -> list[tuple[Delivery, int]]:
    return [(row.delivery, row.attempts) for row in world.database._state.events.values()]


@pytest.mark.parametrize("answer", [TIMED_OUT, 500, 503, 408, 429])
async def test_five_failures_are_the_end_of_it(answer: int | None) -> None:
    world = await ordered([answer] * 5)
    times = await attempts(world, 1_200)
    assert len(times) == 5
    waits = [later - earlier for earlier, later in pairwise(times)]
    for wait, least in zip(waits, WAITS, strict=True):
        # Chance adds a fifth at most, and the workers look once a second.
        assert least <= wait <= least * 1.2 + 1
    assert len(set(told(world))) == 1, "an attempt is the same event each time"
    assert deliveries(world) == [(Delivery.EXHAUSTED, 5)]
    world.clock.advance(timedelta(days=1))
    assert await attempts(world, 60) == []
    assert world.services.webhooks.settled == {"retried": 4, "exhausted": 1}


async def test_an_attempt_whose_record_is_lost_is_one_of_the_five() -> None:
    world = await ordered([])
    webhooks = world.services.webhooks
    database, sent = webhooks.new_unit_of_work, world.sender.sent

    def away() -> NoReturn:
        raise Unavailable("the database")

    class LosingSender:
        async def post(self, url: str, body: bytes, headers: Mapping[str, str]) -> int | None:
            if len(sent) % 2 == 0:
                webhooks.new_unit_of_work = away
            await world.sender.post(url, body, headers)
            return 503

    webhooks.sender = LosingSender()
    for _ in range(1_500):
        with suppress(Unavailable):
            await webhooks.deliver_due()
        webhooks.new_unit_of_work = database
        world.clock.advance(SECOND)
    assert len(sent) == 5
    assert deliveries(world) == [(Delivery.EXHAUSTED, 5)]


async def test_trouble_of_our_own_before_anything_is_sent_is_none_of_the_five(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    world = await ordered([503] * 5)
    webhooks = world.services.webhooks

    def troubled(*_: object) -> NoReturn:
        raise Unavailable("the database")

    with monkeypatch.context() as patched:
        patched.setattr(webhooks, "render", troubled)
        for _ in range(7):
            with pytest.raises(Unavailable):
                await webhooks.deliver_due()
            assert await webhooks.deliver_due() == 0, "it is tried again when its claim has ended"
            world.clock.advance(LEASE)
    assert world.sender.sent == []
    assert deliveries(world) == [(Delivery.PENDING, 0)]
    await attempts(world, 1_200)
    assert len(world.sender.sent) == 5
    assert deliveries(world) == [(Delivery.EXHAUSTED, 5)]


async def test_an_attempt_that_cannot_be_given_back_is_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    world = await ordered([])
    webhooks = world.services.webhooks
    database = webhooks.new_unit_of_work

    def troubled(*_: object) -> NoReturn:
        webhooks.new_unit_of_work = away
        raise VaultError("no key opens it")

    def away() -> NoReturn:
        raise Unavailable("the database")

    with monkeypatch.context() as patched:
        patched.setattr(webhooks, "render", troubled)
        with pytest.raises(VaultError):
            await webhooks.deliver_due()
    webhooks.new_unit_of_work = database
    world.clock.advance(LEASE)
    await attempts(world, 1)
    assert deliveries(world) == [(Delivery.DELIVERED, 2)]


@pytest.mark.parametrize("failures", [1, 2, 3, 4])
async def test_a_receiver_that_comes_back_is_told_then_and_no_more(failures: int) -> None:
    world = await ordered([TIMED_OUT, 500, TIMED_OUT, 502][:failures])
    assert len(await attempts(world, 1_200)) == failures + 1
    assert deliveries(world) == [(Delivery.DELIVERED, failures + 1)]


async def test_the_next_event_of_an_order_waits_for_the_end_of_the_one_before() -> None:
    world = await ordered([TIMED_OUT] * 5)
    await world.services.fulfilment.fulfil_due()
    await attempts(world, 600)
    assert [status for _, status in told(world)] == ["processing"] * 4
    await attempts(world, 600)
    assert [status for _, status in told(world)] == ["processing"] * 5 + ["completed"]
    assert sorted(deliveries(world)) == [(Delivery.DELIVERED, 1), (Delivery.EXHAUSTED, 5)]
