"""Counts of what is too much to be counted again each time, kept beside it.

Events are counted by their numbers: those up to a mark are in the count already, and only the few
beyond it are looked at.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Final

import attrs

from ytmarket.adapters.postgres.connections import Connection

ADD: Final = """
    insert into tally (name, outcome, count)
    select %s, outcome, count from unnest(%s::text[], %s::bigint[]) added (outcome, count)
    order by outcome
    on conflict (name, outcome) do update set count = tally.count + excluded.count
"""
# Numbers are given out in nearly, not exactly, the order of time: what is folded ends before the first
# that is too young, so that none is left behind the mark.
FOLD: Final = """
    with mark as materialized (
        select count as until from tally where name = 'events_until' for update
    ), batch as materialized (
        select event.id, event.status, event.at from event, mark
        where event.id > mark.until order by event.id limit %(limit)s
    ), due as materialized (
        select id, status from batch
        where id < coalesce((select min(id) from batch where at >= %(before)s), 9223372036854775807)
    ), counted as (
        insert into tally (name, outcome, count)
        select 'events', status, count(*) from due group by status order by status
        on conflict (name, outcome) do update set count = tally.count + excluded.count
    ), moved as (
        update tally set count = (select max(id) from due)
        where name = 'events_until' and exists (select from due)
    )
    select count(*) from due
"""


@attrs.frozen
class PostgresTallies:
    """The `TallyRepository` port."""

    _connection: Connection

    async def add(self, name: str, counts: Mapping[str, int]) -> None:
        await self._connection.execute(ADD, (name, list(counts), list(counts.values())))

    async def fold_events(self, before: datetime, *, limit: int) -> int:
        folded = await self._connection.execute(FOLD, {"before": before, "limit": limit})
        row = await folded.fetchone()
        return 0 if row is None else int(row[0])
