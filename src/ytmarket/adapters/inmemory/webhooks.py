"""Webhook events in memory, on their way to clients' servers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from datetime import datetime
from operator import attrgetter

import attrs

from ytmarket.adapters.inmemory.rows import EventRow
from ytmarket.adapters.inmemory.state import State
from ytmarket.domain.api_keys import ApiKey
from ytmarket.domain.ids import EventId
from ytmarket.domain.limits import WEBHOOK_ATTEMPTS_MAX
from ytmarket.domain.orders import Order
from ytmarket.domain.webhooks import RECEIVER_SHARE, Delivery, WebhookJob, receiver_of


@attrs.frozen
class InMemoryWebhooks:
    """The `WebhookRepository` port."""

    _state: State

    async def claim(
        self, now: datetime, until: datetime, token: str, *, limit: int, full: Collection[str] = ()
    ) -> Sequence[WebhookJob]:
        jobs: list[WebhookJob] = []
        shares = Counter(dict.fromkeys(full, RECEIVER_SHARE))
        for _, key in sorted(self._claimable(now), key=lambda due: due[0]):
            receiver = self._receiver(key)
            if len(jobs) == limit or shares[receiver] == RECEIVER_SHARE:
                continue
            shares[receiver] += 1
            row = self._state.events[key]
            begun = min(row.attempts + 1, WEBHOOK_ATTEMPTS_MAX)
            self._state.events.put(key, attrs.evolve(row, token=token, leased_until=until, attempts=begun))
            jobs.append(self._job(row, token))
        return jobs

    async def record(
        self,
        job: WebhookJob,
        delivery: Delivery,
        due_at: datetime | None,
        status: int | None,
    ) -> bool:
        if job.event.id is None:
            return False
        row = self._state.events.get(job.event.id)
        if row is None or row.token != job.token:
            return False
        done = attrs.evolve(
            row,
            delivery=delivery,
            due_at=due_at,
            token=None,
            leased_until=None,
            last_status=status,
        )
        self._state.events.put(job.event.id, done)
        return True

    async def give_back(self, job: WebhookJob) -> bool:
        row = None if job.event.id is None else self._state.events.get(job.event.id)
        if job.event.id is None or row is None or row.token != job.token:
            return False
        self._state.events.put(job.event.id, attrs.evolve(row, attempts=job.attempt - 1))
        return True

    async def resend(self, event: EventId, now: datetime) -> Delivery | None:
        row = self._state.events.get(event)
        if row is None or row.delivery is Delivery.UNWANTED:
            return None
        again = EventRow(number=row.number, event=row.event, delivery=Delivery.PENDING, due_at=now)
        self._state.events.put(event, again)
        return row.delivery

    def _claimable(self, now: datetime) -> Iterator[tuple[datetime, EventId]]:
        """Of each order only its earliest event on the way: later ones wait for it."""
        pending = self._state.pending_events
        for order in pending.groups():
            waiting = [(self._state.events[key].number, key) for key in pending.of(order)]
            _, key = min(waiting)
            row = self._state.events[key]
            is_free = row.leased_until is None or row.leased_until <= now
            if is_free and row.due_at is not None and row.due_at <= now:
                yield row.due_at, key

    def _receiver(self, key: EventId) -> str:
        order = self._state.orders[self._state.events[key].event.order_id].order
        return receiver_of(order.webhook_url or "")

    def _job(self, row: EventRow, token: str) -> WebhookJob:
        order = self._state.orders[row.event.order_id].order
        return WebhookJob(
            event=row.event,
            order=order,
            api_key=self._signing_key(order),
            attempt=row.attempts + 1,
            token=token,
        )

    def _signing_key(self, order: Order) -> ApiKey | None:
        own = None if order.api_key_id is None else self._state.keys.get(order.api_key_id)
        if own is None or own.revoked_at is None:
            return own
        heirs = [
            key
            for key in self._state.keys.values()
            if key.account_id == own.account_id and key.revoked_at is None and key.sealed_secret is not None
        ]
        return max(heirs, key=attrgetter("id"), default=own)
