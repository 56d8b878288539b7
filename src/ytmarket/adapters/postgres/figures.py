"""The shop in figures: one statement, hence of one moment, and none of it counts what only grows."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any, Final

from ytmarket.application.ports.watching import AGES, ShopFigures, Waiting

FIGURES: Final = """
    select 'event' as figure, outcome, sum(count)::bigint as count, null::timestamptz as oldest
    from (
        select outcome, count from tally where name = 'events'
        union all
        select status, count(*) from event
        where id > (select count from tally where name = 'events_until') group by status
    ) events group by outcome
    union all
    select 'webhook', outcome, count, null from tally where name = 'webhooks'
    union all
    select 'deposit', status, count(*), null from deposit
    where reason is distinct from 'dust' group by status
    union all
    select 'deposit', case status when 'unmatched' then 'dust' else status end, count(*), null from deposit
    where reason = 'dust' group by status
    union all
    select 'open', status, count(*), min(created_at) from orders
    where status in ('processing', 'awaiting_payment') group by status
    union all
    select 'aged', age::text, count(orders.id), null
    from unnest(%(ages)s::integer[]) age left join orders
        on orders.status in ('processing', 'awaiting_payment') and orders.status = 'processing'
        and orders.created_at <= %(now)s::timestamptz - age * interval '1 second'
    group by age
    union all
    select 'refund', channel, count(*), min(updated_at) from orders where refund = 'due' group by channel
    union all
    select 'unmatched', '', count(*), min(at) from deposit
    where status = 'unmatched' and reason is distinct from 'dust'
    union all
    select 'outbox', '', count(*), min(at) from event where delivery = 'pending'
"""

SECOND: Final = timedelta(seconds=1)


def figures_values(now: datetime) -> dict[str, Any]:
    """What `FIGURES` takes."""
    return {"now": now, "ages": [age // SECOND for age in AGES]}


def figures_of(rows: Iterable[tuple[Any, ...]]) -> ShopFigures:
    """The figures in the rows of `FIGURES`; one outcome may stand in several rows."""
    counts: dict[str, dict[str, int]] = defaultdict(lambda: defaultdict(int))
    waiting: dict[str, dict[str, Waiting]] = defaultdict(dict)
    for figure, outcome, count, oldest in rows:
        counts[figure][outcome] += count
        waiting[figure][outcome] = Waiting(count, oldest)
    return ShopFigures(
        order_events=dict(counts["event"]),
        webhooks=dict(counts["webhook"]),
        deposits=dict(counts["deposit"]),
        orders_open=waiting["open"],
        processing_for={int(age) * SECOND: count for age, count in sorted(counts["aged"].items(), key=_age)},
        refunds_due=waiting["refund"],
        unmatched=waiting["unmatched"][""],
        outbox=waiting["outbox"][""],
    )


def _age(item: tuple[str, int]) -> int:
    return int(item[0])
