"""How a node is named, and that none is asked more often than it may be."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ytmarket.adapters.inmemory.clock import ManualClock
from ytmarket.application.endpoints import Endpoint, Pace, endpoints_of, seconds_to_wait

NOW = datetime(2026, 1, 1, tzinfo=UTC)

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize(
    "url",
    [
        "https://bsc.example.com/v2/s3cret",
        "https://s3cret@bsc.example.com",
        "https://user:s3cret@bsc.example.com:8545/",
        "https://bsc.example.com?apikey=s3cret",
        "https://bsc.example.com/#s3cret",
    ],
)
def test_an_endpoint_shows_no_more_than_its_host(url: str) -> None:
    endpoint = Endpoint(url, "YTMARKET_BSC_RPC", 2)
    assert str(endpoint) == "bsc.example.com (no. 2 of YTMARKET_BSC_RPC)"
    assert "s3cret" not in repr(endpoint)


@pytest.mark.parametrize(
    ("url", "host"), [("/etc/ton.json", "a local file"), ("https://[s3cret", "an unreadable URL")]
)
def test_what_is_no_url_is_not_shown_either(url: str, host: str) -> None:
    assert str(Endpoint(url, "YTMARKET_TON_RPC", 1)).startswith(host)


@pytest.mark.parametrize(
    ("url", "said", "shown"),
    [
        ("https://a.example/v2/s3cretkey", "no key s3cretkey here", "no key [redacted] here"),
        ("https://a.example?apikey=s3cretkey", "s3cretkey: quota exceeded", "[redacted]: quota exceeded"),
        ("https://ann:s3cretkey@a.example", "ann, s3cretkey is wrong", "ann, [redacted] is wrong"),
        ("https://a.example/v2/s3cretkey", "a.example is closed", "a.example is closed"),
        ("https://s3cr%2Bet%3D@a.example", "no key s3cr+et= here", "no key [redacted] here"),
        ("https://s3cr%2Bet%3D@a.example", "no key s3cr%2Bet%3D here", "no key [redacted] here"),
    ],
)
def test_what_a_node_repeats_of_a_secret_is_taken_out(url: str, said: str, shown: str) -> None:
    assert Endpoint(url, "YTMARKET_BSC_RPC", 1).redact(said) == shown


def test_endpoints_are_counted_from_one() -> None:
    first, second = endpoints_of("YTMARKET_BSC_RPC", ["https://a.example", "https://b.example"])
    assert (first.place, first.host, second.place, second.host) == (1, "a.example", 2, "b.example")


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("7", 7),
        (" 120 ", 120),
        ("0", 0),
        ("Thu, 01 Jan 2026 00:00:30 GMT", 30),
        ("Wed, 31 Dec 2025 23:59:00 GMT", 0),
        (None, None),
        ("", None),
        ("soon", None),
        ("-5", None),
        ("1.5", None),
        ("Thu, 99 Jan 2026", None),
        ("Thu, 01 Jan 2026 00:00:30 +99999999999999999", None),
    ],
)
def test_retry_after_is_read_as_seconds_or_as_a_date(header: str | None, seconds: int | None) -> None:
    assert seconds_to_wait(header, NOW) == seconds


class Stopwatch:
    """A clock that moves by sleeping, and nothing else takes any time."""

    def __init__(self) -> None:
        self.clock = ManualClock(NOW)
        self.slept = timedelta(0)

    async def sleep(self, seconds: float) -> None:
        self.slept += timedelta(seconds=seconds)
        self.clock.advance(timedelta(seconds=seconds))

    def pace(self, per_second: int) -> Pace:
        return Pace(self.clock, per_second, self.sleep)


async def test_a_burst_is_free_and_then_calls_are_spread_out() -> None:
    watch = Stopwatch()
    pace = watch.pace(10)
    for _ in range(10):
        await pace.admit(1)
    assert watch.slept == timedelta(0)
    for _ in range(5):
        await pace.admit(1)
    assert watch.slept == timedelta(seconds=0.5)


async def test_rest_gives_back_one_burst_and_not_more() -> None:
    watch = Stopwatch()
    pace = watch.pace(10)
    await pace.admit(10)
    watch.clock.advance(timedelta(hours=1))
    await pace.admit(10)
    assert watch.slept == timedelta(0)
    await pace.admit(1)
    assert watch.slept == timedelta(seconds=0.1)


async def test_more_than_a_burst_is_paid_for_by_the_next() -> None:
    watch = Stopwatch()
    pace = watch.pace(10)
    await pace.admit(50)
    assert watch.slept == timedelta(0)
    await pace.admit(1)
    assert watch.slept == timedelta(seconds=4.1)


@given(
    per_second=st.integers(1, 50),
    visits=st.lists(st.tuples(st.integers(1, 5), st.integers(0, 2_000_000)), max_size=40),
)
async def test_no_stretch_of_time_holds_more_than_a_burst_and_its_share(
    per_second: int, visits: list[tuple[int, int]]
) -> None:
    watch = Stopwatch()
    pace = watch.pace(per_second)
    made: list[tuple[datetime, int]] = []
    for calls, pause in visits:
        await pace.admit(min(calls, per_second))
        made.append((watch.clock.now(), min(calls, per_second)))
        watch.clock.advance(timedelta(microseconds=pause))
    for first in range(len(made)):
        for last in range(first, len(made)):
            seconds = (made[last][0] - made[first][0]) / timedelta(seconds=1)
            calls = sum(count for _, count in made[first : last + 1])
            assert calls <= per_second + per_second * seconds + 0.001
