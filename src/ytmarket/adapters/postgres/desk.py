"""The order desk: a batch of orders costs one round trip to look around and one to record.

One desk is open at a time, in whichever process: an advisory lock of its transaction is the key.
While it is held nobody else prices an order or takes a unit, so what was read stays true.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack
from datetime import datetime
from typing import Final

import attrs

from ytmarket.adapters.postgres.arrays import numbers
from ytmarket.adapters.postgres.connections import Connection
from ytmarket.adapters.postgres.desk_basket import DeskMemory
from ytmarket.adapters.postgres.desk_facts import FactFinder
from ytmarket.domain.idempotency import Attempt
from ytmarket.domain.ids import ApiKeyId, OrderId
from ytmarket.domain.orders import Order
from ytmarket.domain.shop import Decision, Facts, OrderRequest, Placed
from ytmarket.domain.webhooks import receiver_of

# Before all else, by a statement of its own: a product that sells out locks the catalogue's version, and
# whoever wants that beside an amount of the price window takes it first.
HOLD_UNITS: Final = """
    update stock_unit set order_id = held.order_id
    from unnest(%s::bigint[], %s::bigint[]) as held (unit_id, order_id)
    where stock_unit.id = held.unit_id
"""
# A placed order's transfer and first event follow from the order, so that only the order is sent.
PLACE: Final = """
    with placed as materialized (
        select id, account_id, api_key_id, product_id, quantity, price, hits, webhook_url, receiver,
            %s::timestamptz as at, %s::timestamptz as deadline_at
        from unnest(
            %s::bigint[], %s::bigint[], %s::bigint[], %s::bigint[], %s::integer[], %s::bigint[],
            %s::smallint[], %s::text[], %s::text[]
        ) as batch (id, account_id, api_key_id, product_id, quantity, price, hits, webhook_url, receiver)
    ), orders_placed as (
        insert into orders (
            id, channel, account_id, api_key_id, product_id, quantity, price, hits, charged, status,
            webhook_url, receiver, created_at, updated_at, deadline_at
        )
        select id, 'api', account_id, api_key_id, product_id, quantity, price, hits, price, 'processing',
            webhook_url, receiver, at, at, deadline_at
        from placed
    ), charges as (
        insert into transfer (kind, ref, debit, credit, amount, at, account_id, order_id)
        select 'order_charged', id::text, 'customer:' || account_id, 'escrow', price, at, account_id, id
        from placed
    ), events as (
        insert into event (order_id, status, refunded, at, delivery, due_at)
        select id, 'processing', 0, at,
            case when webhook_url is null then 'unwanted' else 'pending' end,
            case when webhook_url is not null then at end
        from placed
    )
    insert into price_window (amount, taken_at, order_id)
    select price, max(at), max(id) from placed group by price order by price
    on conflict (amount) do update set taken_at = excluded.taken_at, order_id = excluded.order_id
    where price_window.taken_at <= excluded.taken_at
"""
KEEP_ANSWERS: Final = """
    insert into idempotency (api_key_id, key, digest, answer, at)
    select api_key_id, key, digest, answer, %s
    from unnest(%s::bigint[], %s::text[], %s::bytea[], %s::bytea[]) as kept (api_key_id, key, digest, answer)
"""
USE_SIGNATURES: Final = """
    insert into used_signature (api_key_id, digest, at)
    select api_key_id, digest, %s from unnest(%s::bigint[], %s::bytea[]) as used (api_key_id, digest)
    on conflict do nothing
"""


@attrs.frozen
class PostgresOrderDesk:
    """The `OrderDeskRepository` port.

    What is recorded travels with the commit: only then can a constraint refuse it.
    """

    _connection: Connection
    _memory: DeskMemory
    _until_commit: AsyncExitStack

    async def facts(self, requests: Sequence[OrderRequest], now: datetime) -> Facts:
        return await FactFinder(self._connection, self._memory, requests, now).find()

    async def record(
        self,
        requests: Sequence[OrderRequest],
        decision: Decision,
        answers: Mapping[OrderId, bytes],
        now: datetime,
    ) -> None:
        await self._until_commit.enter_async_context(self._connection.pipeline())
        placed = [outcome for outcome in decision.outcomes if isinstance(outcome, Placed)]
        if placed:
            await self._place(placed)
        if answers:
            await self._keep(requests, decision, answers, now)
        if decision.signatures:
            used = decision.signatures
            await self._connection.execute(
                USE_SIGNATURES, [now, numbers(s.api_key_id for s in used), [s.digest for s in used]]
            )

    async def _place(self, placed: Sequence[Placed]) -> None:
        first = placed[0].order
        columns = zip(*(_columns(outcome.order) for outcome in placed), strict=True)
        *whole, urls, receivers = columns
        held = [(unit, outcome.order.id) for outcome in placed for unit in outcome.units]
        await self._connection.execute(
            HOLD_UNITS, [numbers(unit for unit, _ in held), numbers(order for _, order in held)]
        )
        await self._connection.execute(
            PLACE,
            [first.created_at, first.deadline_at, *map(numbers, whole), list(urls), list(receivers)],
        )

    async def _keep(
        self,
        requests: Sequence[OrderRequest],
        decision: Decision,
        answers: Mapping[OrderId, bytes],
        now: datetime,
    ) -> None:
        kept: list[tuple[ApiKeyId, Attempt, bytes]] = [
            (request.api_key_id, request.attempt, answers[outcome.order.id])
            for request, outcome in zip(requests, decision.outcomes, strict=True)
            if isinstance(outcome, Placed) and request.attempt is not None and outcome.order.id in answers
        ]
        await self._connection.execute(
            KEEP_ANSWERS,
            [
                now,
                numbers(key for key, _, _ in kept),
                [attempt.key for _, attempt, _ in kept],
                [attempt.digest for _, attempt, _ in kept],
                [answer for _, _, answer in kept],
            ],
        )


def _columns(
    order: Order,
) -> tuple[int, int | None, int | None, int, int, int, int, str | None, str | None]:
    return (
        order.id,
        order.account_id,
        order.api_key_id,
        order.product_id,
        order.quantity,
        order.price.micros,
        order.hits,
        order.webhook_url,
        None if order.webhook_url is None else receiver_of(order.webhook_url),
    )
