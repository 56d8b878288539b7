"""Customers: they top up, pay well and badly, order, and repeat what was not answered."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final

from ytmarket.application.errors import Unavailable
from ytmarket.application.instructions import Answered, Instruction
from ytmarket.application.marketplace import Sold
from ytmarket.application.ports.devnet import DevnetTransfer
from ytmarket.application.requests import Origin
from ytmarket.application.services import Services
from ytmarket.application.topups import OpenTopup
from ytmarket.application.website import Buy, WebsiteOrder
from ytmarket.domain.errors import OrderNotFound, Refused
from ytmarket.domain.idempotency import Attempt
from ytmarket.domain.ids import AccountId, OrderId, ProductId, TopupId
from ytmarket.domain.money import CENT, Usdt
from ytmarket.domain.networks import Network
from ytmarket.domain.orders import Order
from ytmarket.domain.shop import OrderRequest, PlaceOrder
from ytmarket.testing.simulation.world import OPERATOR, PRODUCTS, Payment, Untrue, World

HOUR: Final = 3_600.0
Ask = Callable[[], Awaitable[bytes]]


# What each may be refused for. Anything else, `already_done` above all, is the store's last line of
# defence at work, where the rules should have said no before.
_REFUSALS: Final[Mapping[str, frozenset[str]]] = {
    "order": frozenset({"below_minimum", "insufficient_stock", "insufficient_balance", "price_changed"}),
    "top-up": frozenset({"amount_taken", "too_many_open_topups", "too_many_unpaid_topups"}),
    "website order": frozenset({"below_minimum", "insufficient_stock", "no_free_amount"}),
    "marketplace order": frozenset({"insufficient_stock", "already_done"}),
}


async def rush(world: World) -> None:
    """Many want the same at the same moment, in one process: they are served in one batch."""
    shop, product = world.shop, ProductId(world.chance.randint(1, PRODUCTS))
    await asyncio.gather(*(order(world, shop, product) for _ in range(world.chance.randint(3, 8))))


async def order(world: World, shop: Services | None = None, product: ProductId | None = None) -> None:
    """Order something, with an idempotency key or without, once or twice at once."""
    who, chance = world.pick(world.customers), world.chance
    keyed = chance.random() < 0.85
    body = PlaceOrder(
        product_id=product or ProductId(chance.randint(1, PRODUCTS)),
        quantity=chance.randint(1, 3),
        max_price=Usdt.cents(chance.randrange(100, 3_000)) if chance.random() < 0.2 else None,
        webhook_url=f"https://receiver-{who.id}.example/hook" if chance.random() < 0.6 else None,
    )
    attempt = Attempt.of(world.name(), "/orders", str(body).encode()) if keyed else None
    request = OrderRequest(account_id=who.account_id, api_key_id=who.id, command=body, attempt=attempt)

    async def ask() -> bytes:
        return (await (shop or world.shop).order_desk.place(request)).body

    told = await _told(world, "order", ask, keyed=keyed)
    if told is None:
        return
    placed = _read(told)
    order_id, price = OrderId(placed["order_id"]), Usdt.of(placed["price_usdt"])
    if order_id in world.told.orders:
        raise Untrue(f"two requests were told of one order {order_id}")
    if body.max_price is not None and price > body.max_price:
        raise Untrue(f"order {order_id} costs {price}, and at most {body.max_price} was allowed")
    world.told.orders[order_id] = (who.account_id, price, body.quantity)
    world.history.note("ordered", order_id, price)


async def top_up(world: World) -> None:
    """Open a top-up, and pay it one way or another."""
    who, chance = world.pick(world.customers), world.chance
    # Few amounts, so that many want the same.
    wanted = OpenTopup(
        amount=Usdt.cents(1_000 + chance.randrange(8)),
        network=chance.choice(list(Network)[:3]),
        exact=chance.random() < 0.2,
    )
    keyed = chance.random() < 0.85
    attempt = Attempt.of(world.name(), "/balance/topup", str(wanted).encode()) if keyed else None
    origin = Origin(account_id=who.account_id, api_key_id=who.id, attempt=attempt)

    async def ask() -> bytes:
        return (await world.shop.topups.open(origin, wanted)).body

    told = await _told(world, "top-up", ask, keyed=keyed)
    if told is None:
        return
    opened = _read(told)
    topup, amount = TopupId(opened["topup_id"]), Usdt.of(opened["amount_usdt"])
    if topup in world.told.topups:
        raise Untrue(f"two requests were told of one top-up {topup}")
    if wanted.exact and amount != wanted.amount:
        raise Untrue(f"top-up {topup} is of {amount}, and exactly {wanted.amount} was asked for")
    world.told.topups[topup] = (who.account_id, amount)
    world.history.note("opened", topup, amount, wanted.network)
    await _pay(world, wanted.network, amount, of=(who.account_id, topup))


async def buy(world: World) -> None:
    """Order on the website as a stranger, and pay on chain."""
    chance = world.chance
    wanted = Buy(
        product_id=ProductId(chance.randint(1, PRODUCTS)),
        quantity=chance.randint(1, 3),
        network=chance.choice(list(Network)[:3]),
    )
    attempt = Attempt.of(world.name(), "/website", str(wanted).encode())
    word: Instruction[WebsiteOrder] = Instruction(actor=OPERATOR, reason="", attempt=attempt, render=_as_told)

    async def ask() -> bytes:
        return (await world.shop.website.open(wanted, word)).body

    told = await _told(world, "website order", ask, keyed=True)
    if told is None:
        return
    opened = _read(told)
    order_id = OrderId(opened["order_id"])
    if order_id in world.told.website:
        raise Untrue(f"two buyers were told of one order {order_id}")
    world.told.website.add(order_id)
    world.history.note("bought", order_id, opened["price"])
    await _pay(world, wanted.network, Usdt.of(opened["price"]))


async def sell_elsewhere(world: World) -> None:
    """Another marketplace hands an order over, at times one that it has handed over before."""
    chance = world.chance
    again = chance.random() < 0.2 and bool(world.told.sold)
    external = chance.choice(sorted(world.told.sold.values())) if again else world.name()
    sold = Sold(
        product_id=ProductId(chance.randint(1, PRODUCTS)),
        quantity=chance.randint(1, 2),
        amount=Usdt.cents(chance.randrange(100, 3_000)),
        marketplace="elsewhere",
        external_id=external,
    )
    attempt = Attempt.of(world.name(), "/marketplace", str(sold).encode())
    word: Instruction[Order] = Instruction(
        actor=OPERATOR, reason="", attempt=attempt, render=lambda taken: json.dumps(taken.id).encode()
    )

    async def ask() -> bytes:
        answered: Answered[Order] = await world.shop.marketplace.take(sold, word)
        return answered.body

    told = await _told(world, "marketplace order", ask, keyed=True)
    if told is None:
        return
    if again:
        raise Untrue(f"{external} was taken over twice")
    world.told.sold[OrderId(_read(told))] = external
    world.history.note("sold elsewhere", _read(told))


async def look(world: World) -> None:
    """Read an order that one was told of: it is there, and an end stays as it was."""
    if not world.told.orders:
        return
    order_id = world.pick(list(world.told.orders))
    account = world.told.orders[order_id][0]
    found = await world.shop.queries.order(account, order_id)
    if found is None:
        raise OrderNotFound
    seen = found.order
    if len(found.items) != seen.delivered:
        raise Untrue(f"order {order_id} shows {len(found.items)} items, and {seen.delivered} were delivered")
    if seen.is_final:
        end = (seen.status.value, seen.delivered)
        if world.told.ends.setdefault(order_id, end) != end:
            raise Untrue(f"order {order_id} ended as {world.told.ends[order_id]}, and now as {end}")


async def _pay(
    world: World,
    network: Network,
    amount: Usdt,
    *,
    of: tuple[AccountId, TopupId] | None = None,
) -> None:
    chance = world.chance
    how = chance.choices(
        ("well", "nearly", "wrong", "elsewhere", "late", "twice", "never"), (50, 10, 10, 6, 8, 6, 10)
    )[0]
    world.history.note(f"pays {how}")
    if how == "never":
        return
    await asyncio.sleep(HOUR * 2 if how == "late" else chance.expovariate(1) * 60)
    if how == "nearly":
        amount += chance.choice((CENT, -CENT))
    elif how == "wrong":
        amount += Usdt(chance.choice((1, -1)) * chance.randrange(10_001, 600_000))
    elif how == "elsewhere":
        network = chance.choice(list(Network))
    times = 2 if how == "twice" else 1
    for _ in range(times):
        tx_hash = await world.devnet.send(DevnetTransfer(network=network, amount=amount))
        world.history.note("paid", network, amount, tx_hash)
        if how in {"well", "nearly"} and of is not None:
            world.told.payments.append(Payment(tx_hash=tx_hash, account=of[0], topup=of[1]))
        await asyncio.sleep(chance.expovariate(1) * 60)


async def _told(world: World, what: str, ask: Ask, *, keyed: bool) -> bytes | None:
    """What one is told in the end; None when it was refused, or no answer came and none can be had."""
    chance = world.chance

    async def once() -> bytes:
        if world.fate.strikes("impatient"):
            async with asyncio.timeout(chance.random() * 0.05):
                return await ask()
        return await ask()

    if not keyed:
        return await _told_or_not(world, what, once)
    askers = [world.until_told(once) for _ in range(2 if chance.random() < 0.2 else 1)]
    told: list[bytes] = []
    for answer in await asyncio.gather(*askers, return_exceptions=True):
        if isinstance(answer, Refused):
            _note_refusal(world, what, answer)
        elif isinstance(answer, BaseException):
            raise answer
        else:
            told.append(answer)
    if told and chance.random() < 0.3:
        await asyncio.sleep(chance.expovariate(1) * 60)
        told.append(await world.until_told(once))
    if len(set(told)) > 1:
        raise Untrue(f"one {what} under one idempotency key was answered in two ways: {set(told)}")
    return told[0] if told else None


async def _told_or_not(world: World, what: str, ask: Ask) -> bytes | None:
    """The answer to a request without an idempotency key, which must not be repeated."""
    try:
        return await ask()
    except Refused as refusal:
        _note_refusal(world, what, refusal)
    except (Unavailable, TimeoutError) as trouble:
        world.history.note(f"{what} unanswered", type(trouble).__name__)
        world.told.unsure[what] += 1
    return None


def _note_refusal(world: World, what: str, refusal: Refused) -> None:
    if refusal.code not in _REFUSALS[what]:
        raise Untrue(f"one {what} was refused as {refusal.code}: {refusal}")
    world.history.note(f"{what} refused: {refusal.code}")


def _as_told(opened: WebsiteOrder) -> bytes:
    return json.dumps({"order_id": opened.order.id, "price": str(opened.order.price)}).encode()


def _read(told: bytes) -> Any:
    return json.loads(told, parse_float=str)
