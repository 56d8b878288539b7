"""All that the shop in memory remembers: its tables, and the indexes that follow from them."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from itertools import count

from ytmarket.adapters.inmemory.amounts import RecentAmounts, ReservedAmounts
from ytmarket.adapters.inmemory.journal import Groups, Journal, Table
from ytmarket.adapters.inmemory.rows import (
    AccountRow,
    AlarmRow,
    EventRow,
    NetworkRow,
    OrderRow,
    ProgressRow,
    ReconciliationRow,
    UnitRow,
)
from ytmarket.application.ports.heartbeats import Heartbeat
from ytmarket.application.ports.networks import Coverage
from ytmarket.domain.api_keys import ApiKey, Usage
from ytmarket.domain.audit import AuditEnd, AuditRow
from ytmarket.domain.catalog import Product
from ytmarket.domain.chart import TransferKind
from ytmarket.domain.deposits import DepositRecord, DepositStatus
from ytmarket.domain.idempotency import StoredAnswer
from ytmarket.domain.ids import (
    AccountId,
    AlarmId,
    ApiKeyId,
    DepositId,
    EventId,
    OrderId,
    ProductId,
    ReservationId,
    TopupId,
    UnitId,
)
from ytmarket.domain.ledger import Transfer
from ytmarket.domain.networks import Network
from ytmarket.domain.order_states import OrderStatus, RefundStatus
from ytmarket.domain.reservations import Payer, Reservation
from ytmarket.domain.signatures import UsedSignature
from ytmarket.domain.topups import Topup, TopupStatus
from ytmarket.domain.webhooks import Delivery
from ytmarket.domain.website import Checkout, MarketplaceSale


class State:
    """Tables and indexes of one shop. Numbers once given are not given again."""

    def __init__(self) -> None:
        self.journal = Journal()
        self._make_books()
        self._make_shelves()
        self._make_orders()
        self._make_chains()

    def _make_books(self) -> None:
        log = self.journal
        self.accounts: Table[AccountId, AccountRow] = Table(log)
        self.account_numbers = count(1)
        self.transfers: Table[tuple[TransferKind, str], Transfer] = Table(log)
        self.transfers_of: Groups[tuple[TransferKind, str], Transfer, AccountId] = Groups(
            self.transfers, lambda transfer: transfer.account_id
        )
        self.keys: Table[ApiKeyId, ApiKey] = Table(log)
        self.key_numbers = count(1)
        self.key_by_digest: Table[bytes, ApiKeyId] = Table(log)
        self.key_by_fp: Table[str, ApiKeyId] = Table(log)
        self.usage: Table[ApiKeyId, Usage] = Table(log)
        self.signatures: Table[UsedSignature, datetime] = Table(log)
        self.answers: Table[tuple[ApiKeyId, str], StoredAnswer] = Table(log)
        self.audit: Table[int, AuditRow] = Table(log)
        self.audit_end: Table[int, AuditEnd] = Table(log)  # one row
        self.heartbeats: Table[str, Heartbeat] = Table(log)
        self.books_checked_at: datetime | None = None
        self.tallies: Table[tuple[str, str], int] = Table(log)
        self.alarms: Table[AlarmId, AlarmRow] = Table(log)
        self.alarm_numbers = count(1)

    def _make_shelves(self) -> None:
        log = self.journal
        self.products: Table[ProductId, Product] = Table(log)
        self.product_by_sku: Groups[ProductId, Product, str] = Groups(
            self.products, lambda product: product.sku
        )
        self.units: Table[UnitId, UnitRow] = Table(log)
        self.unit_numbers = count(1)
        self.unit_by_content: Table[tuple[ProductId, bytes], UnitId] = Table(log)
        self.free_units: Groups[UnitId, UnitRow, ProductId] = Groups(
            self.units, lambda unit: unit.product_id if unit.order_id is None else None
        )
        self.units_of: Groups[UnitId, UnitRow, OrderId] = Groups(self.units, lambda unit: unit.order_id)

    def _make_orders(self) -> None:
        log = self.journal
        self.orders: Table[OrderId, OrderRow] = Table(log)
        self.order_numbers = count(1)
        self.orders_in: Groups[OrderId, OrderRow, OrderStatus] = Groups(
            self.orders, lambda row: row.order.status
        )
        self.orders_owed: Groups[OrderId, OrderRow, RefundStatus] = Groups(
            self.orders, lambda row: row.order.refund
        )
        self.orders_of: Groups[OrderId, OrderRow, AccountId] = Groups(
            self.orders, lambda row: row.order.account_id
        )
        self.recent_amounts = RecentAmounts(self.orders)
        self.checkouts: Table[OrderId, Checkout] = Table(log)
        self.sales: Table[tuple[str, str], MarketplaceSale] = Table(log)
        self.events: Table[EventId, EventRow] = Table(log)
        self.event_numbers = count(1)
        self.pending_events: Groups[EventId, EventRow, OrderId] = Groups(
            self.events,
            lambda row: row.event.order_id if row.delivery is Delivery.PENDING else None,
        )

    def _make_chains(self) -> None:
        log = self.journal
        self.reservations: Table[ReservationId, Reservation] = Table(log)
        self.reservation_numbers = count(1)
        self.reserved_amounts = ReservedAmounts(self.reservations)
        self.reservations_of: Groups[ReservationId, Reservation, Payer] = Groups(
            self.reservations, lambda reservation: reservation.payer
        )
        self.topups: Table[TopupId, Topup] = Table(log)
        self.topups_on: Groups[TopupId, Topup, ReservationId] = Groups(
            self.topups, lambda topup: topup.reservation_id
        )
        self.topups_of: Groups[TopupId, Topup, AccountId] = Groups(
            self.topups, lambda topup: topup.account_id
        )
        self.topups_in: Groups[TopupId, Topup, TopupStatus] = Groups(self.topups, lambda topup: topup.status)
        self.deposits: Table[DepositId, DepositRecord] = Table(log)
        self.deposit_numbers = count(1)
        self.deposit_by_key: Table[tuple[Network, str, int], DepositId] = Table(log)
        self.deposits_by_hash: Groups[DepositId, DepositRecord, str] = Groups(
            self.deposits, lambda record: record.deposit.tx_hash
        )
        self.deposits_in: Groups[DepositId, DepositRecord, DepositStatus] = Groups(
            self.deposits, lambda record: record.status
        )
        self.progress: Table[tuple[Network, str], ProgressRow] = Table(log)
        self.network_rows: Table[tuple[Network, str], NetworkRow] = Table(log)
        self.coverage: Table[tuple[Network, str], tuple[Coverage, ...]] = Table(log)
        self.read_until: Table[Network, datetime] = Table(log)
        self.reconciliations: Table[tuple[Network, str], ReconciliationRow] = Table(log)

    def product(self, key: ProductId) -> Product | None:
        """The product with what is on its shelf now."""
        product = self.products.get(key)
        return None if product is None else self.with_stock(product)

    def with_stock(self, product: Product) -> Product:
        return Product(
            id=product.id,
            sku=product.sku,
            title=product.title,
            category=product.category,
            price=product.price,
            min_quantity=product.min_quantity,
            available=len(self.free_units.of(product.id)),
        )

    def units_for(self, order: OrderId) -> Iterator[UnitRow]:
        """An order's units, the first to be handed out first."""
        for unit in sorted(self.units_of.of(order)):
            yield self.units[unit]

    def topups_sharing(self, reservation: ReservationId) -> list[Topup]:
        """Oldest first."""
        sharing = (self.topups[key] for key in self.topups_on.of(reservation))
        return sorted(sharing, key=lambda topup: (topup.created_at, topup.id))
