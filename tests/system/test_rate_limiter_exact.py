"""The limiter of one process, against a model, on a clock that the test turns."""

import time
import tracemalloc

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ytmarket.adapters.system.rate_limiter import InProcessRateLimiter

LIMIT = 60
WINDOW = 60


@attrs.define
class HandTurned:
    seconds: float = 0.0

    def __call__(self) -> float:
        return self.seconds


def limiter_on(clock: HandTurned, *, limit: int = LIMIT, callers_max: int = 1_000) -> InProcessRateLimiter:
    return InProcessRateLimiter.of(limit, window_seconds=WINDOW, callers_max=callers_max, now=clock)


pauses = st.sampled_from([0, 1, 29, 30, 31, 58, 59, 60])  # sums that meet the window's edge


@given(st.lists(st.tuples(pauses, st.sampled_from("aaab")), max_size=60))
async def test_it_accepts_what_a_plain_list_of_times_would(hits: list[tuple[int, str]]) -> None:
    clock = HandTurned()
    limiter = limiter_on(clock, limit=3)
    history: dict[str, list[float]] = {"a": [], "b": []}
    for pause, caller in hits:
        clock.seconds += pause
        recent = [time for time in history[caller] if clock.seconds - time < WINDOW]
        answer = await limiter.hit(caller)
        assert (answer.retry_after is None) == (len(recent) < 3)
        if answer.retry_after is None:
            history[caller].append(clock.seconds)
            recent.append(clock.seconds)
        assert answer.remaining == 3 - len(recent)
        assert answer.reset_after == recent[0] + WINDOW - clock.seconds


async def test_each_hit_leaves_by_itself_when_its_minute_is_over() -> None:
    clock = HandTurned()
    limiter = limiter_on(clock, limit=3)
    for clock.seconds in (0, 1, 2):
        await limiter.hit("ann")
    for clock.seconds in (60, 61, 62):
        assert (await limiter.hit("ann")).retry_after is None
        assert (await limiter.hit("ann")).retry_after == (1 if clock.seconds < 62 else 58)


async def test_sixty_and_not_one_more_and_again_sixty_after_a_minute() -> None:
    clock = HandTurned()
    limiter = limiter_on(clock)
    for start in (0.0, 60.0, 120.0):
        clock.seconds = start
        assert [(await limiter.hit("ann")).retry_after for _ in range(60)] == [None] * 60
        assert (await limiter.hit("ann")).retry_after == 60
        clock.seconds = start + 59.999
        assert (await limiter.hit("ann")).retry_after == 1


async def test_seconds_are_rounded_up() -> None:
    clock = HandTurned()
    limiter = limiter_on(clock, limit=1)
    await limiter.hit("ann")
    clock.seconds = 58.5
    assert (await limiter.hit("ann")).retry_after == 2
    clock.seconds = 59.0
    assert (await limiter.hit("ann")).retry_after == 1


async def test_who_has_nothing_left_to_count_is_forgotten() -> None:
    clock = HandTurned()
    limiter = limiter_on(clock, callers_max=100_000)
    for number in range(20_000):
        await limiter.hit(f"guest {number}")
    clock.seconds = 30
    await limiter.hit("resident")
    clock.seconds = 61
    for _ in range(20_000):
        await limiter.hit("resident")
    assert limiter.callers == 1


async def test_beyond_its_bound_it_forgets_who_was_silent_longest() -> None:
    clock = HandTurned()
    limiter = limiter_on(clock, callers_max=1_000)
    await limiter.hit("silent")
    for visit in range(6):
        assert (await limiter.hit("regular")).remaining == 59 - visit
        for number in range(500):
            clock.seconds += 0.001
            await limiter.hit(f"guest {visit} {number}")
            assert limiter.callers <= 1_000
    assert (await limiter.hit("silent")).remaining == 59


async def test_a_caller_takes_less_than_half_a_kilobyte() -> None:
    limiter = InProcessRateLimiter.of(callers_max=20_000)
    tracemalloc.start()
    try:
        for number in range(25_000):
            await limiter.hit(f"2001:db8:{number:x}::1")
        size, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert limiter.callers == 20_000
    assert size < 20_000 * 512


@pytest.mark.parametrize("callers", [1, 50_000])
async def test_a_hit_is_cheap_however_many_callers_there_are(callers: int) -> None:
    limiter = InProcessRateLimiter.of()
    names = [f"caller {number}" for number in range(callers)]
    for name in names:
        await limiter.hit(name)
    hits = 20_000
    start = time.process_time()
    for number in range(hits):
        await limiter.hit(names[number % callers])
    assert (time.process_time() - start) / hits < 40e-6  # about 6 when the machine is idle
