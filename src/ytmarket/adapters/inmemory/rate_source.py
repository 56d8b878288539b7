"""A rouble rate that somebody set."""

from __future__ import annotations

from decimal import Decimal

from ytmarket.domain.errors import InvalidValue


class FixedRateSource:
    """The `RateSource` port."""

    def __init__(self, rub_per_usdt: Decimal) -> None:
        """Raises `InvalidValue` unless the rate is positive."""
        if not rub_per_usdt.is_finite() or rub_per_usdt <= 0:
            raise InvalidValue(f"roubles per USDT must be more than 0, not {rub_per_usdt}")
        self._rate = rub_per_usdt

    async def rub_per_usdt(self) -> Decimal:
        return self._rate
