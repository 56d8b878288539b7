"""Orders without a balance, in PostgreSQL: placed at the same desk as all others, one at a time."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final

import attrs

from ytmarket.adapters.postgres.accounts import PostgresAccounts
from ytmarket.adapters.postgres.arrays import numbers
from ytmarket.adapters.postgres.connections import Connection
from ytmarket.adapters.postgres.desk_basket import DeskMemory
from ytmarket.adapters.postgres.desk_facts import FactFinder
from ytmarket.adapters.postgres.errors import translating
from ytmarket.domain.errors import OrderNotFound
from ytmarket.domain.ids import AccountId, ApiKeyId, OrderId, ProductId, ReservationId
from ytmarket.domain.networks import Network
from ytmarket.domain.shop import OrderRequest, PlaceOrder
from ytmarket.domain.website import Checkout, MarketplaceSale, PlacedOutside, Shelf, Source

# First and by itself, as at the desk: what sells out is told to the catalogue before an amount is taken.
HOLD_UNITS: Final = "update stock_unit set order_id = %(id)s where id = any(%(units)s::bigint[])"
PLACE: Final = """
    with placed as materialized (
        insert into orders (
            id, channel, product_id, quantity, price, hits, charged, status, created_at, updated_at,
            deadline_at
        ) values (
            %(id)s, %(channel)s, %(product)s, %(quantity)s, %(price)s, %(hits)s, %(charged)s, %(status)s,
            %(at)s, %(at)s, %(deadline)s
        )
    ), told as (
        insert into event (order_id, status, refunded, at, delivery)
        values (%(id)s, %(status)s, 0, %(at)s, 'unwanted')
    )
    insert into price_window (amount, taken_at, order_id) values (%(price)s, %(at)s, %(id)s)
    on conflict (amount) do update set taken_at = excluded.taken_at, order_id = excluded.order_id
    where price_window.taken_at <= excluded.taken_at
"""
KEEP_CHECKOUT: Final = """
    insert into website_order (
        order_id, network, address, reservation_id, expires_at, paid_on, refund_tx_hash
    ) values (%s, %s, %s, %s, %s, %s, %s)
"""
KEEP_SALE: Final = "insert into marketplace_order (order_id, marketplace, external_id) values (%s, %s, %s)"
CHECKOUT: Final = """
    select order_id, network, address, reservation_id, expires_at, paid_on, refund_tx_hash
    from website_order where order_id = %s
"""
SAVE: Final = "update website_order set paid_on = %s, refund_tx_hash = %s where order_id = %s"
NOBODY: Final = (AccountId(0), ApiKeyId(0))  # accounts and keys are numbered from 1


@attrs.frozen
class PostgresWebsite:
    """The `WebsiteRepository` port."""

    _connection: Connection
    _memory: DeskMemory

    async def shelf(self, product: ProductId, quantity: int, now: datetime) -> Shelf | None:
        account, key = NOBODY
        wanted = PlaceOrder(product_id=product, quantity=quantity)
        request = OrderRequest(account_id=account, api_key_id=key, command=wanted)
        facts = await FactFinder(self._connection, self._memory, [request], now).find()
        found = facts.products.get(product)
        if found is None:
            return None
        return Shelf(
            order_id=facts.order_ids[0], product=found, units=facts.units[product], taken=facts.taken
        )

    async def place(self, placed: PlacedOutside) -> None:
        order = placed.order
        values = {
            "id": order.id,
            "channel": order.channel,
            "product": order.product_id,
            "quantity": order.quantity,
            "price": order.price.micros,
            "hits": order.hits,
            "charged": order.charged.micros,
            "status": order.status,
            "at": order.created_at,
            "deadline": order.deadline_at,
            "units": numbers(placed.units),
        }
        with translating():
            async with self._connection.pipeline():
                await self._connection.execute(HOLD_UNITS, values)
                await self._connection.execute(PLACE, values)
                await self._connection.execute(*_kept(placed.source))
                if placed.transfers:
                    await PostgresAccounts(self._connection).post(placed.transfers)

    async def checkout(self, order: OrderId) -> Checkout | None:
        row = await (await self._connection.execute(CHECKOUT, [order])).fetchone()
        return None if row is None else _checkout_of(row)

    async def save(self, checkout: Checkout) -> None:
        values = [checkout.paid_on, checkout.refund_tx_hash, checkout.order_id]
        if (await self._connection.execute(SAVE, values)).rowcount == 0:
            raise OrderNotFound


def _kept(source: Source) -> tuple[str, list[Any]]:
    match source:
        case Checkout():
            return KEEP_CHECKOUT, list(attrs.astuple(source, recurse=False))
        case MarketplaceSale():
            return KEEP_SALE, list(attrs.astuple(source, recurse=False))


def _checkout_of(row: tuple[Any, ...]) -> Checkout:
    return Checkout(
        order_id=OrderId(row[0]),
        network=Network(row[1]),
        address=row[2],
        reservation_id=ReservationId(row[3]),
        expires_at=row[4],
        paid_on=None if row[5] is None else Network(row[5]),
        refund_tx_hash=row[6],
    )
