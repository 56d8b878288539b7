"""Which part of a chain has been read, as spans of its heights, and which part has not."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import attrs

from ytmarket.domain.errors import InvalidValue


@attrs.frozen(kw_only=True)
class Span:
    """All from the first height to the last, both included.

    A height is whatever puts a network's transfers in order: a block, a slot, a logical time. What
    stands at the ends is told by a hash, of a block or of a transaction; None where there is none.
    """

    first: int
    last: int
    first_hash: str | None = None
    last_hash: str | None = None

    def __attrs_post_init__(self) -> None:
        if not 0 <= self.first <= self.last:
            raise InvalidValue(f"nothing lies between {self.first} and {self.last}")

    def touches(self, other: Span) -> bool:
        """Whether nothing lies between the two."""
        return self.first <= other.last + 1 and other.first <= self.last + 1

    def joined(self, others: Iterable[Span]) -> Span:
        """One span of this and others that it touches; where both end alike, this one's hash is newer."""
        spans = [self, *others]
        lowest = min(spans, key=lambda span: span.first)
        highest = max(spans, key=lambda span: span.last)
        return Span(
            first=lowest.first,
            last=highest.last,
            first_hash=lowest.first_hash,
            last_hash=highest.last_hash,
        )

    def below(self, height: int | None) -> Span | None:
        """The part of it below this height, None where nothing is; all of it without a height."""
        if height is None or height > self.last:
            return self
        if height <= self.first:
            return None
        return Span(first=self.first, last=height - 1, first_hash=self.first_hash)


@attrs.frozen
class Gap:
    """Heights that nobody has read between two spans that were, both included."""

    first: int
    last: int

    @property
    def size(self) -> int:
        return self.last - self.first + 1


def gaps_between(spans: Iterable[Span]) -> Sequence[Gap]:
    """What lies between spans of one network and wallet, lowest first."""
    found, reached = list[Gap](), None
    for span in sorted(spans, key=lambda span: span.first):
        if reached is not None and span.first > reached + 1:
            found.append(Gap(reached + 1, span.first - 1))
        reached = span.last if reached is None else max(reached, span.last)
    return found
