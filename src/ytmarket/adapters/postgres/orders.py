"""Orders after they were placed, in PostgreSQL."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Final

import attrs

from ytmarket.adapters.postgres.accounts import PostgresAccounts
from ytmarket.adapters.postgres.connections import Connection, Cursor
from ytmarket.adapters.postgres.errors import translating
from ytmarket.adapters.postgres.rows import ORDER_COLUMNS, order_of
from ytmarket.domain.errors import Conflict, OrderNotFound
from ytmarket.domain.ids import OrderId
from ytmarket.domain.order_states import UNDELIVERED
from ytmarket.domain.orders import Change, Channel, Order, OrderEvent
from ytmarket.domain.reservations import TOLERANCE
from ytmarket.domain.webhooks import Delivery

# What no supplier has decided waits behind what is to be asked about for the first time.
LEASE: Final = f"""
    with due as materialized (
        select id from orders
        where status = 'processing' and coalesce(leased_until, '-infinity') <= %s
        order by coalesce(leased_until, '-infinity'), deadline_at, id limit %s for no key update skip locked
    ), leased as (
        update orders set leased_until = %s from due where orders.id = due.id returning orders.*
    )
    select {ORDER_COLUMNS} from leased as orders order by orders.created_at, orders.id
"""
LOCK: Final = f"select {ORDER_COLUMNS} from orders where id = %s for no key update"
# One statement, hence one moment, as top-ups expire: whoever sees how far the chain has been read sees
# its deposits too.
OVERDUE: Final = """
    select id from orders
    where deadline_at <= %(now)s and (
        status = 'processing'
        or status = 'awaiting_payment' and exists (
            select from website_order join reservation on reservation.id = website_order.reservation_id
            where website_order.order_id = orders.id
                and website_order.expires_at <= (
                    select read_until from network_progress
                    where network_progress.network = website_order.network
                    order by updated_at desc limit 1
                )
                and not exists (
                    select from deposit
                    where deposit.network = website_order.network and deposit.status = 'received'
                        and deposit.at >= lower(reservation.live) and deposit.at < website_order.expires_at
                        and abs(deposit.amount - reservation.amount) <= %(tolerance)s
                )
        )
    )
    order by deadline_at, id limit %(limit)s
"""
REFUNDS_DUE: Final = """
    select id from orders
    where refund = 'due' and not exists (select from account where account.id = orders.account_id and frozen)
    order by id limit %s
"""
SAVE: Final = """
    update orders set
        status = %s, refund = %s, charged = %s, settled = %s, refunded = %s, delivered = %s,
        error_message = %s, updated_at = %s, deadline_at = %s, leased_until = null
    where id = %s
"""
TELL: Final = """
    insert into event (order_id, status, refunded, error_message, at, delivery, due_at)
    values (%s, %s, %s, %s, %s, %s, %s)
"""
HAND_OUT: Final = """
    insert into delivery (unit_id, order_id, at)
    select id, order_id, %s from stock_unit where order_id = %s order by id limit %s
"""
PUT_BACK: Final = """
    update stock_unit set order_id = null
    where order_id = %s and not exists (select from delivery where delivery.unit_id = stock_unit.id)
"""
# The desk replaces an amount's row whenever somebody takes the amount again, so only its latest
# taker has anything to release. The row is locked first, whoever's it is, by a statement of its own:
# the next one then sees every order that took the amount or gave it up before, and a release before
# may just have made the row ours. It is the last that we wait for, as it is the desk's, and both come
# by the catalogue's version before, so that nobody waits in a circle.
LOCK_AMOUNT: Final = "select from price_window where amount = %s for no key update"
RELEASE_AMOUNT: Final = """
    update price_window set taken_at = coalesce(latest.created_at, '-infinity'), order_id = latest.id
    from (select) as always left join lateral (
        select id, created_at from orders
        where price = %(amount)s
            and not (channel = 'api' and status in ('failed', 'expired', 'cancelled'))
        order by created_at desc limit 1
    ) as latest on true
    where price_window.amount = %(amount)s and price_window.order_id = %(order)s
"""


@attrs.frozen
class PostgresOrders:
    """The `OrderRepository` port."""

    _connection: Connection

    async def lease_processing(self, now: datetime, until: datetime, *, limit: int) -> Sequence[Order]:
        rows = await (await self._connection.execute(LEASE, [now, limit, until])).fetchall()
        return [order_of(row) for row in rows]

    async def lock(self, order: OrderId) -> Order | None:
        row = await (await self._connection.execute(LOCK, [order])).fetchone()
        return None if row is None else order_of(row)

    async def overdue(self, now: datetime, *, limit: int) -> Sequence[OrderId]:
        values = {"now": now, "limit": limit, "tolerance": TOLERANCE.micros}
        rows = await (await self._connection.execute(OVERDUE, values)).fetchall()
        return [OrderId(row[0]) for row in rows]

    async def refunds_due(self, *, limit: int) -> Sequence[OrderId]:
        rows = await (await self._connection.execute(REFUNDS_DUE, [limit])).fetchall()
        return [OrderId(row[0]) for row in rows]

    async def record(self, change: Change) -> None:
        order = change.order
        ended = order.is_final and not order.is_refunded
        with translating():
            async with self._connection.pipeline():
                saved = await self._save(order)
                if change.transfers:
                    await PostgresAccounts(self._connection).post(change.transfers)
                if change.event is not None:
                    await self._tell(order, change.event)
                handed_out = await self._hand_out(order) if ended else None
                if ended and order.channel is Channel.API and order.status in UNDELIVERED:
                    await self._release_amount(order)
        if saved.rowcount != 1:
            raise OrderNotFound
        if handed_out is not None and handed_out.rowcount != order.delivered:
            raise Conflict

    async def _save(self, order: Order) -> Cursor:
        return await self._connection.execute(
            SAVE,
            [
                order.status,
                order.refund,
                order.charged.micros,
                order.settled.micros,
                order.refunded.micros,
                order.delivered,
                order.error_message,
                order.updated_at,
                order.deadline_at,
                order.id,
            ],
        )

    async def _tell(self, order: Order, event: OrderEvent) -> None:
        wanted = order.webhook_url is not None
        await self._connection.execute(
            TELL,
            [
                event.order_id,
                event.status,
                event.refunded.micros,
                event.error_message,
                event.at,
                Delivery.PENDING if wanted else Delivery.UNWANTED,
                event.at if wanted else None,
            ],
        )

    async def _hand_out(self, order: Order) -> Cursor:
        """The first units are the buyer's for ever; the others go back to stock."""
        handed_out = await self._connection.execute(HAND_OUT, [order.updated_at, order.id, order.delivered])
        if order.delivered < order.quantity:
            await self._connection.execute(PUT_BACK, [order.id])
        return handed_out

    async def _release_amount(self, order: Order) -> None:
        await self._connection.execute(LOCK_AMOUNT, [order.price.micros])
        await self._connection.execute(RELEASE_AMOUNT, {"amount": order.price.micros, "order": order.id})
