from decimal import Decimal

import pytest

from ytmarket.adapters.system.rate_source import FixedRate
from ytmarket.domain.errors import InvalidValue


async def test_the_rate_is_the_one_that_was_set() -> None:
    assert await FixedRate(Decimal("92.5")).rub_per_usdt() == Decimal("92.5")


@pytest.mark.parametrize("rate", ["0", "-0", "-1", "NaN", "sNaN", "Infinity", "-Infinity"])
def test_a_rate_that_is_none_is_refused(rate: str) -> None:
    with pytest.raises(InvalidValue, match="positive number of roubles"):
        FixedRate(Decimal(rate))
