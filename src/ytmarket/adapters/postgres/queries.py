"""Answers questions from the present state: each is one statement, hence of one moment."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime
from typing import Any, Final, TypeVar

import attrs

from ytmarket.adapters.postgres import queries_sql as sql
from ytmarket.adapters.postgres.accounts import totals_of, transfer_of
from ytmarket.adapters.postgres.alarms import rung_of
from ytmarket.adapters.postgres.api_keys import key_of
from ytmarket.adapters.postgres.arrays import hashes, numbers
from ytmarket.adapters.postgres.audit import AUDIT_END, audit_end_of, audit_row_of
from ytmarket.adapters.postgres.catalog_pages import CatalogPages
from ytmarket.adapters.postgres.connections import Pool, lent
from ytmarket.adapters.postgres.deposits import READ_UNTIL, record_of
from ytmarket.adapters.postgres.figures import FIGURES, figures_of, figures_values
from ytmarket.adapters.postgres.heartbeats import heartbeat_of
from ytmarket.adapters.postgres.networks import COVERAGE, STATES, coverage_of, state_of
from ytmarket.adapters.postgres.rows import order_of, product_of
from ytmarket.adapters.postgres.topups import is_topup_id, topup_of
from ytmarket.adapters.postgres.verify import NAME as BOOKS_CHECKED
from ytmarket.adapters.postgres.verify import Checked
from ytmarket.adapters.postgres.webhooks import EVENT_PREFIX, event_of
from ytmarket.application.ports.heartbeats import Heartbeat
from ytmarket.application.ports.networks import Coverage, NetworkState
from ytmarket.application.ports.queries import (
    EventView,
    ExhaustedWebhooks,
    Listing,
    OrderFilter,
    OrderWithItems,
    Paging,
    SealedItem,
    TopupView,
)
from ytmarket.application.ports.watching import ShopFigures
from ytmarket.domain.alarms import RungAlarm
from ytmarket.domain.api_keys import ApiKey, KeySummary, Usage
from ytmarket.domain.audit import AuditEnd, AuditRow
from ytmarket.domain.catalog import Category, Product, ProductFilter
from ytmarket.domain.deposits import DepositRecord, DepositStatus
from ytmarket.domain.ids import AccountId, ApiKeyId, EventId, OrderId, ProductId, TopupId, UnitId
from ytmarket.domain.ledger import CustomerTotals, Transfer
from ytmarket.domain.money import Usdt
from ytmarket.domain.networks import Network
from ytmarket.domain.orders import Order
from ytmarket.domain.webhooks import Delivery

BEFORE_ALL: Final = -(2**63)

T = TypeVar("T")
Fields = tuple[Any, ...]


class PostgresQueries:
    """The `Queries` port, over connections that commit by themselves."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self._catalog = CatalogPages(pool)

    async def keys(self, digests: Collection[bytes]) -> Mapping[bytes, ApiKey]:
        rows = await self._all(sql.KEYS, (hashes(digests),))
        return {row[0]: key_of(row[1:]) for row in rows}

    async def totals(self, accounts: Collection[AccountId]) -> Mapping[AccountId, CustomerTotals]:
        rows = await self._all(sql.TOTALS, (numbers(accounts),))
        return {row[0]: totals_of(row[1:]) for row in rows}

    async def usage(self, key: ApiKeyId) -> Usage | None:
        row = await self._one(sql.USAGE, (key,))
        if row is None:
            return None
        return Usage(requests=row[0], first_used_at=row[1], last_used_at=row[2], last_endpoint=row[3])

    async def products(self, wanted: ProductFilter, paging: Paging) -> Listing[Product]:
        return await self._catalog.products(wanted, paging)

    async def product(self, product: ProductId) -> Product | None:
        row = await self._one(sql.PRODUCT, (product,))
        return None if row is None else product_of(row)

    async def categories(self) -> Sequence[Category]:
        return await self._catalog.categories()

    async def order(self, account: AccountId | None, order: OrderId) -> OrderWithItems | None:
        row = await self._one(sql.ORDER, {"order": order, "account": account})
        if row is None:
            return None
        *fields, units, sealed = row
        items = [
            SealedItem(unit_id=UnitId(unit), sealed=content)
            for unit, content in zip(units or (), sealed or (), strict=True)
        ]
        return OrderWithItems(order=order_of(tuple(fields)), items=items)

    async def orders(self, account: AccountId | None, paging: Paging) -> Listing[Order]:
        statement = sql.ALL_ORDERS if account is None else sql.ORDERS
        return await self._listing(statement, {"account": account}, paging, order_of)

    async def find_orders(self, wanted: OrderFilter, paging: Paging) -> Listing[Order]:
        return await self._listing(sql.FIND_ORDERS, attrs.asdict(wanted), paging, order_of)

    async def topup(self, account: AccountId, topup: TopupId) -> TopupView | None:
        if not is_topup_id(topup):
            return None
        row = await self._one(sql.TOPUP, (topup, account))
        return None if row is None else _topup_view(row)

    async def topups(self, account: AccountId, paging: Paging) -> Listing[TopupView]:
        return await self._listing(sql.TOPUPS, {"account": account}, paging, _topup_view)

    async def deposits_by_hash(self, tx_hash: str) -> Sequence[DepositRecord]:
        return [record_of(row) for row in await self._all(sql.DEPOSITS_BY_HASH, (tx_hash,))]

    async def deposits(
        self, status: DepositStatus, paging: Paging, *, dust: bool = False
    ) -> Listing[DepositRecord]:
        statement = sql.DUST if dust else sql.DEPOSITS
        return await self._listing(statement, {"status": status}, paging, record_of)

    async def transfers(self, account: AccountId, paging: Paging) -> Listing[Transfer]:
        return await self._listing(sql.TRANSFERS, {"account": account}, paging, transfer_of)

    async def key_summaries(self, paging: Paging) -> Listing[KeySummary]:
        return await self._listing(sql.KEY_SUMMARIES, {}, paging, _key_summary)

    async def audit_rows(self, *, limit: int, offset: int = 0) -> Sequence[AuditRow]:
        return [audit_row_of(row) for row in await self._all(sql.AUDIT_ROWS, (limit, offset))]

    async def audit_trail(self, after: int | None, *, limit: int) -> Sequence[AuditRow]:
        beginning = BEFORE_ALL if after is None else after
        return [audit_row_of(row) for row in await self._all(sql.AUDIT_TRAIL, (beginning, limit))]

    async def audit_end(self) -> AuditEnd | None:
        row = await self._one(sql.SETTING, (AUDIT_END,))
        return None if row is None else audit_end_of(row[0])

    async def acts_untold(self, *, limit: int) -> Sequence[str]:
        return [row[0] for row in await self._all(sql.ACTS_UNTOLD, (limit,))]

    async def figures(self, now: datetime) -> ShopFigures:
        return figures_of(await self._all(FIGURES, figures_values(now)))

    async def books_checked_at(self) -> datetime | None:
        row = await self._one(sql.SETTING, (BOOKS_CHECKED,))
        return None if row is None else Checked.read(row[0]).at

    async def heartbeats(self) -> Sequence[Heartbeat]:
        return [heartbeat_of(row) for row in await self._all(sql.HEARTBEATS, ())]

    async def fingerprints(self, accounts: Collection[AccountId]) -> Mapping[AccountId, str]:
        return {row[0]: row[1] for row in await self._all(sql.FINGERPRINTS, (list(accounts),))}

    async def events(self, order: OrderId) -> Sequence[EventView]:
        return [_event_view(row) for row in await self._all(sql.EVENTS, (order,))]

    async def exhausted_webhooks(self, since: datetime) -> Sequence[ExhaustedWebhooks]:
        return [_exhausted(row) for row in await self._all(sql.EXHAUSTED, (since,))]

    async def alarms(self) -> Sequence[RungAlarm]:
        return [rung_of(row) for row in await self._all(sql.ALARMS, ())]

    async def sealed(self) -> int:
        ((count,),) = await self._all(sql.SEALED, ())
        return int(count)

    async def read_until(self, network: Network) -> datetime | None:
        row = await self._one(READ_UNTIL, (network,))
        return None if row is None else row[0]

    async def network_states(self) -> Sequence[NetworkState]:
        return [state_of(row) for row in await self._all(STATES, ())]

    async def coverage(self, network: Network, wallet: str) -> Sequence[Coverage]:
        return [coverage_of(row) for row in await self._all(COVERAGE, (network, wallet))]

    async def _all(self, statement: str, values: Sequence[Any] | Mapping[str, Any]) -> list[Fields]:
        async with lent(self._pool) as connection:
            # In binary, sealed contents and long lists need no decoding.
            cursor = await connection.execute(statement, values, binary=True)
            return await cursor.fetchall()

    async def _one(self, statement: str, values: Sequence[Any] | Mapping[str, Any]) -> Fields | None:
        rows = await self._all(statement, values)
        return rows[0] if rows else None

    async def _listing(
        self, statement: str, values: dict[str, Any], paging: Paging, read: Callable[[Fields], T]
    ) -> Listing[T]:
        """Each row begins with the total; past the end there is one that holds nothing else."""
        page = {"limit": paging.page_size, "offset": paging.offset}
        rows = await self._all(statement, values | page)
        found = [read(row[1:]) for row in rows if row[1] is not None]
        return Listing(rows=found, paging=paging, total=rows[0][0])


def _topup_view(row: Fields) -> TopupView:
    return TopupView(topup=topup_of(row), read_until=row[-1])


def _event_view(row: Fields) -> EventView:
    return EventView(event=event_of(row), delivery=Delivery(row[6]), attempts=row[7], last_status=row[8])


def _exhausted(row: Fields) -> ExhaustedWebhooks:
    receiver, events, first, order = row
    return ExhaustedWebhooks(
        receiver=receiver, events=events, first=EventId(f"{EVENT_PREFIX}{first}"), order_id=OrderId(order)
    )


def _key_summary(row: Fields) -> KeySummary:
    return KeySummary(key=key_of(row), balance=Usdt(row[-2]), last_used_at=row[-1])
