"""What clients look at: balances, catalogue, orders, top-ups; questions that come together are one."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

import attrs

from ytmarket.application.batching import Batcher, lookups
from ytmarket.application.ports.clock import Clock
from ytmarket.application.ports.queries import Listing, Paging, Queries, TopupView
from ytmarket.application.ports.vault import Vault
from ytmarket.application.webhooks import open_items
from ytmarket.domain.catalog import Category, Product, ProductFilter
from ytmarket.domain.deposits import DepositRecord
from ytmarket.domain.errors import OrderNotFound, ProductNotFound, TopupNotFound
from ytmarket.domain.ids import AccountId, OrderId, ProductId, TopupId
from ytmarket.domain.ledger import CustomerTotals, Transfer
from ytmarket.domain.orders import Order
from ytmarket.domain.topups import Topup, TopupStatus

DELAYED_AFTER: Final = timedelta(minutes=1)
QUESTIONS_AT_ONCE: Final = 8


@attrs.frozen(kw_only=True)
class TopupState:
    """A top-up as its owner sees it."""

    topup: Topup
    network_delayed: bool

    @classmethod
    def of(cls, topup: Topup, read_until: datetime | None, now: datetime) -> TopupState:
        """*read_until*: how far its network has been read, by that network's own clock."""
        is_read = read_until is not None and read_until >= now - DELAYED_AFTER
        return cls(topup=topup, network_delayed=topup.status is TopupStatus.PENDING and not is_read)


@attrs.frozen(kw_only=True)
class OrderDetails:
    """An order with its contents, opened."""

    order: Order
    items: Sequence[bytes] = attrs.field(repr=False)


class Reading:
    """Answers from the present state. Equal questions asked at once are put to the store once."""

    def __init__(self, queries: Queries, vault: Vault, clock: Clock) -> None:
        self._queries = queries
        self._vault = vault
        self._clock = clock
        self._totals: Batcher[AccountId, CustomerTotals | None] = lookups(queries.totals)
        self._pages: Batcher[tuple[ProductFilter, Paging], Listing[Product] | None] = lookups(
            self._fetch_pages
        )

    async def totals(self, account: AccountId) -> CustomerTotals:
        return await self._totals.ask(account) or CustomerTotals()

    async def products(self, wanted: ProductFilter, paging: Paging) -> Listing[Product]:
        page = await self._pages.ask((wanted, paging))
        return page if page is not None else Listing(rows=(), paging=paging, total=0)

    async def product(self, product_id: ProductId) -> Product:
        """Raises `ProductNotFound`."""
        found = await self._queries.product(product_id)
        if found is None:
            raise ProductNotFound
        return found

    async def categories(self) -> Sequence[Category]:
        return await self._queries.categories()

    async def order(self, account: AccountId, order_id: OrderId) -> OrderDetails:
        """Raises `OrderNotFound`, for somebody else's too."""
        found = await self._queries.order(account, order_id)
        if found is None:
            raise OrderNotFound
        return OrderDetails(order=found.order, items=open_items(self._vault, found))

    async def orders(self, account: AccountId, paging: Paging) -> Listing[Order]:
        return await self._queries.orders(account, paging)

    async def topup(self, account: AccountId, topup_id: TopupId) -> TopupState:
        """Raises `TopupNotFound`, for somebody else's too."""
        found = await self._queries.topup(account, topup_id)
        if found is None:
            raise TopupNotFound
        return self._state(found)

    async def topups(self, account: AccountId, paging: Paging) -> Listing[TopupState]:
        found = await self._queries.topups(account, paging)
        return Listing(rows=[self._state(view) for view in found.rows], paging=paging, total=found.total)

    async def deposits(self, tx_hash: str) -> Sequence[DepositRecord]:
        """What became of the transfers of one transaction; none of an unknown one."""
        return await self._queries.deposits_by_hash(tx_hash)

    async def statement(self, account: AccountId, paging: Paging) -> Listing[Transfer]:
        """Everything that moved the balance, newest first."""
        return await self._queries.transfers(account, paging)

    def _state(self, view: TopupView) -> TopupState:
        return TopupState.of(view.topup, view.read_until, self._clock.now())

    async def _fetch_pages(
        self, wanted: Sequence[tuple[ProductFilter, Paging]]
    ) -> dict[tuple[ProductFilter, Paging], Listing[Product]]:
        if len(wanted) == 1:  # as good as always: most clients look at the same page
            return {wanted[0]: await self._queries.products(*wanted[0])}
        places = asyncio.Semaphore(QUESTIONS_AT_ONCE)

        async def fetch(question: tuple[ProductFilter, Paging]) -> Listing[Product]:
            async with places:
                return await self._queries.products(*question)

        pages = await asyncio.gather(*map(fetch, wanted))
        return dict(zip(wanted, pages, strict=True))
