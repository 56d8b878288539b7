"""Every clock keeps the promises of the Clock port."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest

from tests.contract.conftest import OpenDatabase
from ytmarket.adapters.inmemory import ManualClock
from ytmarket.adapters.system.clock import SystemClock
from ytmarket.application.ports.clock import Clock
from ytmarket.domain.errors import InvalidValue
from ytmarket.testing.contracts import ClockContract

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)


class TestManualClock(ClockContract):
    @pytest.fixture
    def clock(self) -> Clock:
        return ManualClock(NOON.astimezone(timezone(timedelta(hours=3))))

    async def test_it_moves_when_it_is_told_to(self) -> None:
        clock = ManualClock(NOON)
        assert clock.now() == NOON
        assert clock.advance(timedelta(minutes=5)) == clock.now() == NOON + timedelta(minutes=5)
        assert clock.set(NOON + timedelta(hours=1)) == clock.now() == NOON + timedelta(hours=1)

    async def test_it_cannot_be_set_back(self) -> None:
        clock = ManualClock(NOON)
        with pytest.raises(InvalidValue):
            clock.advance(-timedelta(microseconds=1))
        with pytest.raises(InvalidValue):
            clock.set(NOON - timedelta(days=1))
        assert clock.now() == NOON

    async def test_it_wants_a_time_zone(self) -> None:
        with pytest.raises(InvalidValue):
            ManualClock(NOON.replace(tzinfo=None))


class TestSystemClock(ClockContract):
    @pytest.fixture
    def clock(self) -> Clock:
        return SystemClock()


class TestPostgresClock(ClockContract):
    @pytest.fixture
    def clock(self, postgres: OpenDatabase) -> Clock:
        return postgres.store.clock
