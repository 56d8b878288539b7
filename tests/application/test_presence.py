"""A process finds out whether the shop can be worked on, and is not flooded by whoever asks."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import attrs
import pytest

from ytmarket.adapters.inmemory import InMemoryDatabase, ManualClock, SeededTokens
from ytmarket.application import presence
from ytmarket.application.errors import Unavailable
from ytmarket.application.presence import Identity, Presence, Readiness

NOW = datetime(2026, 5, 23, 12, tzinfo=UTC)
DAY = timedelta(days=1)


@attrs.define
class Part:
    """Something behind the shop, that counts how often it was asked."""

    trouble: Exception | None = None
    asked: int = 0
    hangs: asyncio.Event | None = None
    stubborn: bool = False

    async def probe(self) -> None:
        self.asked += 1
        while self.hangs is not None and not self.hangs.is_set():
            try:
                await self.hangs.wait()
            except asyncio.CancelledError:
                if not self.stubborn:
                    raise
        if self.trouble is not None:
            raise self.trouble


async def later(readiness: Readiness) -> None:
    """What was found out is no longer fresh."""
    readiness._fresh_until = 0.0


async def test_each_part_is_told_by_its_name() -> None:
    good, bad = Part(), Part(trouble=Unavailable("the database"))
    readiness = Readiness({"database": good.probe, "redis": bad.probe})
    assert await readiness.missing() == ("redis",)
    bad.trouble, good.trouble = None, RuntimeError("a mistake of ours")
    await later(readiness)
    assert await readiness.missing() == ("database",)
    good.trouble = None
    await later(readiness)
    assert await readiness.missing() == ()


async def test_a_crowd_asks_once_and_once_a_second() -> None:
    part = Part(hangs=asyncio.Event())
    readiness = Readiness({"database": part.probe})
    crowd = [asyncio.create_task(readiness.missing()) for _ in range(500)]
    await asyncio.sleep(0)
    assert part.hangs is not None
    part.hangs.set()
    assert set(await asyncio.gather(*crowd)) == {()}
    for _ in range(500):
        assert await readiness.missing() == ()
    assert part.asked == 1
    await later(readiness)
    await readiness.missing()
    assert part.asked == 2


@pytest.mark.parametrize("stubborn", [False, True])
async def test_what_hangs_is_missing_in_time_and_not_asked_again_before_it_has_ended(
    *, stubborn: bool
) -> None:
    hanging, good = Part(hangs=asyncio.Event(), stubborn=stubborn), Part()
    readiness = Readiness({"database": hanging.probe, "redis": good.probe}, answer_seconds=0.05)
    assert hanging.hangs is not None
    try:
        async with asyncio.timeout(10):
            assert await readiness.missing() == ("database",)
            for _ in range(3):
                await later(readiness)
                assert await readiness.missing() == ("database",)
        assert hanging.asked == (1 if stubborn else 4)
    finally:
        hanging.hangs.set()
    await later(readiness)
    assert await readiness.missing() == ()


async def test_who_goes_away_takes_nobody_elses_answer_along() -> None:
    part = Part(hangs=asyncio.Event())
    readiness = Readiness({"database": part.probe})
    impatient, patient = [asyncio.create_task(readiness.missing()) for _ in range(2)]
    await asyncio.sleep(0)
    impatient.cancel()
    await asyncio.sleep(0)
    assert part.hangs is not None
    part.hangs.set()
    assert await patient == ()
    assert impatient.cancelled()


@pytest.fixture
def newcomer() -> Callable[[InMemoryDatabase, ManualClock, int], Presence]:
    def newcomer(database: InMemoryDatabase, clock: ManualClock, number: int) -> Presence:
        return Presence(
            new_unit_of_work=database.unit_of_work,
            clock=clock,
            tokens=SeededTokens(number),
            identity=Identity(role="worker", host="here", pid=number, version="1"),
        )

    return newcomer


async def test_processes_come_beat_fall_silent_and_leave(
    newcomer: Callable[[InMemoryDatabase, ManualClock, int], Presence],
) -> None:
    database, clock = InMemoryDatabase(), ManualClock(NOW)
    one, other = newcomer(database, clock, 1), newcomer(database, clock, 2)
    await one.leave()  # it never came
    await one.beat()
    clock.advance(DAY)
    await other.beat()
    await one.beat()
    await one.beat()
    beats = await database.queries.heartbeats()
    assert [(beat.pid, beat.started_at, beat.seen_at) for beat in beats] == [
        (1, NOW, NOW + DAY),
        (2, NOW + DAY, NOW + DAY),
    ]
    clock.advance(presence.FORGOTTEN_AFTER + timedelta(seconds=1))
    await other.beat()
    assert await other.forget_silent() == 1
    await other.leave()
    assert await database.queries.heartbeats() == []


async def test_a_process_ends_also_when_its_store_is_away(
    newcomer: Callable[[InMemoryDatabase, ManualClock, int], Presence],
) -> None:
    database, clock = InMemoryDatabase(), ManualClock(NOW)
    one = newcomer(database, clock, 1)
    await one.beat()
    database.is_down = True
    with pytest.raises(Unavailable):
        await one.beat()
    await one.leave()
