"""What a USDT is worth in roubles."""

from __future__ import annotations

from decimal import Decimal
from typing import Protocol


class RateSource(Protocol):
    """The rouble rate under the minimum-order rule.

    * the rate is positive.
    """

    async def rub_per_usdt(self) -> Decimal: ...
