"""The desk divides what gathers into portions that a statement can record in time."""

from __future__ import annotations

import asyncio
from decimal import Decimal

import attrs
import pytest

from tests.http.shop import NOW, open_world
from ytmarket.adapters.inmemory.clock import ManualClock
from ytmarket.adapters.inmemory.database import InMemoryDatabase
from ytmarket.application import orders
from ytmarket.application.errors import ApplicationError, OutcomeUnknown, Unavailable
from ytmarket.domain.errors import InsufficientStock
from ytmarket.domain.ids import ProductId
from ytmarket.domain.shop import OrderRequest, OrderTerms, PlaceOrder
from ytmarket.testing.contracts import World
from ytmarket.testing.contracts.world import TERMS, order_request


async def test_huge_orders_that_come_together_are_served_in_portions(monkeypatch) -> None:  # type: ignore[no-untyped-def] # pytest's own fixture
    monkeypatch.setattr(orders, "BATCH_UNITS_MAX", 10)
    world = open_world()
    await world.product(1, "10", units=24)
    key = (await world.rich("500")).record
    sizes: list[int] = []
    placing = world.services.order_desk._place

    async def watched(requests):  # type: ignore[no-untyped-def] # hands on what it is given
        sizes.append(sum(request.command.quantity for request in requests))
        return await placing(requests)

    monkeypatch.setattr(world.services.order_desk, "_place", watched)
    command = PlaceOrder(product_id=ProductId(1), quantity=4)
    request = OrderRequest(account_id=key.account_id, api_key_id=key.id, command=command)
    answers = await asyncio.gather(
        *(world.services.order_desk.place(request) for _ in range(7)), return_exceptions=True
    )
    assert sizes == [8, 8, 8, 4]
    assert [type(answer) for answer in answers] == [orders.OrderAnswer] * 6 + [InsufficientStock]


@attrs.define
class BreaksOff:
    """A rate that is not to be had when it is asked for the second time."""

    trouble: Exception
    asked: int = 0

    async def rub_per_usdt(self) -> Decimal:
        self.asked += 1
        if self.asked == 2:
            raise self.trouble
        return Decimal(80)


@pytest.mark.parametrize(
    ("trouble", "told", "rest"),
    [
        (Unavailable("the database"), Unavailable, Unavailable),
        (OutcomeUnknown(), OutcomeUnknown, Unavailable),
        (ApplicationError("no rate"), ApplicationError, orders.OrderAnswer),
        (RuntimeError("a mistake"), RuntimeError, orders.OrderAnswer),
    ],
)
async def test_trouble_with_a_portion_is_told_to_its_askers_alone(
    monkeypatch: pytest.MonkeyPatch, trouble: Exception, told: type, rest: type
) -> None:
    monkeypatch.setattr(orders, "BATCH_UNITS_MAX", 10)
    database = InMemoryDatabase()
    world = World(database.unit_of_work, database.queries)
    customers = [await world.customer(100) for _ in range(3)]
    product, rate = await world.product(1, units=30), BreaksOff(trouble)
    desk = orders.OrderDesk(
        new_unit_of_work=database.unit_of_work,
        clock=ManualClock(NOW),
        rate_source=rate,
        terms=TERMS,
        render=lambda _: b"",
    )
    requests = [order_request(customer, product, 9) for customer in customers]
    answers = await asyncio.gather(*map(desk.place, requests), return_exceptions=True)
    assert [type(answer) for answer in answers] == [orders.OrderAnswer, told, rest]
    charged = [bool((await world.totals(customer)).charged) for customer in customers]
    assert charged == [True, False, rest is orders.OrderAnswer]
    assert rate.asked == 2 + charged[2]  # what is not available is not asked for once more


@attrs.define
class MovingRate:
    """A rate that goes up and down."""

    rate: Decimal

    async def rub_per_usdt(self) -> Decimal:
        return self.rate


async def test_the_floor_under_an_order_follows_the_rate_up_and_down() -> None:
    source = MovingRate(Decimal(80))
    desk = orders.OrderDesk(
        new_unit_of_work=InMemoryDatabase().unit_of_work,
        clock=ManualClock(NOW),
        rate_source=source,
        terms=OrderTerms(),
        render=lambda _: b"",
    )
    for rate in (Decimal(80), Decimal("95.5"), Decimal(60), Decimal(80)):
        source.rate = rate
        assert (await desk.minimum()).rub_per_usdt == rate
