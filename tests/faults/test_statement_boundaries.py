"""At whatever statement of a use case its connection ends, all of it happened or nothing did."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from decimal import Decimal
from itertools import count
from pathlib import Path
from typing import Any, Final

import attrs
import pytest

from tests.faults import books
from tests.faults.cluster import Cluster
from tests.faults.conftest import a_copy
from tests.faults.effort import times
from tests.faults.proxy import Blow, Proxy
from tests.faults.shop import SETTINGS, TEACHER, Database
from ytmarket.application.errors import ApplicationError, OutcomeUnknown, Unavailable
from ytmarket.application.instructions import Instruction
from ytmarket.application.ports.devnet import DevnetTransfer, SupplierMode
from ytmarket.application.requests import Origin
from ytmarket.application.topups import OpenTopup
from ytmarket.domain.api_keys import ApiKey
from ytmarket.domain.catalog import Product
from ytmarket.domain.errors import Refused
from ytmarket.domain.idempotency import Attempt
from ytmarket.domain.ids import OrderId, ProductId
from ytmarket.domain.money import Usdt
from ytmarket.domain.networks import Network
from ytmarket.domain.orders import Order
from ytmarket.domain.shop import OrderRequest, PlaceOrder
from ytmarket.domain.signatures import UsedSignature
from ytmarket.entrypoints.bootstrap import Shop, open_shop
from ytmarket.entrypoints.settings import Settings

pytestmark = pytest.mark.anyio

#: What the shop has, without numbers and times, which no two runs share.
HAS: Final = {
    "account": "select label from account",
    "api_key": "select account_id, label, sealed_secret is null, revoked_at is null from api_key",
    "audit": "select actor, action from api_audit_log",
    "deposit": "select network, status, reason, account_id, topup_id is null from deposit",
    "delivery": "select order_id is null from delivery",
    "event": "select status, refunded, delivery, attempts from event",
    "idempotency": "select api_key_id from idempotency",
    "orders": "select account_id, status, refund, quantity, delivered, price > 0, settled > 0 from orders",
    "product": "select available > 0 from product",
    "reservation": "select network, payer from reservation",
    "stock": "select order_id is null from stock_unit",
    "topup": "select account_id, network, status, deposit_id is null from topup",
    "transfer": "select kind, debit, credit from transfer",
    "used_signature": "select api_key_id from used_signature",
}
LET_LEASES_END = "update orders set leased_until = null where status = 'processing' returning id"
STATEMENTS_MAX = 60

Effect = Counter[tuple[str, str]]


@attrs.define
class Stage:
    """A shop whose every way to its database leads through a proxy, and what a use case needs of it."""

    shop: Shop
    dsn: str
    proxy: Proxy
    keys: list[ApiKey]
    numbers: count[int] = attrs.field(factory=lambda: count(1))

    def has(self) -> Effect:
        counted = " union all ".join(
            f"select '{table}', has::text, count(*) from ({query}) as has group by has::text"
            for table, query in HAS.items()
        )
        return Counter({(table, row): times for table, row, times in books.rows(self.dsn, counted)})

    async def order(self, quantity: int = 2) -> OrderId:
        placed = await self.shop.services.order_desk.place(self.request(self.keys[2], quantity))
        assert placed.order is not None
        return placed.order.id

    def request(self, key: ApiKey, quantity: int = 1) -> OrderRequest:
        """Each with an attempt of its own, and a signature where the key signs."""
        name = f"key-{next(self.numbers)}"
        signature = None
        if key.sealed_secret is not None:
            signature = UsedSignature(key.id, name.rjust(32).encode())
        return OrderRequest(
            account_id=key.account_id,
            api_key_id=key.id,
            command=PlaceOrder(product_id=ProductId(1), quantity=quantity),
            attempt=Attempt.of(name, "/api/v1/orders", b"{}"),
            signature=signature,
        )

    async def supplier(self, mode: SupplierMode) -> None:
        assert self.shop.services.devnet is not None
        await self.shop.services.devnet.set_supplier_mode(mode)


Act = Callable[[], Awaitable[object]]
UseCase = Callable[[Stage], Awaitable[Act]]


async def orders_in_a_batch(stage: Stage) -> Act:
    wanted = [stage.request(key, quantity) for quantity, key in enumerate(stage.keys, 1)]
    place = stage.shop.services.order_desk.place
    return lambda: _all(place(request) for request in wanted)


async def a_top_up(stage: Stage) -> Act:
    key, number = stage.keys[0], next(stage.numbers)
    attempt = Attempt.of(f"topup-{number}", "/api/v1/balance/topup", b"{}")
    signature = UsedSignature(key.id, f"topup-{number}".rjust(32).encode())
    origin = Origin(account_id=key.account_id, api_key_id=key.id, attempt=attempt, signature=signature)
    command = OpenTopup(amount=Usdt.of(10 + number), network=Network.TON)
    return lambda: stage.shop.services.topups.open(origin, command)


async def two_deposits(stage: Stage) -> Act:
    """One that somebody awaits and one that nobody does, from the chain to the books."""
    services, key, number = stage.shop.services, stage.keys[0], next(stage.numbers)
    (reader,) = [reader for reader in stage.shop.readers if reader.network is Network.SOLANA]
    await services.scan.scan(reader)  # what was there before the first reading is nobody's
    origin = Origin(account_id=key.account_id, api_key_id=key.id)
    amount = Usdt.of(Decimal(20_000 + number))
    await services.topups.open(origin, OpenTopup(amount=amount, network=Network.SOLANA))
    assert services.devnet is not None
    for sent in (amount, amount + Usdt.of("0.4")):
        await services.devnet.send(DevnetTransfer(network=Network.SOLANA, amount=sent))

    async def act() -> None:
        await services.scan.scan(reader)
        await services.deposits.settle_due()

    return act


def _fulfilment(mode: SupplierMode) -> UseCase:
    async def fulfil(stage: Stage) -> Act:
        await stage.order()
        await stage.supplier(mode)

        async def act() -> None:
            books.rows(stage.dsn, LET_LEASES_END)
            await stage.shop.services.fulfilment.fulfil_due()

        return act

    return fulfil


async def a_refund(stage: Stage) -> Act:
    act = await _fulfilment(SupplierMode.FAIL)(stage)
    await act()
    return stage.shop.services.fulfilment.refund_due


async def a_cancellation(stage: Stage) -> Act:
    order, number = await stage.order(), next(stage.numbers)
    attempt = Attempt.of(f"cancel-{number}", f"/api/admin/orders/{order}/cancel", b"{}")
    word: Instruction[Order] = Instruction(actor=TEACHER, reason="asked by the customer", attempt=attempt)
    return lambda: stage.shop.services.fulfilment.cancel(order, attrs.evolve(word, render=lambda _: b"done"))


async def new_stock(stage: Stage) -> Act:
    number = next(stage.numbers)
    product = Product(
        id=ProductId(1000 + number), sku=f"new-{number}", title="New", category="New", price=Usdt.of(1)
    )
    await stage.shop.services.catalog.put(product, TEACHER)
    return lambda: stage.shop.services.catalog.add_stock(product.id, [b"a", b"b"], TEACHER)


USE_CASES: Final[dict[str, UseCase]] = {
    "orders in a batch": orders_in_a_batch,
    "a top-up": a_top_up,
    "two deposits": two_deposits,
    "a delivery": _fulfilment(SupplierMode.DELIVER),
    "a partial delivery": _fulfilment(SupplierMode.PARTIAL),
    "a failure": _fulfilment(SupplierMode.FAIL),
    "a refund": a_refund,
    "a cancellation": a_cancellation,
    "new stock": new_stock,
}
#: Those that answer somebody, whose answer must be true.
COMMANDS = {"orders in a batch", "a top-up", "a cancellation", "new stock"}
#: Those that are several transactions, one after the other.
IN_PARTS = {"two deposits"}
#: Refusals by which a repetition says that it has been done already.
DONE_BEFORE = {"new stock": "duplicate_unit"}


@asynccontextmanager
async def staged(database: Database, folder: Path) -> AsyncIterator[Stage]:
    with Proxy.before(database.dsn) as proxy:
        settings = Settings.from_environment({**SETTINGS, "YTMARKET_DATABASE_URL": proxy.dsn})
        async with open_shop(attrs.evolve(settings, data_dir=folder)) as shop:
            keys = [await shop.services.authenticator.key(customer.key) for customer in database.customers]
            yield Stage(shop, database.dsn, proxy, keys[:3])


@pytest.mark.parametrize("name", USE_CASES)
async def test_all_of_it_happens_or_nothing(
    cluster: Cluster, thinly_stocked: Database, folder: Path, name: str
) -> None:
    with a_copy(cluster, thinly_stocked) as database:
        async with staged(database, folder) as stage:
            effect = await _undisturbed(stage, USE_CASES[name])
            for number, blow in enumerate(Blow):
                # In a normal run the blows take turns, so that a statement suffers one of them.
                assert await _strike_everywhere(stage, name, blow, effect, number) >= 4


async def _strike_everywhere(stage: Stage, name: str, blow: Blow, effect: Effect, number: int) -> int:
    """At one statement after the other, until none is left; how many there were."""
    for at in count(1 + times(number, 0), times(len(Blow), 1)):
        assert at < STATEMENTS_MAX, f"{name} has no end"
        act = await USE_CASES[name](stage)
        before = stage.has()
        stage.proxy.strike(blow, at)
        told = await _told(act)
        stage.proxy.spare()
        what = f"{name}, {blow} statement {at}: {told!r}"
        happened = _difference(stage.has(), before)
        if name in COMMANDS:
            assert happened == effect if told is None else isinstance(told, Unavailable), what
        if name not in IN_PARTS:
            assert happened == effect or not happened, what
        if told is not None and not isinstance(told, OutcomeUnknown):
            assert name in IN_PARTS or not happened, what
        again = await _told(act)
        assert again is None or getattr(again, "code", "") == DONE_BEFORE.get(name), f"{what}, then {again!r}"
        assert _difference(stage.has(), before) == effect, what
        assert books.broken_rules(stage.dsn) == {}, what
        if not stage.proxy.struck:
            assert told is None
            return at - 1
    return 0


async def _undisturbed(stage: Stage, use_case: UseCase) -> Effect:
    """What comes of it when nothing befalls it."""
    act = await use_case(stage)
    before = stage.has()
    await act()
    effect = _difference(stage.has(), before)
    assert effect
    return effect


def _difference(after: Effect, before: Effect) -> Effect:
    changed = Counter(after)
    changed.subtract(before)
    return Counter({row: number for row, number in changed.items() if number})


async def _told(act: Act) -> BaseException | None:
    try:
        await act()
    except (ApplicationError, Refused) as trouble:
        return trouble
    return None


async def _all(parts: Any) -> None:
    """All of them at once; the first trouble, when all have ended."""
    for outcome in await asyncio.gather(*parts, return_exceptions=True):
        if isinstance(outcome, BaseException):
            raise outcome
