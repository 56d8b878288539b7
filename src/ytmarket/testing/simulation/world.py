"""The simulated shop, its processes, its customers, and what they were told."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Final, TypeVar

import attrs

from ytmarket.adapters.http.wire import RENDERING
from ytmarket.adapters.inmemory import (
    FixedRateSource,
    InMemoryDevnet,
    InMemoryRateLimiter,
    InMemoryVault,
    ManualClock,
    SeededTokens,
)
from ytmarket.application.audit import Actor
from ytmarket.application.composition import Ports, compose
from ytmarket.application.errors import Unavailable
from ytmarket.application.services import Services
from ytmarket.domain.api_keys import ApiKey
from ytmarket.domain.catalog import Product
from ytmarket.domain.errors import IdempotencyInFlight
from ytmarket.domain.ids import AccountId, DepositId, OrderId, ProductId, TopupId
from ytmarket.domain.money import Usdt
from ytmarket.domain.networks import Network
from ytmarket.testing.simulation.history import History
from ytmarket.testing.simulation.ports import (
    Fate,
    SimulatedReader,
    SimulatedReceivers,
    SimulatedStore,
    SimulatedSupplier,
)

BEGINNING: Final = datetime(2026, 5, 23, 12, tzinfo=UTC)
CUSTOMERS: Final = 4
PROCESSES: Final = 2
PRODUCTS: Final = 4
PAGE_SIZE: Final = 3
OPERATOR: Final = Actor("operator")

T = TypeVar("T")


class Untrue(AssertionError):
    """Something that must hold does not."""


@attrs.frozen(kw_only=True)
class Payment:
    """A transfer that somebody sent for a top-up, with its exact amount and in time."""

    tx_hash: str
    account: AccountId
    topup: TopupId


@attrs.define(kw_only=True)
class Told:
    """What people were told, to be held against the store."""

    orders: dict[OrderId, tuple[AccountId, Usdt, int]] = attrs.field(factory=dict)
    topups: dict[TopupId, tuple[AccountId, Usdt]] = attrs.field(factory=dict)
    website: set[OrderId] = attrs.field(factory=set)
    sold: dict[OrderId, str] = attrs.field(factory=dict)
    decided: dict[DepositId, str] = attrs.field(factory=dict)
    ends: dict[OrderId, tuple[str, int]] = attrs.field(factory=dict)
    credits: dict[AccountId, list[Usdt]] = attrs.field(factory=dict)
    unsure: Counter[str] = attrs.field(factory=Counter)
    """What was asked for without an idempotency key, where no answer came."""

    payments: list[Payment] = attrs.field(factory=list)
    """Those that must be credited to whoever sent them."""


class World:
    """One seed's shop. Everything in it draws from the same chance and lives by the same clock."""

    def __init__(self, chance: random.Random, fate: Fate, clock: ManualClock, history: History) -> None:
        self.chance, self.fate, self.clock, self.history = chance, fate, clock, history
        self.store = SimulatedStore(fate)
        self.tokens = SeededTokens(chance.getrandbits(64))
        self.devnet = InMemoryDevnet(clock, self.tokens, page_size=PAGE_SIZE)
        self.receivers = SimulatedReceivers(fate)
        self._vault = InMemoryVault(chance.randbytes)
        self._supplier = SimulatedSupplier(fate)
        self.readers = [SimulatedReader(self.devnet.reader(network), fate) for network in Network]
        self.processes = [self._process() for _ in range(PROCESSES)]
        self.customers: list[ApiKey] = []
        self.told = Told()
        self._names = 0

    @property
    def shop(self) -> Services:
        """Any of the processes: what asks does not choose."""
        return self.chance.choice(self.processes)

    def restart(self, number: int) -> None:
        self.processes[number] = self._process()

    def name(self) -> str:
        """A name that nobody else has."""
        self._names += 1
        return f"n{self._names}"

    async def open(self) -> None:
        """The catalogue, and customers with some money; nothing fails here."""
        shop = self.processes[0]
        await shop.scan.watch(self.readers)
        for reader in self.readers:
            await shop.scan.scan(reader)
        for number in range(1, PRODUCTS + 1):
            price = Usdt.cents(self.chance.choice((750, 751, 800, 1_000, 1_200)))
            made = Product(
                id=ProductId(number), sku=f"sku-{number}", title="Goods", category="c", price=price
            )
            await shop.catalog.put(made, OPERATOR)
            await self.stock(shop, made.id, self.chance.randrange(5, 60))
        for _ in range(CUSTOMERS):
            minted = (await shop.api_keys.mint("somebody", OPERATOR)).record
            self.customers.append(minted)
            gift = Usdt.cents(self.chance.randrange(2_000, 30_000))
            await shop.api_keys.adjust(minted.fp, gift, "a gift", f"gift {minted.id}", OPERATOR)

    async def stock(self, shop: Services, product: ProductId, count: int) -> None:
        contents = [f'"{self.name()}"'.encode() for _ in range(count)]
        await shop.catalog.add_stock(product, contents, OPERATOR)

    async def until_told(self, ask: Callable[[], Awaitable[T]]) -> T:
        """Ask with an idempotency key, and again whenever no answer came, as clients should."""
        while True:
            try:
                return await ask()
            except (Unavailable, TimeoutError, IdempotencyInFlight) as trouble:
                self.history.note("asks again", type(trouble).__name__)
                await self.fate.linger(0.5)

    def pick(self, choices: Sequence[T]) -> T:
        return self.chance.choice(choices)

    def _process(self) -> Services:
        ports = Ports(
            new_unit_of_work=self.store.unit_of_work,
            queries=self.store.queries,
            books=self.store.books,
            clock=self.clock,
            tokens=self.tokens,
            vault=self._vault,
            rate_source=FixedRateSource(Decimal(80)),
            supplier=self._supplier,
            webhook_sender=self.receivers,
            wallets={network: self.devnet.wallet(network) for network in Network},
            rate_limiter=InMemoryRateLimiter(self.clock),
            refusal_limiter=InMemoryRateLimiter(self.clock),
            devnet=self.devnet,
        )
        return compose(ports, RENDERING)
