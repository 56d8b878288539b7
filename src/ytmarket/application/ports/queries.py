"""Questions that change nothing: each is answered from one consistent moment."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Generic, Protocol, TypeVar

import attrs

from ytmarket.application.ports.heartbeats import Heartbeat
from ytmarket.application.ports.networks import Coverage, NetworkState
from ytmarket.application.ports.watching import ShopFigures
from ytmarket.domain.alarms import RungAlarm
from ytmarket.domain.api_keys import ApiKey, KeySummary, Usage
from ytmarket.domain.audit import AuditEnd, AuditRow
from ytmarket.domain.catalog import Category, Product, ProductFilter
from ytmarket.domain.deposits import DepositRecord, DepositStatus
from ytmarket.domain.ids import AccountId, ApiKeyId, EventId, OrderId, ProductId, TopupId, UnitId
from ytmarket.domain.ledger import CustomerTotals, Transfer
from ytmarket.domain.networks import Network
from ytmarket.domain.order_states import OrderStatus
from ytmarket.domain.orders import Order, OrderEvent
from ytmarket.domain.topups import Topup
from ytmarket.domain.webhooks import Delivery

Row = TypeVar("Row")


@attrs.frozen(kw_only=True)
class Paging:
    """Which page, counted from 1."""

    page: int = 1
    page_size: int = 50

    @property
    def offset(self) -> int:
        return (self.page - 1) * self.page_size


@attrs.frozen(kw_only=True)
class Listing(Generic[Row]):
    """One page of a list, and how long the whole list is."""

    rows: Sequence[Row]
    paging: Paging
    total: int


@attrs.frozen(kw_only=True)
class SealedItem:
    """A delivered unit's content, as it is kept."""

    unit_id: UnitId
    sealed: bytes = attrs.field(repr=False)


@attrs.frozen(kw_only=True)
class OrderWithItems:
    """An order with what was delivered for it."""

    order: Order
    items: Sequence[SealedItem] = ()


@attrs.frozen(kw_only=True)
class OrderFilter:
    """Which orders an operator looks for: all that is named must be so.

    *fp* names a key, and means every order of its account, whichever key placed it.
    """

    status: OrderStatus | None = None
    fp: str | None = None
    product: ProductId | None = None


@attrs.frozen(kw_only=True)
class TopupView:
    """A top-up, and whether its network's reader lags."""

    topup: Topup
    read_until: datetime | None


@attrs.frozen(kw_only=True)
class EventView:
    """An event of an order, and how far its webhook is."""

    event: OrderEvent
    delivery: Delivery
    attempts: int
    last_status: int | None  # the HTTP status of the last attempt


@attrs.frozen(kw_only=True)
class ExhaustedWebhooks:
    """Events that one receiver was told of in vain, and nobody has sent again."""

    receiver: str
    events: int
    first: EventId
    order_id: OrderId  # the first event's


class Queries(Protocol):
    """What can be asked without a unit of work.

    * nothing of another account is ever in an answer to one account;
    * a page past the end is empty, and its total is true;
    * a store that does not answer raises Unavailable.
    """

    async def keys(self, digests: Collection[bytes]) -> Mapping[bytes, ApiKey]:
        """Live keys by digest; a revoked or unknown one is absent."""
        ...

    async def totals(self, accounts: Collection[AccountId]) -> Mapping[AccountId, CustomerTotals]: ...

    async def usage(self, key: ApiKeyId) -> Usage | None:
        """What has been written of a key's requests; None before the first."""
        ...

    async def products(self, wanted: ProductFilter, paging: Paging) -> Listing[Product]:
        """Sorted by id."""
        ...

    async def product(self, product: ProductId) -> Product | None: ...

    async def categories(self) -> Sequence[Category]:
        """Of products with stock, sorted by name."""
        ...

    async def order(self, account: AccountId | None, order: OrderId) -> OrderWithItems | None:
        """The account's order; with None as the account anybody's, for operators and webhooks."""
        ...

    async def orders(self, account: AccountId | None, paging: Paging) -> Listing[Order]:
        """Newest first."""
        ...

    async def find_orders(self, wanted: OrderFilter, paging: Paging) -> Listing[Order]:
        """Anybody's orders, newest first."""
        ...

    async def topup(self, account: AccountId, topup: TopupId) -> TopupView | None: ...

    async def topups(self, account: AccountId, paging: Paging) -> Listing[TopupView]:
        """Newest first."""
        ...

    async def deposits_by_hash(self, tx_hash: str) -> Sequence[DepositRecord]: ...

    async def deposits(
        self, status: DepositStatus, paging: Paging, *, dust: bool = False
    ) -> Listing[DepositRecord]:
        """Newest first; dust is left out, or with *dust* nothing else is in."""
        ...

    async def transfers(self, account: AccountId, paging: Paging) -> Listing[Transfer]:
        """Everything that moved the account's balance, newest first."""
        ...

    async def key_summaries(self, paging: Paging) -> Listing[KeySummary]:
        """By id, revoked ones too."""
        ...

    async def fingerprints(self, accounts: Collection[AccountId]) -> Mapping[AccountId, str]:
        """The newest live key of each account, or its newest one; accounts without a key are absent."""
        ...

    async def events(self, order: OrderId) -> Sequence[EventView]:
        """What happened to an order and how its webhooks fare, oldest first."""
        ...

    async def exhausted_webhooks(self, since: datetime) -> Sequence[ExhaustedWebhooks]:
        """Of events that came about since then, by receiver."""
        ...

    async def alarms(self) -> Sequence[RungAlarm]:
        """Those that are ringing, oldest first."""
        ...

    async def audit_rows(self, *, limit: int, offset: int = 0) -> Sequence[AuditRow]:
        """The latest, newest first."""
        ...

    async def audit_trail(self, after: int | None, *, limit: int) -> Sequence[AuditRow]:
        """The rows that follow that number, oldest first; with None from the very first."""
        ...

    async def audit_end(self) -> AuditEnd | None:
        """Where the trail ends, as it was kept beside it; None before the first entry."""
        ...

    async def acts_untold(self, *, limit: int) -> Sequence[str]:
        """Keys, deposits and orders that an operator must have acted on, and of which no audit row tells.

        By name as audit rows target them, sorted; `adjustments` where more were made than rows tell of.
        """
        ...

    async def figures(self, now: datetime) -> ShopFigures:
        """The shop in figures; ages are told from *now* on."""
        ...

    async def books_checked_at(self) -> datetime | None:
        """When somebody last looked for changes in the books that do not add up; None before the first."""
        ...

    async def heartbeats(self) -> Sequence[Heartbeat]:
        """The latest beat of every process that is remembered, the oldest process first."""
        ...

    async def sealed(self) -> int:
        """How many keys' secrets and units of stock are kept sealed."""
        ...

    async def read_until(self, network: Network) -> datetime | None:
        """How far the network has been read, by its own clock."""
        ...

    async def network_states(self) -> Sequence[NetworkState]:
        """How each network that is read fares, by name."""
        ...

    async def coverage(self, network: Network, wallet: str) -> Sequence[Coverage]:
        """What has been read, lowest first."""
        ...
