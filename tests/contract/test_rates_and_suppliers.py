"""Every source of rates and every supplier keeps the promises of its port."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from decimal import Decimal

import pytest

from ytmarket.adapters.inmemory import FixedRateSource, ShelfSupplier
from ytmarket.adapters.system.rate_source import FixedRate
from ytmarket.application.ports.rate_source import RateSource
from ytmarket.application.ports.supplier import CannotDeliver, DeliveredSome, NotYet, Supplier
from ytmarket.application.suppliers import StockSupplier
from ytmarket.domain.errors import InvalidValue
from ytmarket.testing.contracts import RateSourceContract, SupplierContract
from ytmarket.testing.contracts.supplier import ORDER


class TestRateInMemory(RateSourceContract):
    @pytest.fixture
    def rate_source(self) -> RateSource:
        return FixedRateSource(Decimal("81.35"))

    async def test_it_answers_what_was_set(self) -> None:
        assert await FixedRateSource(Decimal("81.35")).rub_per_usdt() == Decimal("81.35")

    @pytest.mark.parametrize("rate", ["0", "-1", "NaN", "Infinity"])
    async def test_a_rate_that_is_none_is_refused(self, rate: str) -> None:
        with pytest.raises(InvalidValue):
            FixedRateSource(Decimal(rate))


class TestRateInASetting(RateSourceContract):
    @pytest.fixture
    def rate_source(self) -> RateSource:
        return FixedRate(Decimal(80))


class TestShelfSupplier(SupplierContract):
    @pytest.fixture
    def supplier(self) -> ShelfSupplier:
        return ShelfSupplier()

    @pytest.fixture
    def change_of_mind(self, supplier: ShelfSupplier) -> Callable[[], Awaitable[None]]:
        async def change() -> None:
            supplier.answer = CannotDeliver("sold out")

        return change

    @pytest.fixture
    def unreachable_supplier(self) -> Supplier:
        supplier = ShelfSupplier()
        supplier.is_down = True
        return supplier

    async def test_not_yet_is_no_promise(self) -> None:
        supplier = ShelfSupplier(NotYet())
        assert await supplier.fulfil(ORDER) == NotYet()
        supplier.answer = DeliveredSome(3, "one is broken")
        assert await supplier.fulfil(ORDER) == DeliveredSome(3, "one is broken")


class TestStockSupplier(SupplierContract):
    @pytest.fixture
    def supplier(self) -> Supplier:
        return StockSupplier()

    @pytest.fixture
    def change_of_mind(self) -> Callable[[], Awaitable[None]]:
        pytest.skip("it knows one answer")

    @pytest.fixture
    def unreachable_supplier(self) -> Supplier:
        pytest.skip("there is nobody to ask")
