"""Telling clients' servers what became of their orders."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import timedelta
from typing import Final

import attrs

from ytmarket.application.api_keys import secret_context
from ytmarket.application.audit import Actor, audited
from ytmarket.application.catalog import unit_context
from ytmarket.application.ports.clock import Clock
from ytmarket.application.ports.queries import OrderWithItems, Queries
from ytmarket.application.ports.tokens import Tokens
from ytmarket.application.ports.unit_of_work import NewUnitOfWork
from ytmarket.application.ports.vault import Vault
from ytmarket.application.ports.watching import WEBHOOK_OUTCOMES
from ytmarket.application.ports.webhook_sender import WebhookSender
from ytmarket.domain import signatures, webhooks
from ytmarket.domain.errors import EventNotFound
from ytmarket.domain.ids import EventId
from ytmarket.domain.limits import WEBHOOK_TIMEOUT
from ytmarket.domain.order_states import OrderStatus
from ytmarket.domain.orders import Order, OrderEvent
from ytmarket.domain.times import epoch_seconds
from ytmarket.domain.webhooks import Answer, Delivery, WebhookJob
from ytmarket.domain.wording import check_reason

# The sender needs at most ten seconds; a claim that has ended is somebody else's.
LEASE: Final = timedelta(seconds=60)
AT_ONCE: Final = 64
# How long a process that ends waits for those it has sent: one attempt, and writing down how it went.
LANDING: Final = WEBHOOK_TIMEOUT + timedelta(seconds=1)
BEFORE_DELIVERY: Final = frozenset({OrderStatus.AWAITING_PAYMENT, OrderStatus.PROCESSING})

RenderEvent = Callable[[OrderEvent, Order, Sequence[bytes]], bytes]


@attrs.define(kw_only=True)
class WebhookService:
    """Sends events to the URLs that orders named. *render* makes the body."""

    new_unit_of_work: NewUnitOfWork
    queries: Queries
    clock: Clock
    tokens: Tokens
    vault: Vault
    sender: WebhookSender
    render: RenderEvent
    # Called when one has landed: that makes room, and lets the next one of its order go.
    on_landed: Callable[[], None] = lambda: None
    settled: Counter[str] = attrs.field(factory=Counter, init=False)
    """What became of this process's attempts, for whoever counts them."""

    _flying: dict[asyncio.Task[None], str] = attrs.field(factory=dict, init=False)
    _troubles: list[BaseException] = attrs.field(factory=list, init=False)

    async def launch_due(self, *, limit: int = AT_ONCE) -> int:
        """Begin to send what is due and wait for none of it, so that a slow receiver delays nobody.

        How many were begun. A receiver has no more than two shares of its events in the air. What
        goes wrong on our side with one of them is for `told_troubles`.
        """
        jobs = await self._claim(limit - len(self._flying))
        for job in jobs:
            task = asyncio.create_task(self._deliver(job))
            self._flying[task] = webhooks.receiver_of(job.order.webhook_url or "")
            task.add_done_callback(self._landed)
        return len(jobs)

    async def deliver_due(self, *, limit: int = AT_ONCE) -> int:
        """Send what is due and wait until it is done; how many attempts were made."""
        launched = await self.launch_due(limit=limit)
        if self._flying:
            await asyncio.wait(list(self._flying))
        for trouble in self.told_troubles():
            raise trouble
        return launched

    def told_troubles(self) -> Sequence[BaseException]:
        """What went wrong on our side with events that were sent, told once; it is no reason to wait."""
        troubles, self._troubles = self._troubles, []
        return troubles

    async def close(self, *, within: timedelta = LANDING) -> None:
        """Let those that were sent be answered and written down; whoever is not by then is left.

        Nothing may be launched any more. What is left counts as an attempt, and is sent again when
        its claim ends.
        """
        if not self._flying:
            return
        _, late = await asyncio.wait(self._flying, timeout=within.total_seconds())
        for task in late:
            task.cancel()
        await asyncio.gather(*late, return_exceptions=True)

    async def resend(self, event: EventId, actor: Actor, *, reason: str | None = None) -> None:
        """Send an event again, from its first attempt. Raises `InvalidRequest` and `EventNotFound`."""
        if reason is not None:
            check_reason(reason)
        now = self.clock.now()
        async with self.new_unit_of_work() as uow:
            was = await uow.webhooks.resend(event, now)
            if was is None:
                raise EventNotFound
            target = f"event:{event}"
            await audited(
                uow, actor, now, "webhook.resend", target, before=was, after=Delivery.PENDING, reason=reason
            )
            await uow.commit()

    async def _claim(self, limit: int) -> Sequence[WebhookJob]:
        if limit <= 0:
            return ()
        loads = Counter(self._flying.values())
        full = [receiver for receiver, load in loads.items() if load >= webhooks.RECEIVER_SHARE]
        now = self.clock.now()
        async with self.new_unit_of_work() as uow:
            jobs = await uow.webhooks.claim(now, now + LEASE, self.tokens.lease(), limit=limit, full=full)
            await uow.commit()
        return jobs

    def _landed(self, task: asyncio.Task[None]) -> None:
        del self._flying[task]
        self.on_landed()
        if not task.cancelled() and (trouble := task.exception()) is not None:
            # The claim ends by itself and the event is sent again.
            self._troubles.append(trouble)

    async def _deliver(self, job: WebhookJob) -> None:
        url = job.order.webhook_url
        if url is None or job.is_spent:
            status, answer = None, Answer.REFUSED
        else:
            body, headers = await self._prepared(job)
            status = await self.sender.post(url, body, headers)
            answer = webhooks.answer_of(status)
        jitter = self.tokens.below(webhooks.JITTER_PERCENT_MAX + 1)
        delivery, due_at = webhooks.after_attempt(job.attempt, answer, self.clock.now(), jitter)
        async with self.new_unit_of_work() as uow:
            await uow.webhooks.record(job, delivery, due_at, status)
            await uow.commit()
        self.settled[WEBHOOK_OUTCOMES[delivery]] += 1

    async def _prepared(self, job: WebhookJob) -> tuple[bytes, dict[str, str]]:
        """What is sent. Trouble on our side before that costs the receiver none of its attempts."""
        try:
            body = self.render(job.event, job.order, await self._items(job))
            return body, self._headers(job, body)
        except Exception:
            # Where not even this can be written, the attempt is lost: better than one too many.
            with suppress(Exception):
                async with self.new_unit_of_work() as uow:
                    await uow.webhooks.give_back(job)
                    await uow.commit()
            raise

    async def _items(self, job: WebhookJob) -> Sequence[bytes]:
        # An event tells what was: one from before the delivery shows nothing, however late it is sent.
        if job.order.delivered == 0 or job.event.status in BEFORE_DELIVERY:
            return ()
        found = await self.queries.order(None, job.order.id)
        return () if found is None else open_items(self.vault, found)

    def _headers(self, job: WebhookJob, body: bytes) -> dict[str, str]:
        headers = {"Content-Type": "application/json", "X-Webhook-Id": str(job.event.id)}
        key = job.api_key
        if key is not None and key.sealed_secret is not None:
            secret = self.vault.open(key.sealed_secret, secret_context(key.id))
            timestamp = str(epoch_seconds(self.clock.now()))
            headers |= {
                "X-Webhook-Timestamp": timestamp,
                "X-Webhook-Signature": signatures.sign(secret, timestamp, body),
                "X-Webhook-Algorithm": "HMAC-SHA256",
            }
        return headers


def open_items(vault: Vault, found: OrderWithItems) -> Sequence[bytes]:
    """The contents that were delivered, in the order of their units."""
    return [vault.open(item.sealed, unit_context(item.unit_id)) for item in found.items]
