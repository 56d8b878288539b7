"""What there is to see of a shop from outside, in a few figures: no customer is in any of them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Final, Protocol

import attrs

from ytmarket.domain.webhooks import Delivery

AGES: Final = tuple(timedelta(seconds=seconds) for seconds in (0, 60, 300, 900))
"""Orders in processing are counted by these: how many are at least so old."""

DUST: Final = "dust"
RETRIED: Final = "retried"

WEBHOOK_OUTCOMES: Final[Mapping[Delivery, str]] = {
    Delivery.DELIVERED: "delivered",
    Delivery.PENDING: RETRIED,
    Delivery.EXHAUSTED: "exhausted",
}
"""What becomes of an attempt to send a webhook."""


@attrs.frozen
class Waiting:
    """How much waits to be done, and since when the first of it."""

    count: int = 0
    oldest: datetime | None = None

    def age_at(self, now: datetime) -> timedelta:
        """How long the first of it has waited; nothing where nothing waits."""
        return timedelta(0) if self.oldest is None else max(now - self.oldest, timedelta(0))


@attrs.frozen(kw_only=True)
class ShopFigures:
    """The shop at one moment.

    *order_events* and *webhooks* have been counted since the first start and only grow: orders by what
    happened to them, and attempts to send a webhook by outcome. The others are what there is now.
    """

    order_events: Mapping[str, int] = attrs.field(factory=dict)
    webhooks: Mapping[str, int] = attrs.field(factory=dict)
    deposits: Mapping[str, int] = attrs.field(factory=dict)  # by status, or as `dust`
    orders_open: Mapping[str, Waiting] = attrs.field(factory=dict)  # by status
    processing_for: Mapping[timedelta, int] = attrs.field(factory=dict)  # by AGES
    refunds_due: Mapping[str, Waiting] = attrs.field(factory=dict)  # by channel
    unmatched: Waiting = Waiting()  # without dust
    outbox: Waiting = Waiting()  # events whose webhook has not arrived


class TallyRepository(Protocol):
    """Counts of what is too much to be counted again each time.

    * what is added is added once, however many add at the same time;
    * folding events changes no figure that anybody reads.
    """

    async def add(self, name: str, counts: Mapping[str, int]) -> None: ...

    async def fold_events(self, before: datetime, *, limit: int) -> int:
        """Put events from before then into the count; how many, *limit* at most.

        What began before then must have been committed or given up by now. A store that counts fast
        enough by itself puts none.
        """
        ...
