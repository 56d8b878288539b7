"""A webhook is tried at most five times, with growing waits, and given up at a clear no."""

from datetime import datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from ytmarket.domain import webhooks
from ytmarket.domain.webhooks import Answer, Delivery
from ytmarket.testing.strategies import moments

WAITS = {1: 5, 2: 30, 3: 120, 4: 600}  # seconds after each attempt
JITTERS = st.integers(0, 20)


@given(st.integers(1, 5), moments(), JITTERS)
def test_after_each_failure_it_waits_longer_and_after_the_fifth_it_is_over(
    attempt: int, now: datetime, jitter: int
) -> None:
    became, due = webhooks.after_attempt(attempt, Answer.TRY_AGAIN, now, jitter)
    if attempt == 5:
        assert (became, due) == (Delivery.EXHAUSTED, None)
        return
    assert became is Delivery.PENDING
    assert due is not None
    wait = timedelta(seconds=WAITS[attempt])
    assert due - now == wait + wait * jitter // 100
    assert wait <= due - now <= wait * 6 // 5


@given(st.integers(1, 5), moments(), JITTERS)
def test_a_clear_answer_ends_it_at_any_attempt(attempt: int, now: datetime, jitter: int) -> None:
    assert webhooks.after_attempt(attempt, Answer.ACCEPTED, now, jitter) == (Delivery.DELIVERED, None)
    assert webhooks.after_attempt(attempt, Answer.REFUSED, now, jitter) == (Delivery.EXHAUSTED, None)


def test_every_status_has_its_meaning() -> None:
    for status in range(100, 600):
        if str(status).startswith("2"):
            expected = Answer.ACCEPTED
        elif str(status).startswith("5") or status in {408, 429}:
            expected = Answer.TRY_AGAIN
        else:
            expected = Answer.REFUSED
        assert webhooks.answer_of(status) is expected, status


def test_no_answer_at_all_is_tried_again() -> None:
    assert webhooks.answer_of(None) is Answer.TRY_AGAIN
