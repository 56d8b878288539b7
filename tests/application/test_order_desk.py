"""The desk divides what gathers into portions that a statement can record in time."""

from __future__ import annotations

import asyncio

from tests.http.shop import open_world
from ytmarket.application import orders
from ytmarket.domain.errors import InsufficientStock
from ytmarket.domain.ids import ProductId
from ytmarket.domain.shop import OrderRequest, PlaceOrder


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
