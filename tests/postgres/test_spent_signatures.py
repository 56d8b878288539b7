"""A signature is used up by a request that loses to another one with its Idempotency-Key."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from decimal import Decimal
from typing import Any

import anyio
import attrs
import pytest

from tests.contract.conftest import OpenDatabase
from tests.postgres.test_desk import waiting
from ytmarket.adapters.inmemory import FixedRateSource, ManualClock, SeededTokens
from ytmarket.adapters.postgres.requests import PostgresRequests
from ytmarket.application.orders import OrderDesk
from ytmarket.application.paying import Payees
from ytmarket.application.requests import Origin, RequestService
from ytmarket.application.topups import OpenTopup, TopupAnswer, TopupService
from ytmarket.domain.errors import IdempotencyInFlight, IdempotencyMismatch, SignatureReplayed
from ytmarket.domain.idempotency import StoredAnswer
from ytmarket.domain.money import Usdt
from ytmarket.domain.networks import Network
from ytmarket.domain.shop import OrderRequest, PlaceOrder
from ytmarket.testing.contracts.world import NOW, TERMS, TOPUP_TERMS, WALLET, World, attempt, signature_of

pytestmark = pytest.mark.anyio

FIRST = attempt("key-1", b"the first")
TOPUP = OpenTopup(amount=Usdt.of(100), network=Network.TRON)


@pytest.fixture
def topups(world: World) -> TopupService:
    return TopupService(
        new_unit_of_work=world.unit_of_work,
        clock=ManualClock(NOW),
        tokens=SeededTokens(7),
        terms=TOPUP_TERMS,
        payees=Payees(wallets={Network.TRON: WALLET}),
        render=lambda _: b"a top-up",
    )


@pytest.fixture
def desk(world: World) -> OrderDesk:
    return OrderDesk(
        new_unit_of_work=world.unit_of_work,
        clock=ManualClock(NOW),
        rate_source=FixedRateSource(Decimal(80)),
        terms=TERMS,
        render=lambda _: b"an order",
    )


@pytest.fixture
async def origin(world: World) -> Origin:
    customer = await world.customer(100)
    return Origin(
        account_id=customer.account,
        api_key_id=customer.key.id,
        attempt=attempt("key-1", b"the second"),
        signature=signature_of(customer, "signed once"),
    )


async def test_a_topup_under_the_key_of_another_request(
    world: World, topups: TopupService, origin: Origin
) -> None:
    async with world.unit_of_work() as first:
        await first.requests.keep(origin.api_key_id, FIRST, b"the first's answer", NOW)
        await first.commit()
    with pytest.raises(IdempotencyMismatch):
        await topups.open(origin, TOPUP)
    await no_longer_good(topups, origin)


async def test_a_topup_while_another_is_on_its_way(
    world: World, topups: TopupService, origin: Origin
) -> None:
    async with world.unit_of_work() as first:
        await first.requests.hold(origin.api_key_id, FIRST)
        for _ in range(2):  # sent again, it is told the same
            with pytest.raises(IdempotencyInFlight):
                await topups.open(origin, TOPUP)
    await no_longer_good(topups, origin)


async def test_a_topup_while_an_order_is_committed(
    world: World, topups: TopupService, origin: Origin, postgres: OpenDatabase
) -> None:
    async def second() -> None:
        with pytest.raises(IdempotencyInFlight):
            await topups.open(origin, TOPUP)

    await beside_the_first(world, origin, postgres, second)
    await no_longer_good(topups, origin)


async def test_the_very_same_request_beside_the_first_gets_its_answer(
    world: World,
    topups: TopupService,
    origin: Origin,
    postgres: OpenDatabase,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It must not use the signature up that the first is about to use."""
    await world.read(Network.TRON, until=NOW)
    held, go_on, hold = anyio.Event(), anyio.Event(), PostgresRequests.hold

    async def hold_and_wait(requests: PostgresRequests, *words: Any) -> StoredAnswer | None:
        stored = await hold(requests, *words)
        if not held.is_set():
            held.set()
            await go_on.wait()
        return stored

    monkeypatch.setattr(PostgresRequests, "hold", hold_and_wait)
    answers: list[TopupAnswer] = []

    async def ask() -> None:
        try:
            answers.append(await topups.open(origin, TOPUP))
        except IdempotencyInFlight:
            # PostgreSQL frees what the first held one by one, so for a moment it may seem to be at it still.
            assert go_on.is_set()
            await anyio.sleep(0.1)
            answers.append(await topups.open(origin, TOPUP))

    async with anyio.create_task_group() as group:
        group.start_soon(ask)
        await held.wait()
        group.start_soon(ask)
        await waiting(postgres.dsn)
        go_on.set()
    assert [answer.body for answer in answers] == [b"a top-up"] * 2
    assert [answer.topup is None for answer in answers] == [False, True]


async def test_what_is_refused_before_a_service_sees_it(world: World, origin: Origin) -> None:
    refusing = RequestService(new_unit_of_work=world.unit_of_work, clock=ManualClock(NOW))
    async with world.unit_of_work() as first:
        await first.requests.hold(origin.api_key_id, FIRST)
        with pytest.raises(IdempotencyInFlight):
            await refusing.use_up(origin)
    with pytest.raises(SignatureReplayed):
        await refusing.use_up(attrs.evolve(origin, attempt=None))


async def test_an_order_while_a_topup_is_committed(
    world: World, desk: OrderDesk, origin: Origin, postgres: OpenDatabase
) -> None:
    command = PlaceOrder(product_id=await world.product(units=1), quantity=1)

    async def second() -> None:
        with pytest.raises(IdempotencyMismatch):
            await desk.place(order(origin, command))

    await beside_the_first(world, origin, postgres, second)
    with pytest.raises(SignatureReplayed):
        await desk.place(order(attrs.evolve(origin, attempt=None), command))


async def beside_the_first(
    world: World, origin: Origin, postgres: OpenDatabase, second: Callable[[], Coroutine[Any, Any, None]]
) -> None:
    """*second* begins before the first is committed, and meets it afterwards."""
    async with anyio.create_task_group() as group, world.unit_of_work() as first:
        await first.requests.keep(origin.api_key_id, FIRST, b"the first's answer", NOW)
        group.start_soon(second)
        await waiting(postgres.dsn)
        await first.commit()


async def no_longer_good(topups: TopupService, origin: Origin) -> None:
    """Somebody who has read the request takes the Idempotency-Key off: the signature does not cover it."""
    with pytest.raises(SignatureReplayed):
        await topups.open(attrs.evolve(origin, attempt=None), TOPUP)


def order(origin: Origin, command: PlaceOrder) -> OrderRequest:
    return OrderRequest(
        account_id=origin.account_id,
        api_key_id=origin.api_key_id,
        command=command,
        attempt=origin.attempt,
        signature=origin.signature,
    )
