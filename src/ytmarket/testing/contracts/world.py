"""A small shop for contract tests, built through the ports alone."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from hashlib import sha256
from itertools import count
from typing import Final

import attrs

from ytmarket.application.ports.chain_reader import Cursor, Page
from ytmarket.application.ports.queries import Queries
from ytmarket.application.ports.repositories import NewUnit
from ytmarket.application.ports.unit_of_work import NewUnitOfWork
from ytmarket.domain import ledger
from ytmarket.domain.api_keys import ApiKey
from ytmarket.domain.catalog import MinimumTerms, Product
from ytmarket.domain.deposits import Deposit, DepositRecord
from ytmarket.domain.idempotency import Attempt
from ytmarket.domain.ids import AccountId, OrderId, ProductId, TopupId, UnitId
from ytmarket.domain.ledger import CustomerTotals
from ytmarket.domain.money import PLACES, ZERO, Usdt
from ytmarket.domain.networks import Network
from ytmarket.domain.orders import Change, Order
from ytmarket.domain.reservations import Payer, Purpose
from ytmarket.domain.shop import (
    Decision,
    OrderRequest,
    OrderTerms,
    Placed,
    PlaceOrder,
    decide,
)
from ytmarket.domain.signatures import UsedSignature
from ytmarket.domain.topups import Topup, TopupTerms, TopupTimes

NOW: Final = datetime(2026, 3, 2, 12, tzinfo=UTC)
SECOND: Final = timedelta(seconds=1)
WALLET: Final = "wallet-of-the-contract"
TERMS: Final = OrderTerms(minimum=MinimumTerms(floor_rub=Decimal(0)))
TOPUP_TERMS: Final = TopupTerms()


@attrs.frozen(kw_only=True)
class Customer:
    """An account with one key."""

    account: AccountId
    key: ApiKey
    digest: bytes

    @property
    def payer(self) -> Payer:
        return Payer(Purpose.TOPUP, self.account)


class World:
    """Shorthand for what tests need over and over; every step is a unit of work of its own."""

    def __init__(self, new_unit_of_work: NewUnitOfWork, queries: Queries) -> None:
        self.unit_of_work = new_unit_of_work
        self.queries = queries
        self._numbers = count(1)

    async def customer(self, balance: str | int = 0) -> Customer:
        number = next(self._numbers)
        digest = sha256(f"key {number}".encode()).digest()
        async with self.unit_of_work() as uow:
            account = await uow.accounts.create(f"customer {number}", NOW)
            key = ApiKey(
                id=await uow.api_keys.next_id(),
                account_id=account,
                fp=digest.hex()[:12],
                label=f"customer {number}",
                created_at=NOW,
            )
            await uow.api_keys.add(key, digest)
            gift = Usdt.of(balance)
            if gift:
                await uow.accounts.post([ledger.adjustment(f"gift {number}", account, gift, NOW, "a gift")])
            await uow.commit()
        return Customer(account=account, key=key, digest=digest)

    async def totals(self, customer: Customer) -> CustomerTotals:
        return (await self.queries.totals([customer.account]))[customer.account]

    async def balance(self, customer: Customer) -> Usdt:
        return (await self.totals(customer)).balance

    async def product(
        self, price: str | int = 1, *, units: int = 0, category: str = "Mail", sku: str | None = None
    ) -> ProductId:
        number = next(self._numbers)
        product = Product(
            id=ProductId(number),
            sku=sku or f"sku-{number}",
            title=f"Product {number}",
            category=category,
            price=Usdt.of(price),
        )
        async with self.unit_of_work() as uow:
            await uow.catalog.put(product, NOW)
            await uow.commit()
        if units:
            await self.stock(product.id, [f"unit {number}-{unit}" for unit in range(units)])
        return product.id

    async def stock(self, product: ProductId, contents: Sequence[str]) -> Sequence[UnitId]:
        async with self.unit_of_work() as uow:
            ids = await uow.catalog.next_unit_ids(len(contents))
            units = [new_unit(key, content) for key, content in zip(ids, contents, strict=True)]
            await uow.catalog.add_units(product, units, NOW)
            await uow.commit()
        return ids

    async def place(self, *requests: OrderRequest, now: datetime = NOW) -> Decision:
        """Serve a batch at the order desk, as the application does."""
        async with self.unit_of_work() as uow:
            facts = await uow.desk.facts(requests, now)
            decision = decide(requests, facts, now, TERMS)
            await uow.desk.record(requests, decision, answers_to(requests, decision), now)
            await uow.commit()
        return decision

    async def order(
        self,
        customer: Customer,
        product: ProductId,
        quantity: int = 1,
        *,
        webhook_url: str | None = None,
        now: datetime = NOW,
    ) -> Order:
        request = order_request(customer, product, quantity, webhook_url=webhook_url)
        (outcome,) = (await self.place(request, now=now)).outcomes
        assert isinstance(outcome, Placed), outcome
        return outcome.order

    async def move(self, order: OrderId, step: Callable[[Order], Change]) -> Order:
        """Make one move of an order: lock, change, record."""
        async with self.unit_of_work() as uow:
            locked = await uow.orders.lock(order)
            assert locked is not None
            change = step(locked)
            await uow.orders.record(change)
            await uow.commit()
        return change.order

    async def topup(
        self, customer: Customer, amount: str | int, *, network: Network = Network.TRON, now: datetime = NOW
    ) -> Topup:
        times = TopupTimes.of(network, TOPUP_TERMS, now)
        async with self.unit_of_work() as uow:
            reservation = await uow.topups.reserve(
                network, Usdt.of(amount), customer.payer, times.starts_at, times.reserved_until
            )
            assert reservation is not None, f"{amount} is taken"
            topup = Topup(
                id=TopupId(f"00000000-0000-4000-8000-{next(self._numbers):012d}"),
                account_id=customer.account,
                reservation_id=reservation,
                network=network,
                address=WALLET,
                requested=Usdt.of(amount),
                amount=Usdt.of(amount),
                created_at=times.created_at,
                starts_at=times.starts_at,
                expires_at=times.expires_at,
            )
            await uow.topups.add(topup)
            await uow.commit()
        return topup

    async def share(self, topup: Topup, now: datetime) -> Topup:
        """Another top-up of the same amount on the same reservation."""
        times = TopupTimes.of(topup.network, TOPUP_TERMS, now)
        another = attrs.evolve(
            topup,
            id=TopupId(f"00000000-0000-4000-8000-{next(self._numbers):012d}"),
            created_at=times.created_at,
            starts_at=times.starts_at,
            expires_at=times.expires_at,
        )
        async with self.unit_of_work() as uow:
            await uow.topups.lock_reservation(topup.reservation_id)
            await uow.topups.extend(topup.reservation_id, times.reserved_until)
            await uow.topups.add(another)
            await uow.commit()
        return another

    async def save_topup(self, topup: Topup) -> None:
        async with self.unit_of_work() as uow:
            await uow.topups.lock_reservation(topup.reservation_id)
            await uow.topups.save(topup)
            await uow.commit()

    async def topup_now(self, topup: Topup) -> Topup:
        view = await self.queries.topup(topup.account_id, topup.id)
        assert view is not None
        return view.topup

    async def expire(self, network: Network = Network.TRON) -> int:
        async with self.unit_of_work() as uow:
            count = await uow.topups.expire_due(network, limit=100)
            await uow.commit()
        return count

    async def read(self, network: Network, *deposits: Deposit, until: datetime, wallet: str = WALLET) -> None:
        """Keep a page of the network, as its scanner does."""
        page = Page(deposits=deposits, cursor=Cursor(f"cursor {next(self._numbers)}"), read_until=until)
        async with self.unit_of_work() as uow:
            after = await uow.deposits.cursor(network, wallet)
            assert await uow.deposits.keep_page(network, wallet, after, page, until) is not None
            await uow.commit()

    def transfer(self, amount: str | int, *, network: Network = Network.TRON, at: datetime = NOW) -> Deposit:
        """A transfer on a chain, not read yet."""
        number = next(self._numbers)
        decimals = network.facts.decimals
        return Deposit(
            network=network,
            tx_hash=sha256(f"transfer {number}".encode()).hexdigest(),
            event_index=0,
            sender="somebody",
            recipient=WALLET,
            raw=Usdt.of(amount).micros * 10 ** (decimals - PLACES),
            decimals=decimals,
            height=number,
            block_ref=f"block {number}",
            at=at,
        )

    async def deposit(
        self, amount: str | int, *, network: Network = Network.TRON, at: datetime = NOW
    ) -> DepositRecord:
        """A transfer that was read and kept."""
        transfer = self.transfer(amount, network=network, at=at)
        await self.read(network, transfer, until=at)
        (record,) = await self.queries.deposits_by_hash(transfer.tx_hash)
        return record


def order_request(
    customer: Customer,
    product: ProductId,
    quantity: int = 1,
    *,
    webhook_url: str | None = None,
    attempt: Attempt | None = None,
    signature: UsedSignature | None = None,
) -> OrderRequest:
    """What the customer's client sends."""
    return OrderRequest(
        account_id=customer.account,
        api_key_id=customer.key.id,
        command=PlaceOrder(product_id=product, quantity=quantity, webhook_url=webhook_url),
        attempt=attempt,
        signature=signature,
    )


def answers_to(requests: Sequence[OrderRequest], decision: Decision) -> dict[OrderId, bytes]:
    """What the application would answer to those orders that came with an idempotency key."""
    return {
        outcome.order.id: b"order %d" % outcome.order.id
        for request, outcome in zip(requests, decision.outcomes, strict=True)
        if isinstance(outcome, Placed) and request.attempt is not None
    }


def new_unit(key: UnitId, content: str) -> NewUnit:
    """A unit whose content the store cannot read."""
    return NewUnit(
        id=key, sealed=b"sealed " + content.encode(), fingerprint=sha256(content.encode()).digest()
    )


def attempt(key: str, body: bytes = b"{}") -> Attempt:
    """A request under an idempotency key."""
    return Attempt.of(key, "/api/v1/orders", body)


def signature_of(customer: Customer, text: str) -> UsedSignature:
    """A verified signature of the customer's key."""
    return UsedSignature(customer.key.id, sha256(text.encode()).digest())


def total(amounts: Sequence[Usdt]) -> Usdt:
    """The sum of amounts."""
    return sum(amounts, ZERO)
