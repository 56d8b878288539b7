"""Alarms follow from the state of the shop, end with what caused them, and are told once."""

import json
from collections.abc import Callable
from datetime import timedelta

import attrs
import pytest

from tests.http.shop import NOW, World, open_world
from ytmarket.application.alarms import LAG_MAX
from ytmarket.application.audit import Actor
from ytmarket.application.instructions import Instruction
from ytmarket.application.ports.devnet import DevnetTransfer
from ytmarket.domain.alarms import Alarm, AlarmKind, RungAlarm
from ytmarket.domain.deposits import DepositRecord
from ytmarket.domain.ids import DepositId, EventId, OrderId
from ytmarket.domain.money import Usdt
from ytmarket.domain.networks import Network

pytestmark = pytest.mark.anyio
WORD: Instruction[DepositRecord] = Instruction(actor=Actor("test"), reason="why")
STOPPED = Alarm(AlarmKind.NETWORK_STOPPED, "usdt_ton", "Its nodes disagree.")


@pytest.fixture
async def world() -> World:
    return await watched(open_world())


async def watched(world: World) -> World:
    """The networks with a wallet are read, as far as they go."""
    wallets = world.services.alarms.networks
    await world.services.scan.watch([world.devnet.reader(network) for network in wallets])
    return world


@attrs.define
class Pager:
    """An operator's pager, which may be out of reach for some alarms."""

    heard: list[RungAlarm] = attrs.field(factory=list)
    is_deaf_to: Callable[[RungAlarm], bool] = lambda _: False

    async def tell(self, rung: RungAlarm) -> None:
        if self.is_deaf_to(rung):
            raise ConnectionError("out of reach")
        self.heard.append(rung)


async def ringing(world: World) -> dict[tuple[str, str], str]:
    await world.services.alarms.look()
    return {(r.alarm.kind, r.alarm.subject): r.alarm.detail for r in await world.services.queries.alarms()}


async def arrive(world: World, *amounts: str) -> None:
    for amount in amounts:
        await world.devnet.send(DevnetTransfer(network=Network.TON, amount=Usdt.of(amount)))
    await world.work()


async def test_unmatched_deposits_are_one_alarm_that_ends_when_the_last_is_decided(world: World) -> None:
    await world.work()
    assert await ringing(world) == {}
    ann = await world.mint()
    await arrive(world, "50", "0.10")
    world.clock.advance(timedelta(minutes=3))
    await arrive(world, "60")
    name = ("deposits_unmatched", "queue")
    told = (await ringing(world))[name]
    assert told.startswith("2 unmatched, the oldest since 2026-05-23 12:00 UTC.")  # dust is not among them
    await world.services.deposit_desk.credit(DepositId(1), ann.record.fp, WORD)
    assert "1 unmatched, the oldest since 2026-05-23 12:03 UTC." in (await ringing(world))[name]
    (rung,) = await world.services.queries.alarms()
    assert rung.rung_at == NOW + timedelta(minutes=3)
    await world.services.deposit_desk.send_back(DepositId(3), WORD)
    assert await ringing(world) == {}


async def test_a_network_that_lags_is_an_alarm_and_does_not_ring_on_and_off(world: World) -> None:
    await world.work()
    world.clock.advance(LAG_MAX)
    assert await ringing(world) == {}
    world.clock.advance(timedelta(seconds=1))
    assert set(await ringing(world)) == {("network_lagging", network.value) for network in Network}
    await world.services.scan.scan(world.devnet.reader(Network.TON))
    assert ("network_lagging", "usdt_ton") not in await ringing(world)
    await world.work()
    assert await ringing(world) == {}


async def test_a_lagging_network_ends_at_half_the_limit(world: World) -> None:
    await world.work()
    world.clock.advance(LAG_MAX + timedelta(seconds=1))
    await ringing(world)
    patient = attrs.evolve(world.services.alarms, lag_max=LAG_MAX + timedelta(minutes=5))
    await patient.look()
    assert len(await world.services.queries.alarms()) == len(Network)
    await attrs.evolve(patient, lag_max=2 * LAG_MAX + timedelta(seconds=2)).look()
    assert not await world.services.queries.alarms()


async def test_a_network_without_a_wallet_does_not_lag() -> None:
    world = await watched(open_world(closed=[Network.TON]))
    await world.work()
    world.clock.advance(LAG_MAX + timedelta(seconds=1))
    assert ("network_lagging", "usdt_ton") not in await ringing(world)


