"""What every clock promises."""

from __future__ import annotations

from datetime import timedelta
from itertools import pairwise

from ytmarket.application.ports.clock import Clock
from ytmarket.testing.contracts.base import Contract


class ClockContract(Contract):
    """The promises of the `Clock` port. Needs the fixture `clock`."""

    async def test_it_answers_in_utc(self, clock: Clock) -> None:
        assert clock.now().utcoffset() == timedelta(0)

    async def test_it_never_goes_backwards(self, clock: Clock) -> None:
        readings = [clock.now() for _ in range(1_000)]
        assert all(earlier <= later for earlier, later in pairwise(readings))
