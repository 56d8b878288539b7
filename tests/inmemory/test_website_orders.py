"""Website orders in memory: they await a payment, as a claim, and are overdue once their network is read."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import attrs
import pytest

from ytmarket.adapters.inmemory import InMemoryDatabase
from ytmarket.adapters.inmemory.rows import OrderRow
from ytmarket.application.ports.chain_reader import Cursor, Page
from ytmarket.domain.deposits import Deposit
from ytmarket.domain.ids import OrderId, ProductId
from ytmarket.domain.matching import Matched, match_deposit
from ytmarket.domain.money import Usdt
from ytmarket.domain.networks import Network
from ytmarket.domain.order_states import OrderStatus
from ytmarket.domain.orders import Channel, Order
from ytmarket.domain.reservations import Payer, Purpose

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
DEADLINE = NOON + timedelta(minutes=15)
SECOND = timedelta(seconds=1)
ORDER = Order(
    id=OrderId(1),
    channel=Channel.WEBSITE,
    product_id=ProductId(1),
    quantity=1,
    price=Usdt.of(100),
    hits=0,
    status=OrderStatus.AWAITING_PAYMENT,
    created_at=NOON,
    updated_at=NOON,
    deadline_at=DEADLINE,
)
PAYMENT = Deposit(
    network=Network.TON,
    tx_hash="ab" * 32,
    event_index=0,
    sender=None,
    recipient="wallet",
    raw=100_000_000,
    decimals=6,
    height=1,
    block_ref="1",
    at=NOON,
)


@pytest.fixture
async def database() -> InMemoryDatabase:
    database = InMemoryDatabase()
    async with database.unit_of_work() as uow:
        database._state.orders.put(ORDER.id, OrderRow(order=ORDER))
        buyer = Payer(Purpose.WEBSITE_ORDER, ORDER.id)
        await uow.topups.reserve(Network.TON, ORDER.price, buyer, NOON, DEADLINE)
        await uow.commit()
    return database


async def _overdue(database: InMemoryDatabase, now: datetime) -> list[OrderId]:
    async with database.unit_of_work() as uow:
        return list(await uow.orders.overdue(now, limit=10))


async def _read(database: InMemoryDatabase, network: Network, until: datetime) -> None:
    async with database.unit_of_work() as uow:
        after = await uow.deposits.cursor(network, "wallet")
        page = Page(deposits=(), cursor=Cursor(until.isoformat()), read_until=until)
        await uow.deposits.keep_page(network, "wallet", after, page, until)
        await uow.commit()


async def test_an_unpaid_order_is_overdue_once_its_network_was_read_past_its_deadline(
    database: InMemoryDatabase,
) -> None:
    late = DEADLINE + timedelta(hours=1)
    assert await _overdue(database, late) == []
    await _read(database, Network.TRON, late)
    await _read(database, Network.TON, DEADLINE - SECOND)
    assert await _overdue(database, late) == []
    await _read(database, Network.TON, DEADLINE)
    assert await _overdue(database, late) == [ORDER.id]
    assert await _overdue(database, DEADLINE - SECOND) == []


async def test_an_unpaid_order_claims_its_payment(database: InMemoryDatabase) -> None:
    async with database.unit_of_work() as uow:
        claims = await uow.deposits.claims(PAYMENT)
    match = match_deposit(PAYMENT, claims)
    assert isinstance(match, Matched)
    assert match.claim.ref == ORDER.id
    assert match.claim.payer.purpose is Purpose.WEBSITE_ORDER
    assert not match.claim.paid


async def test_a_paid_order_claims_nothing_more(database: InMemoryDatabase) -> None:
    paid = attrs.evolve(ORDER, status=OrderStatus.PROCESSING, charged=Usdt.of(100))
    async with database.unit_of_work() as uow:
        database._state.orders.put(ORDER.id, OrderRow(order=paid))
        (claim,) = await uow.deposits.claims(PAYMENT)
    assert (claim.pending, claim.paid) == (False, True)


async def test_the_amount_of_a_website_order_counts_even_when_it_was_not_paid(
    database: InMemoryDatabase,
) -> None:
    recent = database._state.recent_amounts
    assert recent.taken([ORDER.price], NOON) == {ORDER.price}
    expired = attrs.evolve(ORDER, status=OrderStatus.EXPIRED)
    async with database.unit_of_work() as uow:
        database._state.orders.put(ORDER.id, OrderRow(order=expired))
        await uow.commit()
    assert recent.taken([ORDER.price], DEADLINE - SECOND) == {ORDER.price}
    assert recent.taken([ORDER.price], NOON + timedelta(minutes=15)) == frozenset()
