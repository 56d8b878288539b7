"""What a unit of work reads, locks and changes, in the domain's words."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Protocol

import attrs

from ytmarket.application.ports.chain_reader import Cursor, Page
from ytmarket.domain.api_keys import AddressRange, ApiKey, Usage
from ytmarket.domain.audit import AuditEntry
from ytmarket.domain.catalog import Product
from ytmarket.domain.deposits import Deposit, DepositRecord
from ytmarket.domain.idempotency import Attempt, StoredAnswer
from ytmarket.domain.ids import (
    AccountId,
    ApiKeyId,
    DepositId,
    EventId,
    OrderId,
    ProductId,
    ReservationId,
    TopupId,
    UnitId,
)
from ytmarket.domain.ledger import CustomerTotals, Transfer
from ytmarket.domain.matching import Claim
from ytmarket.domain.money import Usdt
from ytmarket.domain.networks import Network
from ytmarket.domain.orders import Change, Order
from ytmarket.domain.reservations import Payer, Reservation
from ytmarket.domain.shop import Decision, Facts, OrderRequest
from ytmarket.domain.signatures import UsedSignature
from ytmarket.domain.topups import Topup
from ytmarket.domain.webhooks import Delivery, WebhookJob


class AccountRepository(Protocol):
    """Customers, and every transfer there ever was.

    * a customer's totals are exactly what its transfers say;
    * a transfer that would take a customer below zero raises Overdrawn;
    * a second transfer of the same kind and ref raises AlreadyDone;
    * a transfer of a frozen customer raises AccountFrozen, and those of others are posted;
    * a transfer for an order that is not there, or is another customer's, raises OrderNotFound;
    * a posted transfer is never changed.
    """

    async def create(self, label: str, now: datetime) -> AccountId: ...

    async def lock(self, accounts: Collection[AccountId]) -> Mapping[AccountId, CustomerTotals]:
        """Their totals, which nobody else changes until this unit of work ends."""
        ...

    async def post(self, transfers: Sequence[Transfer]) -> None: ...

    async def set_frozen(self, account: AccountId, *, frozen: bool) -> bool:
        """Stop everything that would move its balance, or let it go on; False when it was so already."""
        ...


class ApiKeyRepository(Protocol):
    """Customers' keys, found by the hash of a key or by its fingerprint.

    * a digest or fingerprint that is taken raises AlreadyDone;
    * usage adds up, whoever counted it, and in whichever order it is written.
    """

    async def next_id(self) -> ApiKeyId:
        """A number for a new key; its secret is sealed for it."""
        ...

    async def add(self, key: ApiKey, digest: bytes) -> None: ...

    async def by_fp(self, fp: str) -> ApiKey | None:
        """The key, locked; revoked ones too."""
        ...

    async def revoke(self, key: ApiKeyId, now: datetime) -> None: ...

    async def set_secret(self, key: ApiKeyId, sealed_secret: bytes) -> None: ...

    async def with_secrets(self, after: ApiKeyId, *, limit: int) -> Sequence[ApiKey]:
        """The next keys, by number, that have a secret: locked, revoked ones too."""
        ...

    async def set_allowed(self, key: ApiKeyId, allowed: Sequence[AddressRange]) -> None: ...

    async def add_usage(self, usage: Mapping[ApiKeyId, Usage]) -> None:
        """Count these requests in with those counted before; unknown keys are passed over."""
        ...


class RequestRepository(Protocol):
    """Which signatures were used, and what requests with an idempotency key were answered.

    * a signature is used up once, even by two processes at once, and forgotten after ten minutes;
    * an answer is kept only with the effect it tells of, and for at least a day;
    * while one unit of work holds an attempt, another's raises IdempotencyInFlight.
    """

    async def use_signature(self, signature: UsedSignature, now: datetime) -> bool:
        """Use it up; False when it was used before."""
        ...

    async def hold(self, api_key: ApiKeyId, attempt: Attempt) -> StoredAnswer | None:
        """Claim the attempt until this unit of work ends; the answer, if there is one already."""
        ...

    async def keep(self, api_key: ApiKeyId, attempt: Attempt, answer: bytes, now: datetime) -> None: ...

    async def forget(self, now: datetime, *, limit: int) -> int:
        """Drop signatures and answers that are old enough; how many were."""
        ...


class OrderDeskRepository(Protocol):
    """What a batch of orders stands on, and what comes of it: a round trip each.

    * between `facts` and the end of the unit of work nobody else places an order, takes a unit,
      changes a balance or takes an amount that these facts tell of;
    * recording charges the balances, takes the units and the amounts, uses up the signatures, and
      keeps orders, events and answers, all together.
    """

    async def facts(self, requests: Sequence[OrderRequest], now: datetime) -> Facts: ...

    async def record(
        self,
        requests: Sequence[OrderRequest],
        decision: Decision,
        answers: Mapping[OrderId, bytes],
        now: datetime,
    ) -> None:
        """*answers* has the answer to each placed order that came with an idempotency key."""
        ...


class OrderRepository(Protocol):
    """Orders after they were placed.

    * an order is leased to one worker at a time, and to another once the lease has ended;
    * a change is kept whole: the order, its transfers, its event and its units; the first
      `delivered` of its units are handed out, once ever, and what an ended order leaves goes back
      to stock;
    * the amount of an order paid from a balance stops counting when it ends undelivered;
    * settled and refunded never exceed what was charged.
    """

    async def lease_processing(self, now: datetime, until: datetime, *, limit: int) -> Sequence[Order]:
        """Orders in processing that nobody works on, oldest first; ours until then.

        Where there are more than asked for, those that were leased before wait for the others.
        """
        ...

    async def lock(self, order: OrderId) -> Order | None:
        """The order as it is now, and stays until this unit of work ends."""
        ...

    async def overdue(self, now: datetime, *, limit: int) -> Sequence[OrderId]:
        """Orders in processing or awaiting payment whose deadline has come.

        One that awaits a payment is due only when its network has been read past the deadline, and
        every deposit that could pay it is settled.
        """
        ...

    async def refunds_due(self, *, limit: int) -> Sequence[OrderId]:
        """Orders that owe something to a customer who is not frozen, oldest first."""
        ...

    async def record(self, change: Change) -> None: ...


class TopupRepository(Protocol):
    """Top-ups and the reservations of amounts behind them.

    * no two live reservations of a network overlap, whoever asks, in however many processes;
    * a top-up expires only once its network has been read past its end and every deposit that
      could pay it is settled; an expired one can only be credited by hand;
    * a top-up is credited once, by one deposit;
    * extending a reservation never shortens it, and releasing it never lengthens it.
    """

    async def counts(self, account: AccountId, now: datetime) -> tuple[int, int]:
        """Open top-ups, and reservations in quarantine beyond them, of a locked account."""
        ...

    async def reservations(
        self,
        network: Network,
        low: Usdt,
        high: Usdt,
        starts_at: datetime,
        ends_at: datetime,
    ) -> Sequence[Reservation]:
        """Those whose band touches low to high and that live at some time of the span."""
        ...

    async def reserve(
        self,
        network: Network,
        amount: Usdt,
        payer: Payer,
        starts_at: datetime,
        ends_at: datetime,
    ) -> ReservationId | None:
        """Take the amount; None when somebody else was faster."""
        ...

    async def lock_reservation(self, reservation: ReservationId) -> Sequence[Topup]:
        """Lock it; all top-ups that share it, oldest first."""
        ...

    async def extend(self, reservation: ReservationId, ends_at: datetime) -> None:
        """Keep a locked reservation at least until then. Raises `AmountTaken` where that is another's."""
        ...

    async def release(self, reservation: ReservationId, ends_at: datetime) -> None:
        """Keep a locked reservation no longer than until then."""
        ...

    async def find(self, account: AccountId, topup: TopupId) -> Topup | None:
        """The account's own top-up; None for an unknown or another's."""
        ...

    async def unpaid(self, account: AccountId, *, since: datetime) -> Sequence[Topup]:
        """Those of a locked account that nobody has paid, made since then."""
        ...

    async def add(self, topup: Topup) -> None: ...

    async def save(self, topup: Topup) -> None:
        """Keep its new status and deposit."""
        ...

    async def expire_due(self, network: Network, *, limit: int) -> int:
        """Mark those expired that may be; how many were."""
        ...


