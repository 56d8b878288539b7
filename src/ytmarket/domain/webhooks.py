"""When a webhook is sent again, and when it is given up."""

from __future__ import annotations

from datetime import datetime, timedelta
from enum import StrEnum
from ipaddress import IPv6Address
from typing import Final
from urllib.parse import urlsplit

import attrs

from ytmarket.domain import limits
from ytmarket.domain.api_keys import ApiKey
from ytmarket.domain.orders import Order, OrderEvent
from ytmarket.domain.webhook_urls import ascii_name

WAITS: Final = (
    timedelta(seconds=5),
    timedelta(seconds=30),
    timedelta(minutes=2),
    timedelta(minutes=10),
)
JITTER_PERCENT_MAX: Final = 20
USUAL_PORTS: Final = (None, 80, 443)
RECEIVER_SHARE: Final = 8
"""How many events one receiver may be sent at once, so that a dead one holds nobody else up."""


class Delivery(StrEnum):
    """How far an event's webhook is. `unwanted`: the order named no URL."""

    UNWANTED = "unwanted"
    PENDING = "pending"
    DELIVERED = "delivered"
    EXHAUSTED = "exhausted"


class Answer(StrEnum):
    """What became of one attempt."""

    ACCEPTED = "accepted"
    TRY_AGAIN = "try_again"
    REFUSED = "refused"


@attrs.frozen(kw_only=True)
class WebhookJob:
    """One event to send, claimed until its lease ends; `token` fences off whoever comes late.

    `api_key` signs it: the one that placed the order, or, once that is revoked, the account's newest
    live key that signs. So a leaked secret signs nothing any more when its key has been replaced.
    """

    event: OrderEvent
    order: Order
    api_key: ApiKey | None
    attempt: int  # 1 for the first
    token: str

    @property
    def is_spent(self) -> bool:
        """Whether its last attempt was begun before, by somebody who never said how it went."""
        return self.attempt > limits.WEBHOOK_ATTEMPTS_MAX


def receiver_of(url: str) -> str:
    """The host and port that a URL names, however it spells them: events for one receiver share its fate.

    The usual ports are left out. Empty for what is no URL.
    """
    try:
        parts = urlsplit(url)
        host, port = _host_of(parts.hostname or ""), parts.port
    except ValueError:
        return ""
    return host if port in USUAL_PORTS else f"{host}:{port}"


def _host_of(host: str) -> str:
    return f"[{IPv6Address(host).compressed}]" if ":" in host else ascii_name(host)


def answer_of(status: int | None) -> Answer:
    """Judge an attempt by its HTTP status; None: no answer at all (refused, timed out, DNS, TLS)."""
    if status is None or status in (408, 429) or 500 <= status <= 599:
        return Answer.TRY_AGAIN
    return Answer.ACCEPTED if 200 <= status <= 299 else Answer.REFUSED


def after_attempt(
    attempt: int, answer: Answer, now: datetime, jitter_percent: int
) -> tuple[Delivery, datetime | None]:
    """What the event becomes, and when it is due again.

    *jitter_percent* (0 to 20) is added to the wait, so that receivers are not hit in step.
    """
    if answer is Answer.ACCEPTED:
        return Delivery.DELIVERED, None
    if answer is Answer.REFUSED or attempt >= limits.WEBHOOK_ATTEMPTS_MAX:
        return Delivery.EXHAUSTED, None
    wait = WAITS[attempt - 1]
    return Delivery.PENDING, now + wait + wait * jitter_percent // 100
