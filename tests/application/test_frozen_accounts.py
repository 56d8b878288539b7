"""A frozen customer's money stands still at every door, nothing of it is lost, and nobody else waits."""

import json
from collections.abc import Awaitable, Callable
from typing import Any

import attrs
import pytest

from tests.http.shop import World, open_world
from ytmarket.application.api_keys import MintedKey
from ytmarket.application.audit import Actor
from ytmarket.application.instructions import Instruction
from ytmarket.application.ports.devnet import DevnetTransfer
from ytmarket.application.ports.queries import Paging
from ytmarket.domain.deposits import DepositStatus
from ytmarket.domain.errors import AccountFrozen
from ytmarket.domain.ids import DepositId, OrderId
from ytmarket.domain.money import Usdt
from ytmarket.domain.networks import Network

pytestmark = pytest.mark.anyio
OPS = Actor("test")


def word() -> Instruction[Any]:
    return Instruction(actor=OPS, reason="why")


@attrs.define
class Scene:
    """Ann, whose account is to be frozen, and Bob, who has nothing to do with it."""

    world: World
    ann: MintedKey
    bob: MintedKey

    async def freeze(self, *, frozen: bool = True) -> None:
        async with self.world.database.unit_of_work() as uow:
            await uow.accounts.set_frozen(self.ann.record.account_id, frozen=frozen)
            await uow.commit()

    async def order(self, who: MintedKey) -> tuple[int, dict[str, Any]]:
        body = {"product_id": 1, "quantity": 1, "payment_method": "balance"}
        async with self.world.client(who) as client:
            answer = await client.post("/api/v1/orders", content=json.dumps(body))
        return answer.status_code, answer.json()

    async def top_up(self, who: MintedKey, amount: int) -> str:
        async with self.world.client(who) as client:
            body = {"amount_usdt": amount, "network": "usdt_ton"}
            answer = await client.post("/api/v1/balance/topup", content=json.dumps(body))
        assert answer.status_code == 200
        await self.world.devnet.send(DevnetTransfer(network=Network.TON, amount=Usdt.of(amount)))
        return str(answer.json()["topup_id"])

    async def balance(self, who: MintedKey) -> Usdt:
        account = who.record.account_id
        return (await self.world.services.queries.totals([account]))[account].balance


@pytest.fixture
async def scene() -> Scene:
    world = open_world()
    await world.work()
    await world.product(1, "10", units=20)
    return Scene(world, await world.rich("100"), await world.rich("100"))


async def test_orders_are_refused_and_others_orders_are_not(scene: Scene) -> None:
    await scene.freeze()
    status, problem = await scene.order(scene.ann)
    assert (status, problem["code"]) == (409, "account_frozen")
    assert "contact support" in problem["detail"]
    assert (await scene.order(scene.bob))[0] == 200
    assert await scene.balance(scene.ann) == Usdt.of(100)
    await scene.freeze(frozen=False)
    assert (await scene.order(scene.ann))[0] == 200


async def test_a_deposit_waits_and_is_credited_when_the_account_is_let_go(scene: Scene) -> None:
    await scene.top_up(scene.ann, 50)
    await scene.freeze()
    await scene.top_up(scene.bob, 60)
    await scene.world.work()
    assert await scene.balance(scene.ann) == Usdt.of(100)
    assert await scene.balance(scene.bob) == Usdt.of(160)
    waiting = await scene.world.services.queries.deposits(DepositStatus.RECEIVED, Paging())
    assert [record.deposit.amount for record in waiting.rows] == [Usdt.of(50)]
    await scene.freeze(frozen=False)
    await scene.world.work()
    assert await scene.balance(scene.ann) == Usdt.of(150)


async def test_many_waiting_deposits_keep_no_later_one_back(scene: Scene) -> None:
    for amount in (50, 60, 70):
        await scene.top_up(scene.ann, amount)
    await scene.world.services.scan.scan(scene.world.devnet.reader(Network.TON))
    await scene.freeze()
    await scene.top_up(scene.bob, 80)
    await scene.world.services.scan.scan(scene.world.devnet.reader(Network.TON))
    assert await scene.world.services.deposits.settle_due(limit=2) == 1
    assert await scene.balance(scene.bob) == Usdt.of(180)


async def test_refunds_wait_and_keep_no_others_back(scene: Scene) -> None:
    fulfilment = scene.world.services.fulfilment
    for who in (scene.ann, scene.ann, scene.bob):
        number = OrderId((await scene.order(who))[1]["order_id"])
        await fulfilment.cancel(number, word())
    await scene.freeze()
    assert await fulfilment.refund_due(limit=1) == 1
    assert await fulfilment.refund_due(limit=1) == 0
    assert await scene.balance(scene.bob) == Usdt.of(100)
    before = await scene.balance(scene.ann)
    await scene.freeze(frozen=False)
    assert await fulfilment.refund_due() == 2
    assert before < await scene.balance(scene.ann) == Usdt.of(100)


Act = Callable[[Scene], Awaitable[object]]
ACTS: dict[str, Act] = {
    "credit": lambda s: s.world.services.api_keys.credit(s.ann.record.fp, Usdt.of(1), word()),
    "debit": lambda s: s.world.services.api_keys.credit(s.ann.record.fp, Usdt.of(-1), word()),
    "adjust": lambda s: s.world.services.api_keys.adjust(s.ann.record.fp, Usdt.of(1), "why", "r", OPS),
    "deposit credit": lambda s: s.world.services.deposit_desk.credit(DepositId(2), s.ann.record.fp, word()),
    "deposit correct, to it": lambda s: s.world.services.deposit_desk.correct(
        DepositId(1), s.ann.record.fp, word()
    ),
}


@pytest.mark.parametrize("name", ACTS)
async def test_operators_are_refused_and_nothing_is_half_done(scene: Scene, name: str) -> None:
    await scene.top_up(scene.bob, 50)
    await scene.world.devnet.send(DevnetTransfer(network=Network.TON, amount=Usdt.of(7)))
    await scene.world.work()
    await scene.freeze()
    rows = len(await scene.world.services.queries.audit_rows(limit=100))
    with pytest.raises(AccountFrozen):
        await ACTS[name](scene)
    assert await scene.balance(scene.ann) == Usdt.of(100)
    assert await scene.balance(scene.bob) == Usdt.of(150)
    assert len(await scene.world.services.queries.audit_rows(limit=100)) == rows


async def test_what_was_answered_before_is_answered_again(scene: Scene) -> None:
    body = json.dumps({"product_id": 1, "quantity": 1, "payment_method": "balance"})
    headers = {"Idempotency-Key": "once"}
    async with scene.world.client(scene.ann) as client:
        first = await client.post("/api/v1/orders", content=body, headers=headers)
        await scene.freeze()
        again = await client.post("/api/v1/orders", content=body, headers=headers)
    assert (again.status_code, again.content) == (200, first.content)
