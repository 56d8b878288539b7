"""What every supplier promises."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Final

import attrs
import pytest

from ytmarket.application.errors import Unavailable
from ytmarket.application.ports.supplier import Delivered, DeliveredSome, Supplier
from ytmarket.domain.ids import OrderId, ProductId
from ytmarket.domain.money import Usdt
from ytmarket.domain.orders import Order
from ytmarket.testing.contracts.base import Contract
from ytmarket.testing.contracts.world import NOW

ORDER: Final = Order(
    id=OrderId(7),
    product_id=ProductId(1),
    quantity=4,
    price=Usdt.of(10),
    charged=Usdt.of(10),
    hits=0,
    created_at=NOW,
    updated_at=NOW,
    deadline_at=NOW + timedelta(minutes=10),
)


class SupplierContract(Contract):
    """The promises of the `Supplier` port.

    Needs the fixture `supplier`, one that delivers. Optional are `change_of_mind`, which makes it
    answer otherwise from then on, and `unreachable_supplier`, one that cannot be asked.
    """

    @pytest.fixture
    def change_of_mind(self) -> Callable[[], Awaitable[None]]:
        pytest.skip("give the fixture `change_of_mind`: it makes the supplier answer otherwise")

    @pytest.fixture
    def unreachable_supplier(self) -> Supplier:
        pytest.skip("give the fixture `unreachable_supplier`: a Supplier that cannot be asked")

    async def test_asked_twice_it_says_the_same(self, supplier: Supplier) -> None:
        said = await supplier.fulfil(ORDER)
        assert isinstance(said, Delivered | DeliveredSome)
        assert await supplier.fulfil(ORDER) == said

    async def test_a_part_is_less_than_the_whole(self, supplier: Supplier) -> None:
        for quantity in (1, 2, 4, 10_000):
            order = attrs.evolve(ORDER, id=OrderId(quantity), quantity=quantity)
            said = await supplier.fulfil(order)
            if isinstance(said, DeliveredSome):
                assert 0 < said.count < quantity

    async def test_a_yes_is_never_taken_back(
        self, supplier: Supplier, change_of_mind: Callable[[], Awaitable[None]]
    ) -> None:
        said = await supplier.fulfil(ORDER)
        await change_of_mind()
        assert await supplier.fulfil(ORDER) == said
        assert await supplier.fulfil(attrs.evolve(ORDER, id=OrderId(8))) != said

    async def test_one_that_cannot_be_asked_is_unavailable(self, unreachable_supplier: Supplier) -> None:
        with pytest.raises(Unavailable):
            await unreachable_supplier.fulfil(ORDER)
