from datetime import UTC, datetime, timedelta

from ytmarket.adapters.system.clock import SystemClock


def test_it_answers_in_utc() -> None:
    before = datetime.now(UTC)
    now = SystemClock().now()
    assert before <= now <= datetime.now(UTC)
    assert now.utcoffset() == timedelta(0)


def test_it_stands_still_while_the_machine_is_behind_and_goes_on_after() -> None:
    noon = datetime(2026, 1, 1, 12, tzinfo=UTC)
    minutes = iter([0, 1, -10, -9, 1, 2])
    clock = SystemClock(lambda: noon + timedelta(minutes=next(minutes)))
    assert [(clock.now() - noon) / timedelta(minutes=1) for _ in range(6)] == [0, 1, 1, 1, 1, 2]