class DepositRepository(Protocol):
    """Deposits read from the chains, and how far each chain has been read.

    * a page's deposits and its cursor are kept together; the same deposit is kept once, ever;
    * of two scanners that read after the same cursor, one keeps its page.
    """

    async def cursor(self, network: Network, wallet: str) -> Cursor | None:
        """Where the reading of this wallet, as `source_of` names it, goes on; None before its first page."""
        ...

    async def read_until(self, network: Network) -> datetime | None:
        """How far the network has been read, by its own clock; None before the first page."""
        ...

    async def keep_page(
        self,
        network: Network,
        wallet: str,
        after: Cursor | None,
        page: Page,
        now: datetime,
    ) -> int | None:
        """Keep what was read after that cursor; how many deposits were new.

        None, and nothing is kept, when the cursor has moved on meanwhile.
        """
        ...

    async def keep_missed(self, deposits: Sequence[Deposit], now: datetime) -> int:
        """Keep those of what was read once more that are not known; how many. No cursor moves."""
        ...

    async def received(self, *, limit: int, after: DepositId | None = None) -> Sequence[DepositId]:
        """Deposits that nobody has settled yet, oldest first; with *after* those kept later than it."""
        ...

    async def lock(self, deposit: DepositId) -> DepositRecord | None: ...

    async def claims(self, deposit: Deposit) -> Sequence[Claim]:
        """Every claim that bears on this deposit.

        Those whose band holds its amount, live or ended within 30 days, on any network; and on its
        own network the nearest live one above and below.
        """
        ...

    async def save(self, record: DepositRecord) -> None: ...