async def trouble(world: World, *, stopped: bool = False) -> None:
    async with world.database.unit_of_work() as uow:
        wallet = world.devnet.wallet(Network.TON)
        await uow.networks.note_trouble(
            Network.TON, wallet, "its nodes refuse", world.clock.now(), stopped=stopped
        )
        await uow.commit()


async def test_the_trouble_of_a_lagging_network_is_told(world: World) -> None:
    name = ("network_lagging", "usdt_ton")
    assert await ringing(world) == {}
    await trouble(world)
    assert set(told := await ringing(world)) == {name}
    assert told[name].startswith("It has never been read (its nodes refuse). ")
    await world.work()
    assert await ringing(world) == {}
    await trouble(world)
    assert await ringing(world) == {}
    world.clock.advance(LAG_MAX + timedelta(seconds=1))
    assert (await ringing(world))[name].startswith("Read until 2026-05-23 12:00 UTC (its nodes refuse). ")


async def test_a_network_that_has_stopped_is_no_lagging_one(world: World) -> None:
    await world.work()
    await trouble(world, stopped=True)
    world.clock.advance(LAG_MAX + timedelta(seconds=1))
    assert ("network_lagging", "usdt_ton") not in await ringing(world)


async def test_given_up_webhooks_are_an_alarm_of_their_receiver_until_all_are_sent_again(
    world: World,
) -> None:
    ann = await world.rich("100")
    await world.product(1, "10")
    world.sender.script.extend([404] * 2)
    body = {"product_id": 1, "quantity": 1, "payment_method": "balance", "webhook_url": "https://a.b/c?t=s"}
    async with world.client(ann) as client:
        orders = [(await client.post("/api/v1/orders", content=json.dumps(body))).json() for _ in range(2)]
    await world.services.webhooks.deliver_due()
    told = (await ringing(world))["webhook_exhausted", "a.b"]
    events = [await world.services.queries.events(OrderId(order["order_id"])) for order in orders]
    lost = [EventId(str(view.event.id)) for views in events for view in views]
    assert told.startswith("2 webhooks given up, the first ")
    assert f"`ytmarket webhooks resend {lost[0]}`" in told
    for event in lost:
        await world.services.webhooks.resend(event, Actor("test"))
    assert await ringing(world) == {}


async def test_given_up_webhooks_are_forgotten_after_a_day(world: World) -> None:
    ann = await world.rich("100")
    await world.product(1, "10")
    world.sender.script.append(404)
    body = {"product_id": 1, "quantity": 1, "payment_method": "balance", "webhook_url": "https://a.b/c"}
    async with world.client(ann) as client:
        await client.post("/api/v1/orders", content=json.dumps(body))
    await world.services.webhooks.deliver_due()
    assert len(await ringing(world)) == 1
    world.clock.advance(timedelta(days=1, seconds=1))
    await world.services.webhooks.deliver_due()
    assert ("webhook_exhausted", "a.b") not in await ringing(world)


async def test_looking_ends_no_alarm_that_somebody_else_has_rung(world: World) -> None:
    assert await world.services.alarms.ring(STOPPED)
    assert not await world.services.alarms.ring(STOPPED)
    assert await ringing(world) == {("network_stopped", "usdt_ton"): STOPPED.detail}
    assert await world.services.alarms.end(STOPPED.kind, STOPPED.subject)
    assert await ringing(world) == {}


async def test_the_ring_and_the_end_are_told_once_each(world: World) -> None:
    alarms, pager = world.services.alarms, Pager()
    await alarms.ring(STOPPED)
    assert [await alarms.tell_due(pager) for _ in range(2)] == [1, 0]
    await alarms.end(STOPPED.kind, STOPPED.subject)
    assert [await alarms.tell_due(pager) for _ in range(2)] == [1, 0]
    assert [(rung.alarm, rung.ended_at) for rung in pager.heard] == [(STOPPED, None), (STOPPED, NOW)]


async def test_one_that_cannot_be_told_is_tried_again_and_keeps_no_other_back(world: World) -> None:
    alarms, pager = world.services.alarms, Pager(is_deaf_to=lambda rung: rung.alarm == STOPPED)
    other = attrs.evolve(STOPPED, subject="usdt_trc_20")
    await alarms.ring(STOPPED)
    await alarms.ring(other)
    with pytest.raises(ConnectionError):
        await alarms.tell_due(pager)
    assert [rung.alarm for rung in pager.heard] == [other]
    pager.is_deaf_to = lambda _: False
    assert await alarms.tell_due(pager) == 0  # whoever failed may still be at it
    world.clock.advance(timedelta(minutes=1))
    assert await alarms.tell_due(pager) == 1
    assert [rung.alarm for rung in pager.heard] == [other, STOPPED]
