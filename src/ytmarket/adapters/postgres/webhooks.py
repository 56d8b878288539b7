"""Events on their way to clients' servers: claimed under a lease, fenced off by a token."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any, Final

import attrs

from ytmarket.adapters.postgres.api_keys import KEY_COLUMNS, key_of
from ytmarket.adapters.postgres.connections import Connection
from ytmarket.adapters.postgres.rows import ORDER_COLUMNS, order_of
from ytmarket.domain.ids import EventId, OrderId
from ytmarket.domain.limits import WEBHOOK_ATTEMPTS_MAX
from ytmarket.domain.money import Usdt
from ytmarket.domain.orders import OrderEvent
from ytmarket.domain.webhooks import RECEIVER_SHARE, Delivery, WebhookJob

EVENT_PREFIX: Final = "evt_"

# An event waits for the earlier ones of its order; nobody waits for an event that is claimed.
CLAIM: Final = f"""
    with waiting as (
        select event.id, event.due_at, orders.receiver
        from event join orders on orders.id = event.order_id
        where delivery = 'pending' and due_at <= %(now)s and coalesce(event.leased_until <= %(now)s, true)
            and orders.receiver <> all(%(full)s)
            and not exists (
                select from event earlier
                where earlier.order_id = event.order_id and earlier.id < event.id
                    and earlier.delivery = 'pending'
            )
        order by event.due_at, event.id limit %(look)s
    ),
    shared as (
        select id, due_at, row_number() over (partition by receiver order by due_at, id) as place from waiting
    ),
    due as (
        select event.id, event.attempts as before from event join shared using (id)
        where place <= %(share)s
            and event.delivery = 'pending' and coalesce(event.leased_until <= %(now)s, true)
        order by shared.due_at, event.id limit %(limit)s for no key update of event skip locked
    ),
    claimed as (
        update event set
            leased_until = %(until)s, lease_token = %(token)s, attempts = least(before + 1, %(attempts_max)s)
        from due where event.id = due.id
        returning event.*, before
    )
    select
        claimed.id, claimed.order_id, claimed.status, claimed.refunded, claimed.error_message, claimed.at,
        claimed.before, {ORDER_COLUMNS}, {KEY_COLUMNS}
    from claimed
    join orders on orders.id = claimed.order_id
    left join lateral (
        select * from api_key
        where api_key.id = orders.api_key_id
            or (api_key.account_id = orders.account_id and orders.api_key_id is not null
                and revoked_at is null and sealed_secret is not null)
        order by revoked_at is null and id = orders.api_key_id desc, revoked_at is null desc, id desc
        limit 1
    ) api_key on true
    order by claimed.due_at, claimed.id
"""
RECORD: Final = """
    update event set
        delivery = %(delivery)s, due_at = %(due_at)s, last_status = %(status)s,
        leased_until = null, lease_token = null
    where id = %(id)s and lease_token = %(token)s
"""
GIVE_BACK: Final = "update event set attempts = %s where id = %s and lease_token = %s"
# Those that wait for it need not be looked at before.
PUT_OFF: Final = """
    update event set due_at = %(due_at)s
    where order_id = %(order)s and id > %(id)s and delivery = 'pending' and due_at < %(due_at)s
"""
RESEND: Final = """
    with former as (
        select id, delivery from event where id = %(event)s and delivery <> 'unwanted' for update
    )
    update event set
        delivery = 'pending', due_at = %(now)s, attempts = 0, last_status = null,
        leased_until = null, lease_token = null
    from former where event.id = former.id
    returning former.delivery
"""
# Those that were put off with it. One that was tried itself keeps its own time.
BRING_FORWARD: Final = """
    update event set due_at = %(now)s
    from event resent
    where resent.id = %(event)s and event.order_id = resent.order_id and event.id > resent.id
        and event.delivery = 'pending' and event.attempts = 0 and event.due_at > %(now)s
"""
LOOK_AT: Final = 1_000  # events that are considered for a claim
ORDER_AT: Final = 7  # where in a row of CLAIM the order begins, and where the key
KEY_AT: Final = 26


@attrs.frozen
class PostgresWebhooks:
    """The `WebhookRepository` port."""

    _connection: Connection

    async def claim(
        self, now: datetime, until: datetime, token: str, *, limit: int, full: Collection[str] = ()
    ) -> Sequence[WebhookJob]:
        values = {
            "now": now,
            "until": until,
            "token": token,
            "limit": limit,
            "full": list(full),
            "share": RECEIVER_SHARE,
            "look": LOOK_AT,
            "attempts_max": WEBHOOK_ATTEMPTS_MAX,
        }
        cursor = await self._connection.execute(CLAIM, values)
        return [_job_of(row, token) async for row in cursor]

    async def record(
        self, job: WebhookJob, delivery: Delivery, due_at: datetime | None, status: int | None
    ) -> bool:
        values = {
            "id": _number(job.event.id),
            "order": job.event.order_id,
            "token": job.token,
            "delivery": delivery,
            "due_at": due_at,
            "status": status,
        }
        recorded = await self._connection.execute(RECORD, values)
        if recorded.rowcount == 0:
            return False
        if due_at is not None:
            await self._connection.execute(PUT_OFF, values)
        return True

    async def give_back(self, job: WebhookJob) -> bool:
        values = [job.attempt - 1, _number(job.event.id), job.token]
        return (await self._connection.execute(GIVE_BACK, values)).rowcount == 1

    async def resend(self, event: EventId, now: datetime) -> Delivery | None:
        asked = {"now": now, "event": _number(event)}
        row = await (await self._connection.execute(RESEND, asked)).fetchone()
        if row is None:
            return None
        await self._connection.execute(BRING_FORWARD, asked)
        return Delivery(row[0])


def _number(event: EventId | None) -> int | None:
    """The row's number; None for what can be no event of ours."""
    prefix, digits = (event or "")[: len(EVENT_PREFIX)], (event or "")[len(EVENT_PREFIX) :]
    known = prefix == EVENT_PREFIX and digits.isascii() and digits.isdigit() and len(digits) <= 18
    return int(digits) if known else None


def _job_of(row: tuple[Any, ...], token: str) -> WebhookJob:
    return WebhookJob(
        event=event_of(row),
        order=order_of(row[ORDER_AT:KEY_AT]),
        api_key=None if row[KEY_AT] is None else key_of(row[KEY_AT:]),
        attempt=row[6] + 1,
        token=token,
    )


def event_of(row: tuple[Any, ...]) -> OrderEvent:
    """The event in a row that begins with its id, order, status, refund, error message and time."""
    return OrderEvent(
        id=EventId(f"{EVENT_PREFIX}{row[0]}"),
        order_id=OrderId(row[1]),
        status=row[2],
        refunded=Usdt(row[3]),
        error_message=row[4],
        at=row[5],
    )