class CatalogRepository(Protocol):
    """Products and the units in stock.

    * a unit whose fingerprint, or a former one, is in the product already raises DuplicateUnit, and
      none is added;
    * `available` of a product is exactly the number of its free units;
    * whoever holds the catalogue changes products alone;
    * products that are put together are all there or none, and one may take the sku that another of
      them gives up.
    """

    async def hold(self) -> None:
        """Let nobody else change products until this unit of work ends; orders do not wait for it."""
        ...

    async def put(self, product: Product, now: datetime) -> None:
        """Add the product, or change all but its stock. A taken sku raises Conflict."""
        ...

    async def put_all(self, products: Sequence[Product], now: datetime) -> None:
        """The same with many, each id once. Orders of these wait from here on: do it late."""
        ...

    async def product(self, product: ProductId) -> Product | None: ...

    async def alike(self, products: Sequence[Product]) -> Sequence[Product]:
        """Those that are there under an id or a sku of these."""
        ...

    async def next_unit_ids(self, count: int) -> Sequence[UnitId]: ...

    async def add_units(self, product: ProductId, units: Sequence[NewUnit], now: datetime) -> int:
        """Put units on the shelf; how many are available now."""
        ...

    async def sealed_units(self, after: UnitId, *, limit: int) -> Sequence[NewUnit]:
        """The next units, by number, whatever became of them: locked."""
        ...

    async def reseal_units(self, units: Sequence[NewUnit]) -> None:
        """Keep the same contents sealed anew, with their new fingerprints.

        A unit keeps its fingerprint if another one of its product has the new one: the content is known.
        """
        ...


@attrs.frozen(kw_only=True)
class NewUnit:
    """A unit's content, sealed for its id."""

    id: UnitId
    sealed: bytes = attrs.field(repr=False)
    fingerprint: bytes
    former_fingerprints: tuple[bytes, ...] = ()  # what the content would have been known by before


class WebhookRepository(Protocol):
    """Events on their way to clients' servers.

    * an event is claimed by one worker at a time, and by another once the lease has ended;
    * an order's event is not claimed before the earlier ones of that order are done with;
    * of one receiver no more than its share is claimed at once, and none of those named as full;
    * a claim is an attempt, whether or not it is ever recorded how it went, unless it is given back;
    * an attempt is recorded, or given back, only while its claim holds;
    * an event that is sent again takes those along that waited for it;
    * a job brings the key that placed its order, or once that is revoked the account's newest live
      one with a secret, if it has one.
    """

    async def claim(
        self, now: datetime, until: datetime, token: str, *, limit: int, full: Collection[str] = ()
    ) -> Sequence[WebhookJob]:
        """Events that are due, earliest first. *full* names receivers (`receiver_of`) to pass over."""
        ...

    async def record(
        self,
        job: WebhookJob,
        delivery: Delivery,
        due_at: datetime | None,
        status: int | None,
    ) -> bool:
        """False when the claim had been lost meanwhile."""
        ...

    async def give_back(self, job: WebhookJob) -> bool:
        """Count no attempt for a claim under which nothing was sent; it ends with its lease.

        False when the claim had been lost meanwhile.
        """
        ...

    async def resend(self, event: EventId, now: datetime) -> Delivery | None:
        """Send it again from its first attempt; how it fared before, None if unknown or unwanted."""
        ...


class AuditRepository(Protocol):
    """The audit trail.

    * entries are numbered from 1 without gaps, each bound to the one before; none is ever changed;
    * where the trail ends is kept a second time, so that entries cut off its end are missed.
    """

    async def append(self, entry: AuditEntry) -> int: ...
