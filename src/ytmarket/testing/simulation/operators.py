"""Operators: they decide about deposits, call orders off, give money and fill the shelf."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any

from ytmarket.application.api_keys import Adjusted
from ytmarket.application.instructions import Instruction
from ytmarket.application.ports.queries import Paging
from ytmarket.application.website import WebsiteOrder
from ytmarket.domain.deposits import DepositRecord, DepositStatus
from ytmarket.domain.errors import Refused
from ytmarket.domain.idempotency import Attempt
from ytmarket.domain.ids import DepositId, OrderId, ProductId
from ytmarket.domain.money import Usdt
from ytmarket.domain.orders import Order
from ytmarket.testing.simulation.world import OPERATOR, PRODUCTS, Untrue, World


async def decide(world: World) -> None:
    """Say what becomes of a deposit that matched nothing; at times two say it at once."""
    found = await world.shop.queries.deposits(DepositStatus.UNMATCHED, Paging())
    if not found.rows:
        return
    deposit = world.pick(found.rows).id
    await asyncio.gather(*(_decide(world, deposit) for _ in range(world.pick((1, 1, 2)))))


async def return_all(world: World) -> None:
    """Send back whatever still waits for a decision."""
    while rows := (await world.shop.queries.deposits(DepositStatus.UNMATCHED, Paging())).rows:
        for record in rows:
            await world.shop.deposit_desk.send_back(record.id, _word(world, "return", _deposit_told))
            world.told.decided[record.id] = "returned"


async def correct(world: World) -> None:
    """Put a wrong credit right, or what looks like one."""
    found = await world.shop.queries.deposits(DepositStatus.CREDITED_MANUAL, Paging())
    if not found.rows:
        return
    deposit, right = world.pick(found.rows).id, world.pick(world.customers).fp
    word = _word(world, "correct", _deposit_told)
    if await _said(world, "corrects", lambda: world.shop.deposit_desk.correct(deposit, right, word)):
        world.history.note("corrected", deposit)


async def call_off(world: World) -> None:
    """Cancel an order, whatever its channel."""
    orders = (await world.shop.queries.orders(None, Paging(page_size=10))).rows
    if not orders:
        return
    order_id = world.pick(orders).id
    word: Instruction[Order] = _word(world, "cancel", lambda order: json.dumps(order.id).encode())
    await _said(world, "cancels", lambda: world.shop.fulfilment.cancel(order_id, word))


async def pay_back(world: World) -> None:
    """Pay out what website buyers are owed."""
    if not world.told.website:
        return
    order_id = world.pick(sorted(world.told.website))
    await _pay_back(world, order_id)


async def pay_back_all(world: World) -> None:
    """Pay out everything that is owed to website buyers."""
    for order_id in sorted(world.told.website):
        await _pay_back(world, order_id)


async def give(world: World) -> None:
    """Credit a customer, by an instruction that is repeated until it is answered."""
    who, amount = world.pick(world.customers), Usdt.cents(world.chance.randrange(100, 5_000))
    word: Instruction[Adjusted] = _word(world, "credit", lambda _: b"{}")
    if await _said(world, "gives", lambda: world.shop.api_keys.credit(who.fp, amount, word)):
        world.told.credits.setdefault(who.account_id, []).append(amount)


async def fill(world: World) -> None:
    """Put new units on a shelf; each is new, so a repetition after a lost answer is refused."""
    product = ProductId(world.chance.randint(1, PRODUCTS))
    contents = [f'"{world.name()}"'.encode() for _ in range(world.chance.randrange(1, 8))]
    await _said(world, "fills", lambda: world.shop.catalog.add_stock(product, contents, OPERATOR))


async def _decide(world: World, deposit: DepositId) -> None:
    how = world.pick(("credited", "credited", "returned", "applied"))
    word = _word(world, how, _deposit_told)
    desk, fp = world.shop.deposit_desk, world.pick(world.customers).fp

    async def say() -> object:
        if how == "credited":
            return await desk.credit(deposit, fp, word)
        if how == "returned":
            return await desk.send_back(deposit, word)
        order = OrderId(world.pick(sorted(world.told.website)) if world.told.website else 0)
        return await world.shop.website.apply(deposit, order, word)

    if not await _said(world, how, say):
        return
    if deposit in world.told.decided:
        raise Untrue(f"deposit {deposit} was {world.told.decided[deposit]}, and then {how} as well")
    world.told.decided[deposit] = how


async def _pay_back(world: World, order_id: OrderId) -> None:
    word: Instruction[WebsiteOrder] = _word(world, "refund", lambda paid: json.dumps(paid.order.id).encode())
    await _said(world, "pays back", lambda: world.shop.website.refund_paid(order_id, word.reason, word))


async def _said(world: World, what: str, say: Callable[[], Awaitable[object]]) -> bool:
    """Whether it was carried out; False when it was refused."""
    try:
        await world.until_told(say)
    except Refused as refusal:
        world.history.note(f"{what} refused", refusal.code)
        return False
    world.history.note(what)
    return True


def _word(world: World, what: str, render: Callable[..., bytes]) -> Instruction[Any]:
    attempt = Attempt.of(world.name(), f"/admin/{what}", b"")
    return Instruction(actor=OPERATOR, reason=f"{what} {attempt.key}", attempt=attempt, render=render)


def _deposit_told(record: DepositRecord) -> bytes:
    return json.dumps([record.id, record.status]).encode()
