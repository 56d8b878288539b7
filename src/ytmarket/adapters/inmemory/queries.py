"""Questions to the shop in memory, answered from what has been committed."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from heapq import nlargest, nsmallest
from typing import TypeVar

import attrs

from ytmarket.adapters.inmemory.audited_acts import acts_untold
from ytmarket.adapters.inmemory.networks import states_in
from ytmarket.adapters.inmemory.rows import EventRow
from ytmarket.adapters.inmemory.state import State
from ytmarket.adapters.inmemory.tallies import figures
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
from ytmarket.domain.deposits import DepositRecord, DepositStatus, UnmatchedReason
from ytmarket.domain.ids import AccountId, ApiKeyId, EventId, OrderId, ProductId, TopupId
from ytmarket.domain.ledger import CustomerTotals, Transfer
from ytmarket.domain.networks import Network
from ytmarket.domain.orders import Order
from ytmarket.domain.webhooks import Delivery, receiver_of

Row = TypeVar("Row")


@attrs.frozen
class InMemoryQueries:
    """The `Queries` port. An answer is made without a pause, hence from one moment."""

    _state: State
    _check_up: Callable[[], None]

    async def keys(self, digests: Collection[bytes]) -> Mapping[bytes, ApiKey]:
        with self._committed() as state:
            known = {
                digest: state.keys[key]
                for digest in digests
                if (key := state.key_by_digest.get(digest)) is not None
            }
        return {digest: key for digest, key in known.items() if key.revoked_at is None}

    async def totals(self, accounts: Collection[AccountId]) -> Mapping[AccountId, CustomerTotals]:
        with self._committed() as state:
            return {
                account: row.totals
                for account in accounts
                if (row := state.accounts.get(account)) is not None
            }

    async def usage(self, key: ApiKeyId) -> Usage | None:
        with self._committed() as state:
            return state.usage.get(key)

    async def products(self, wanted: ProductFilter, paging: Paging) -> Listing[Product]:
        with self._committed() as state:
            stocked = map(state.with_stock, state.products.values())
            found = [product for product in stocked if wanted.admits(product)]
        return _page(sorted(found, key=lambda product: product.id), paging)

    async def product(self, product: ProductId) -> Product | None:
        with self._committed() as state:
            return state.product(product)

    async def categories(self) -> Sequence[Category]:
        prices: dict[str, list[Product]] = {}
        with self._committed() as state:
            for key in state.free_units.groups():
                product = state.products[key]
                prices.setdefault(product.category, []).append(product)
        return [
            Category(
                name=name,
                products=len(products),
                min_price=min(product.price for product in products),
            )
            for name, products in sorted(prices.items())
        ]

    async def order(self, account: AccountId | None, order: OrderId) -> OrderWithItems | None:
        with self._committed() as state:
            row = state.orders.get(order)
            if row is None or (account is not None and row.order.account_id != account):
                return None
            items = [
                SealedItem(unit_id=unit.id, sealed=unit.sealed)
                for unit in state.units_for(order)
                if unit.delivered
            ]
            return OrderWithItems(order=row.order, items=items)

    async def orders(self, account: AccountId | None, paging: Paging) -> Listing[Order]:
        with self._committed() as state:
            rows = (
                state.orders.values()
                if account is None
                else [state.orders[key] for key in state.orders_of.of(account)]
            )
            orders = [row.order for row in rows]
        return _newest_first(orders, paging, lambda order: (order.created_at, order.id))

    async def find_orders(self, wanted: OrderFilter, paging: Paging) -> Listing[Order]:
        with self._committed() as state:
            orders = [row.order for row in state.orders.values()]
            account = next((key.account_id for key in state.keys.values() if key.fp == wanted.fp), None)
        found = [
            order
            for order in orders
            if wanted.status in (None, order.status)
            and wanted.product in (None, order.product_id)
            and (wanted.fp is None or (account is not None and order.account_id == account))
        ]
        return _newest_first(found, paging, lambda order: (order.created_at, order.id))

    async def topup(self, account: AccountId, topup: TopupId) -> TopupView | None:
        with self._committed() as state:
            found = state.topups.get(topup)
            if found is None or found.account_id != account:
                return None
            return TopupView(topup=found, read_until=state.read_until.get(found.network))

    async def topups(self, account: AccountId, paging: Paging) -> Listing[TopupView]:
        with self._committed() as state:
            topups = [state.topups[key] for key in state.topups_of.of(account)]
            read = dict(state.read_until.items())
        page = _newest_first(topups, paging, lambda topup: (topup.created_at, topup.id))
        rows = [TopupView(topup=t, read_until=read.get(t.network)) for t in page.rows]
        return Listing(rows=rows, paging=paging, total=page.total)

    async def deposits_by_hash(self, tx_hash: str) -> Sequence[DepositRecord]:
        with self._committed() as state:
            return [state.deposits[key] for key in sorted(state.deposits_by_hash.of(tx_hash))]

    async def deposits(
        self, status: DepositStatus, paging: Paging, *, dust: bool = False
    ) -> Listing[DepositRecord]:
        with self._committed() as state:
            records = [state.deposits[key] for key in state.deposits_in.of(status)]
        wanted = [r for r in records if (r.reason is UnmatchedReason.DUST) == dust]
        return _newest_first(wanted, paging, lambda record: (record.id,))

    async def transfers(self, account: AccountId, paging: Paging) -> Listing[Transfer]:
        with self._committed() as state:
            names = list(state.transfers_of.of(account))
            posted = [state.transfers[name] for name in reversed(names)]
        return _page(posted, paging)

    async def key_summaries(self, paging: Paging) -> Listing[KeySummary]:
        with self._committed() as state:
            summaries = [
                KeySummary(
                    key=key,
                    balance=state.accounts[key.account_id].totals.balance,
                    last_used_at=None if (usage := state.usage.get(key.id)) is None else usage.last_used_at,
                )
                for key in state.keys.values()
            ]
        return _page(sorted(summaries, key=lambda row: row.key.id), paging)

    async def audit_rows(self, *, limit: int, offset: int = 0) -> Sequence[AuditRow]:
        with self._committed() as state:
            return nlargest(offset + limit, state.audit.values(), key=lambda row: row.number)[offset:]

    async def audit_trail(self, after: int | None, *, limit: int) -> Sequence[AuditRow]:
        with self._committed() as state:
            rows = [row for row in state.audit.values() if after is None or row.number > after]
        return nsmallest(limit, rows, key=lambda row: row.number)

    async def audit_end(self) -> AuditEnd | None:
        with self._committed() as state:
            return state.audit_end.get(0)

    async def acts_untold(self, *, limit: int) -> Sequence[str]:
        with self._committed() as state:
            return nsmallest(limit, acts_untold(state))

    async def figures(self, now: datetime) -> ShopFigures:
        with self._committed() as state:
            return figures(state, now)

    async def books_checked_at(self) -> datetime | None:
        with self._committed() as state:
            return state.books_checked_at

    async def heartbeats(self) -> Sequence[Heartbeat]:
        with self._committed() as state:
            return sorted(state.heartbeats.values(), key=lambda beat: (beat.started_at, beat.process))

    async def fingerprints(self, accounts: Collection[AccountId]) -> Mapping[AccountId, str]:
        with self._committed() as state:
            keys = [key for key in state.keys.values() if key.account_id in accounts]
        # The last one written stays: live ones after revoked ones, newer ones after older ones.
        ranked = sorted(keys, key=lambda key: (key.revoked_at is None, key.id))
        return {key.account_id: key.fp for key in ranked}

    async def events(self, order: OrderId) -> Sequence[EventView]:
        with self._committed() as state:
            rows = [row for row in state.events.values() if row.event.order_id == order]
        return [
            EventView(
                event=row.event, delivery=row.delivery, attempts=row.attempts, last_status=row.last_status
            )
            for row in sorted(rows, key=lambda row: row.number)
        ]

    async def exhausted_webhooks(self, since: datetime) -> Sequence[ExhaustedWebhooks]:
        lost: dict[str, list[EventRow]] = {}
        with self._committed() as state:
            for row in sorted(state.events.values(), key=lambda row: row.number):
                url = state.orders[row.event.order_id].order.webhook_url
                if row.delivery is Delivery.EXHAUSTED and row.event.at >= since and url is not None:
                    lost.setdefault(receiver_of(url), []).append(row)
        return [
            ExhaustedWebhooks(
                receiver=receiver,
                events=len(rows),
                first=EventId(str(rows[0].event.id)),
                order_id=rows[0].event.order_id,
            )
            for receiver, rows in sorted(lost.items())
        ]

    async def alarms(self) -> Sequence[RungAlarm]:
        with self._committed() as state:
            return [row.rung for row in state.alarms.values() if row.rung.ended_at is None]

    async def sealed(self) -> int:
        with self._committed() as state:
            secrets = sum(key.sealed_secret is not None for key in state.keys.values())
            return secrets + len(state.units)

    async def read_until(self, network: Network) -> datetime | None:
        with self._committed() as state:
            return state.read_until.get(network)

    async def network_states(self) -> Sequence[NetworkState]:
        with self._committed() as state:
            return states_in(state)

    async def coverage(self, network: Network, wallet: str) -> Sequence[Coverage]:
        with self._committed() as state:
            return state.coverage.get((network, wallet)) or ()

    @contextmanager
    def _committed(self) -> Iterator[State]:
        self._check_up()
        with self._state.journal.hidden():
            yield self._state


def _newest_first(
    rows: Iterable[Row], paging: Paging, age: Callable[[Row], tuple[object, ...]]
) -> Listing[Row]:
    return _page(sorted(rows, key=age, reverse=True), paging)


def _page(rows: Sequence[Row], paging: Paging) -> Listing[Row]:
    first = paging.offset
    return Listing(rows=rows[first : first + paging.page_size], paging=paging, total=len(rows))
