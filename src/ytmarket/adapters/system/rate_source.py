"""A rouble rate that the operator sets."""

from __future__ import annotations

from decimal import Decimal

import attrs

from ytmarket.domain.errors import InvalidValue


def _positive(_instance: object, _attribute: object, rate: Decimal) -> None:
    if not rate.is_finite() or rate <= 0:
        raise InvalidValue(f"the rate must be a positive number of roubles for one USDT, not {rate}")


@attrs.frozen
class FixedRate:
    """The RateSource port with one rate, for as long as the process runs. Raises `InvalidValue`."""

    rate: Decimal = attrs.field(validator=_positive)

    async def rub_per_usdt(self) -> Decimal:
        return self.rate
