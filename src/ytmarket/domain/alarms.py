"""What an operator is to be told at once, and when it began and ended."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

import attrs

from ytmarket.domain.ids import AccountId, AlarmId


class AlarmKind(StrEnum):
    """What may be wrong. Each rings for one subject at a time, and until it is put right."""

    DEPOSITS_UNMATCHED = "deposits_unmatched"
    NETWORK_LAGGING = "network_lagging"
    NETWORK_STOPPED = "network_stopped"
    NETWORK_DIFFERENCE = "network_difference"
    WEBHOOK_EXHAUSTED = "webhook_exhausted"
    BOOKS_UNBALANCED = "books_unbalanced"


@attrs.frozen
class Alarm:
    """Something is wrong with *subject*: a network, a receiver of webhooks, `account:12`.

    *detail* says in a sentence or two what it is and what to do. It holds no secrets.
    """

    kind: AlarmKind
    subject: str
    detail: str


def account_subject(account: AccountId) -> str:
    """The subject of what is about one customer."""
    return f"account:{account}"


@attrs.frozen(kw_only=True)
class RungAlarm:
    """An alarm as it was rung; without an end it is ringing."""

    id: AlarmId
    alarm: Alarm
    rung_at: datetime
    ended_at: datetime | None = None
