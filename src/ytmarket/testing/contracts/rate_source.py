"""What every source of the rouble rate promises."""

from __future__ import annotations

from decimal import Decimal

from ytmarket.application.ports.rate_source import RateSource
from ytmarket.testing.contracts.base import Contract


class RateSourceContract(Contract):
    """The promises of the `RateSource` port. Needs the fixture `rate_source`."""

    async def test_the_rate_is_positive(self, rate_source: RateSource) -> None:
        rate = await rate_source.rub_per_usdt()
        assert isinstance(rate, Decimal)
        assert rate.is_finite()
        assert rate > 0
