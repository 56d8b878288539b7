"""Spans add up to exactly what was covered, whatever the order, and gaps are exactly what is left."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ytmarket.domain.coverage import Gap, Span, gaps_between
from ytmarket.domain.errors import InvalidValue

spans = st.builds(
    lambda first, length: Span(first=first, last=first + length), st.integers(0, 40), st.integers(0, 8)
)


def heights(covered: list[Span]) -> set[int]:
    return {height for span in covered for height in range(span.first, span.last + 1)}


def added(covered: list[Span], span: Span) -> list[Span]:
    touched = [one for one in covered if one.touches(span)]
    return [one for one in covered if one not in touched] + [span.joined(touched)]


@given(st.lists(spans, max_size=12))
def test_joined_spans_cover_what_their_parts_do_and_touch_no_more(parts: list[Span]) -> None:
    covered: list[Span] = []
    for part in parts:
        covered = added(covered, part)
    assert heights(covered) == heights(parts)
    assert not any(one.touches(other) for one in covered for other in covered if one is not other)


@given(st.lists(spans, min_size=1, max_size=12))
def test_gaps_are_what_is_left_between_the_lowest_and_the_highest(parts: list[Span]) -> None:
    gaps = gaps_between(parts)
    left = set(range(min(heights(parts)), max(heights(parts)) + 1)) - heights(parts)
    assert {height for gap in gaps for height in range(gap.first, gap.last + 1)} == left
    assert sum(gap.size for gap in gaps) == len(left)
    assert sorted(gaps, key=lambda gap: gap.first) == list(gaps)


@given(spans, st.none() | st.integers(0, 60))
def test_what_is_below_a_height_is_all_of_a_span_that_is(span: Span, height: int | None) -> None:
    below = span.below(height)
    left = {one for one in heights([span]) if height is None or one < height}
    assert heights([] if below is None else [below]) == left


def test_where_a_span_was_cut_no_hash_is_known() -> None:
    whole = Span(first=5, last=9, first_hash="a", last_hash="b")
    assert whole.below(10) == whole
    assert whole.below(9) == Span(first=5, last=8, first_hash="a")


def test_nothing_covered_leaves_no_gap() -> None:
    assert gaps_between([]) == []
    assert gaps_between([Span(first=5, last=5), Span(first=7, last=9)]) == [Gap(6, 6)]


@pytest.mark.parametrize(("first", "last"), [(2, 1), (-1, 3)])
def test_a_span_goes_up_from_zero(first: int, last: int) -> None:
    with pytest.raises(InvalidValue, match=f"between {first} and {last}"):
        Span(first=first, last=last)
