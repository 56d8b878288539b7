"""`ytmarket verify` finds nothing in true books, and names each kind of mismatch that is planted in them."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import timedelta
from decimal import Decimal
from functools import partial
from itertools import count
from typing import Any, Final

import psycopg
import pytest

from tests.contract.conftest import OpenDatabase
from ytmarket.adapters.inmemory import InMemoryVault, ManualClock, SeededTokens
from ytmarket.adapters.postgres.changes import Connection, Known, Scope, changed_since
from ytmarket.adapters.postgres.verify import PostgresBooks, verify_books
from ytmarket.adapters.postgres.verify_sql import CHECKS
from ytmarket.application.audit import Actor
from ytmarket.application.deposit_desk import DepositDesk
from ytmarket.application.deposits import DepositService
from ytmarket.application.errors import Unavailable
from ytmarket.application.instructions import Instruction
from ytmarket.application.marketplace import MarketplaceDesk, Sold
from ytmarket.application.paying import Payees
from ytmarket.application.ports.books import Mismatch
from ytmarket.application.website import Buy, WebsiteDesk
from ytmarket.domain import orders
from ytmarket.domain.catalog import MinimumTerms
from ytmarket.domain.deposits import DepositRecord
from ytmarket.domain.ids import DepositId
from ytmarket.domain.money import Usdt
from ytmarket.domain.networks import Network
from ytmarket.domain.topups import TopupTerms
from ytmarket.testing.contracts import World
from ytmarket.testing.contracts.world import NOW, SECOND, WALLET

LATER: Final = NOW + timedelta(minutes=1)


async def live(world: World) -> None:
    """A day in the shop: orders with every end, deposits with every fate, top-ups of every kind."""
    ann, bob = await world.customer(1_000), await world.customer(1_000)
    product = await world.product(10, units=30)
    placed = [await world.order(ann, product, 2) for _ in range(7)]
    for order, step in zip(
        placed,
        (
            lambda order: orders.deliver(order, LATER),
            lambda order: orders.deliver_some(order, 1, "one was bad", LATER),
            lambda order: orders.fail(order, "none left", LATER),
            lambda order: orders.expire(order, LATER),
            lambda order: orders.cancel(order, "asked for", LATER),
            lambda order: orders.deliver_some(order, 1, "one was bad", LATER),
        ),
        strict=False,
    ):
        await world.move(order.id, step)
    for order in placed[1:4]:
        await world.move(order.id, lambda order: orders.refund(order, LATER))
    for amount in (100, 200, 300):
        await world.topup(ann, amount)
    await world.read(
        Network.TRON,
        *(world.transfer(amount, at=LATER) for amount in ("100.01", "98", "55", "66", "77", "0.5")),
        until=LATER,
    )
    clock, tokens, terms = ManualClock(LATER), SeededTokens(1), TopupTerms()
    uow = world.unit_of_work
    await DepositService(new_unit_of_work=uow, clock=clock, terms=terms).settle_due()
    desk = DepositDesk(new_unit_of_work=uow, queries=world.queries, clock=clock, tokens=tokens, terms=terms)
    word: Instruction[DepositRecord] = Instruction(actor=Actor("test"), reason="why")
    first = await world.queries.deposits_by_hash(await _deposit(world, 0))
    assert first[0].status == "credited_auto"
    await desk.credit(DepositId(2), ann.key.fp, word)
    await desk.credit(DepositId(3), bob.key.fp, word)
    await desk.correct(DepositId(3), ann.key.fp, word)
    await desk.send_back(DepositId(4), word)
    await sell_outside(world, clock)
    await world.read(Network.TON, world.transfer(9, network=Network.TON, at=LATER), until=LATER + SECOND)


async def sell_outside(world: World, clock: ManualClock) -> None:
    """Orders of the website and of another marketplace: delivered, paid back, called off, never paid."""
    uow, deadline = world.unit_of_work, timedelta(minutes=10)

    async def minimum() -> MinimumTerms:
        return MinimumTerms(floor_rub=Decimal(0))

    website = WebsiteDesk(
        new_unit_of_work=uow,
        queries=world.queries,
        clock=clock,
        vault=InMemoryVault(),
        payees=Payees(wallets={Network.BSC: WALLET}),
        minimum=minimum,
        terms=TopupTerms(lifetime=timedelta(minutes=15)),
        deadline=deadline,
    )
    marketplace = MarketplaceDesk(new_unit_of_work=uow, clock=clock, deadline=deadline)
    product = await world.product(10, units=8)
    buy = Buy(product_id=product, quantity=1, network=Network.BSC)
    bought = [(await website.open(buy, outside())).fresh.order for _ in range(4)]
    transfers = [
        world.transfer(str(order.price), network=Network.BSC, at=clock.now()) for order in bought[:2]
    ]
    await world.read(Network.BSC, *transfers, until=LATER)
    await DepositService(new_unit_of_work=uow, clock=clock, terms=TopupTerms()).settle_due()
    await world.move(bought[0].id, lambda order: orders.deliver(order, LATER))
    await world.move(bought[1].id, lambda order: orders.fail(order, "none left", LATER))
    await world.move(bought[1].id, lambda order: orders.refund(order, LATER))
    await website.refund_paid(bought[1].id, "x" * 64, outside())
    await world.move(bought[2].id, lambda order: orders.cancel(order, "asked for", LATER))
    sales = []
    for number, step in enumerate((orders.deliver, None, orders.expire)):
        sold = Sold(
            product_id=product,
            quantity=1,
            amount=Usdt.of(12),
            marketplace="bazaar",
            external_id=f"b-{number}",
        )
        taken = (await marketplace.take(sold, outside())).fresh
        sales.append(taken.id)
        if step is not None:
            await world.move(taken.id, partial(step, now=LATER))
    await world.move(sales[-1], lambda order: orders.refund(order, LATER))


def outside() -> Instruction[Any]:
    return Instruction(actor=Actor("test"), reason="why")


async def _deposit(world: World, place: int) -> str:
    async with world.unit_of_work() as uow:
        record = await uow.deposits.lock(DepositId(place + 1))
    assert record is not None
    return record.deposit.tx_hash


ASLEEP: Final = """
    set session_replication_role = replica;
    alter table orders drop constraint order_money_bounded, drop constraint order_money_divided;
    alter table orders drop constraint order_key;
    alter table account drop constraint account_refunds_bounded, drop constraint account_balance_not_negative;
    alter table topup drop constraint topup_credit;
    alter table deposit drop constraint deposit_reason;
    alter table reservation drop constraint reservation_no_overlap;
    alter table transfer drop constraint transfer_amount_positive, drop constraint transfer_names_customer;
    alter table transfer drop constraint transfer_named_after_its_cause;
"""
TRANSFER: Final = (
    "insert into transfer (kind, ref, debit, credit, amount, at, account_id, order_id, deposit_id)"
)

#: What is planted, and what must be told of it: which checks, and where.
PLANTED: Final[dict[str, tuple[str, str]]] = {
    "update account set topped_up = topped_up + 1 where id = 1": ("balance", "account 1"),
    "update account set charged = charged + 1, refunded = refunded + 1 where id = 1": (
        "balance",
        "account 1",
    ),
    "update account set refunded = refunded - 1 where id = 1": ("balance", "account 1"),
    "update account set topped_up = 0 where id = 1": ("balance", "account 1"),
    "delete from account where id = 2": ("balance", "account 2"),
    "update transfer set amount = amount + 1 where kind = 'adjustment' and account_id = 2 and id = 2": (
        "balance",
        "account 2",
    ),
    f"{TRANSFER} values ('adjustment', 'x', 'adjustments', 'customer:77', 5, now(), 77, null, null)": (
        "balance",
        "account 77",
    ),
    "update transfer set credit = 'sales' where kind = 'adjustment' and id = 1": ("transfer", "transfer 1"),
    "update transfer set amount = -amount where id = 1": ("transfer", "transfer 1"),
    "update transfer set kind = 'gift' where id = 1": ("transfer", "transfer 1"),
    **dict.fromkeys(
        (
            (
                "update transfer set credit = 'customer:2', account_id = 2"
                " where kind = 'order_refunded' and order_id = 3"
            ),
            (
                "update transfer set debit = 'customer:2', account_id = 2"
                " where kind = 'order_charged' and order_id = 7"
            ),
            "update orders set account_id = 2, api_key_id = 2 where id = 7",
            "update transfer set ref = 'again' where kind = 'order_refunded' and order_id = 3",
            "update transfer set order_id = null where kind = 'order_settled' and order_id = 1",
        ),
        ("transfer's order", "transfer "),
    ),
    **dict.fromkeys(
        (
            "update transfer set debit = 'wallet:usdt_bep_20' where kind = 'deposit_credited'",
            "update transfer set credit = 'unmatched:usdt_bep_20' where kind = 'deposit_set_aside'",
            "update transfer set debit = 'unmatched:usdt_bep_20' where kind = 'manual_credit'",
            "update transfer set credit = 'wallet:usdt_bep_20' where kind = 'deposit_returned'",
            "update transfer set debit = 'wallet:usdt_ton' where kind = 'website_payment' and order_id = 8",
            "update deposit set network = 'usdt_arbitrum' where id = 1",
            "update transfer set ref = 'again' where kind = 'deposit_credited'",
            "update transfer set deposit_id = null where kind = 'deposit_set_aside' and deposit_id = 5",
        ),
        ("transfer's deposit", "transfer "),
    ),
    "update orders set charged = charged + 1 where id = 7": ("escrow", "order 7"),
    "update orders set settled = settled - 1, refunded = refunded + 1 where id = 2": ("escrow", "order 2"),
    "delete from transfer where kind = 'order_settled' and order_id = 1": ("escrow", "order 1"),
    "delete from transfer where kind = 'order_refunded' and order_id = 3": ("escrow", "order 3"),
    "delete from orders where id = 7": ("escrow", "order 7"),
    f"{TRANSFER} values ('order_settled', 'x', 'escrow', 'sales', 5, now(), null, null, null)": (
        "escrow",
        "order of no number",
    ),
    "update orders set status = 'completed', refund = 'none' where id = 5": ("order", "order 5"),
    "update orders set refund = 'none' where id = 5": ("order", "order 5"),
    "update orders set refund = 'refunded' where id = 5": ("order", "order 5"),
    "update orders set refund = 'due' where id = 3": ("order", "order 3"),
    "update orders set status = 'processing' where id = 1": ("order", "order 1"),
    "update deposit set status = 'unmatched' where id = 1": ("deposit", "deposit 1"),
    "update deposit set status = 'received' where id = 5": ("deposit", "deposit 5"),
    "update deposit set status = 'unmatched' where id = 4": ("deposit", "deposit 4"),
    "delete from transfer where kind = 'deposit_set_aside' and deposit_id = 5": ("deposit", "deposit 5"),
    "delete from deposit where id = 5": ("deposit", "deposit 5"),
    "update deposit set amount = amount + 1 where id = 7": ("deposit's amount", "deposit 7"),
    "update deposit set raw = raw - 1 where id = 1": ("deposit's amount", "deposit 1"),
    "update deposit set account_id = 2 where id = 1": ("deposit's owner", "deposit 1"),
    "update deposit set account_id = 2 where id = 3": ("deposit's owner", "deposit 3"),
    "update deposit set account_id = null where id = 1": ("deposit's owner", "deposit 1"),
    "update topup set status = 'expired' where deposit_id = 1": ("top-up", "top-up "),
    "update topup set deposit_id = 5 where deposit_id = 1": ("top-up", "top-up "),
    "update topup set status = 'credited_auto' where status = 'pending'": ("top-up", "top-up "),
    "update deposit set topup_id = gen_random_uuid() where id = 1": ("top-up", "deposit 1"),
    "update reservation set amount = amount + 10000 where id = 3": ("reservation", "top-up "),
    "update reservation set payer = 2 where id = 3": ("reservation", "top-up "),
    "update reservation set network = 'usdt_ton' where id = 3": ("reservation", "top-up "),
    "update reservation set live = tstzrange(lower(live), lower(live) + interval '1 minute')": (
        "reservation",
        "top-up ",
    ),
    "delete from reservation where id = 3": ("reservation", "top-up "),
    "insert into reservation (network, network_number, amount, purpose, payer, live)"
    " select network, network_number, amount + 20000, 1, 9, live from reservation where id = 3": (
        "reservation",
        "reservation 3",
    ),
    "update website_order set paid_on = null where paid_on is not null and refund_tx_hash is null": (
        "website order",
        "order ",
    ),
    "update website_order set paid_on = 'usdt_ton' where refund_tx_hash is not null": (
        "website order",
        "order ",
    ),
    "update website_order set paid_on = network where paid_on is null": ("website order", "order "),
    "update website_order set refund_tx_hash = null where refund_tx_hash is not null": (
        "website order",
        "order ",
    ),
    "update website_order set refund_tx_hash = 'x' where paid_on is not null": ("website order", "order "),
    "update website_order set network = 'usdt_ton' where paid_on is null": ("website order", "order "),
    "update website_order set expires_at = expires_at + interval '1 day' where paid_on is null": (
        "website order",
        "order ",
    ),
    "delete from website_order where paid_on is null": ("website order", "order "),
    "update website_order set order_id = 7 where paid_on is null and order_id ="
    " (select max(order_id) from website_order)": ("website order", "order 7"),
    "update transfer set amount = amount + 1 where kind = 'website_refund_owed'": ("website order", "order "),
    "delete from transfer where kind = 'website_refund_paid'": ("website order", "order "),
    "delete from transfer where kind = 'website_payment'": ("website order", "order "),
    "update transfer set debit = 'wallet:usdt_ton' where kind = 'website_payment'": (
        "website order",
        "order ",
    ),
    "update reservation set payer = 99 where purpose = 1": ("website order", "order "),
    "update reservation set amount = amount + 1000000 where purpose = 1": ("website order", "order "),
    "update deposit set order_id = 7 where status = 'applied'": ("website order", "deposit "),
    "update product set available = available + 1": ("stock", "product "),
    "update stock_unit set order_id = null where order_id = 7": ("stock", "product "),
    "delete from stock_unit where id = 30": ("stock", "product "),
    "update stock_unit set order_id = 7 where id = 30": ("units", "order 7"),
    "update stock_unit set order_id = null where id = (select min(id) from stock_unit where order_id = 1)": (
        "units",
        "order 1",
    ),
    "update stock_unit set product_id = 99 where order_id = 7": ("units", "order 7"),
    "update stock_unit set order_id = 99 where id = 30": ("units", "order 99"),
    "update orders set delivered = 1 where id = 1": ("units", "order 1"),
    "update orders set quantity = 3 where id = 7": ("units", "order 7"),
    "delete from delivery where order_id = 1": ("units", "order 1"),
    "insert into delivery (unit_id, order_id, at) values (30, 7, now())": ("units", "order 7"),
    "update delivery set order_id = 2 where order_id = 1": ("delivery", "unit "),
    "delete from stock_unit where order_id = 1": ("delivery", "unit "),
    "update orders set product_id = 99 where id = 7": ("link", "order 7"),
    "update orders set account_id = 99 where id = 7": ("link", "order 7"),
    "update orders set api_key_id = 2 where id = 7": ("link", "order 7"),
    "update orders set api_key_id = null where id = 7": ("link", "order 7"),
    "update orders set api_key_id = 1 where channel = 'marketplace'": ("link", "order "),
    "update event set order_id = 99 where order_id = 7": ("link", "event "),
    "delete from event where order_id = 1 and status = 'completed'": ("link", "order 1"),
}


@pytest.fixture
async def true_books(postgres: OpenDatabase, world: World) -> str:
    await live(world)
    return postgres.dsn


#: PostgreSQL counts who deletes, and tells it within a second; or at once.
COUNTED: Final = "select pg_stat_force_next_flush()"


@pytest.fixture
def looked_at_all(monkeypatch: pytest.MonkeyPatch) -> list[bool]:
    """Of each check that knew an earlier moment, whether it looked at all of the books all the same."""
    told: list[bool] = []

    async def noting(connection: Connection, known: Known, now: Known) -> Scope | None:
        scope = await changed_since(connection, known, now)
        told.append(scope is None)
        return scope

    monkeypatch.setattr("ytmarket.adapters.postgres.verify.changed_since", noting)
    return told


async def test_true_books_have_no_mismatch(true_books: str) -> None:
    assert await verify_books(true_books) == []
    summary = {row[0] for row in _rows(true_books, "select status from deposit")}
    assert summary == {"applied", "credited_auto", "credited_manual", "unmatched", "returned", "received"}
    assert {row[0] for row in _rows(true_books, "select status || refund from orders")} == {
        "completednone",
        "partialrefunded",
        "partialdue",
        "failedrefunded",
        "expiredrefunded",
        "cancelleddue",
        "cancellednone",
        "awaiting_paymentnone",
        "processingnone",
    }


async def test_each_planted_mismatch_is_named(true_books: str, looked_at_all: list[bool]) -> None:
    missed: dict[str, object] = {}
    books, moments = PostgresBooks(true_books), count()

    async def changes() -> Sequence[Mismatch]:
        found = await books.check_changes(NOW + next(moments) * 10 * SECOND, every=SECOND)
        assert found is not None
        return found

    with psycopg.connect(true_books, autocommit=True) as connection:
        connection.execute(ASLEEP.encode())
        assert await changes() == []
        _backup(connection)
        for planted, (what, where) in PLANTED.items():
            changed = connection.execute(planted.encode()).rowcount
            assert changed > 0, planted
            connection.execute(COUNTED)
            for found in (await verify_books(true_books), await changes()):
                if not any(m.what == what and m.where.startswith(where) for m in found):
                    missed[planted] = found
            # Only where rows are gone nothing tells what has changed.
            assert looked_at_all[-1] == planted.startswith("delete"), planted
            _restore(connection)
            connection.execute(COUNTED)
            assert await changes() == [], planted
        assert await verify_books(true_books) == []
    assert missed == {}


async def test_what_has_not_changed_is_looked_at_once_a_day(true_books: str) -> None:
    books = PostgresBooks(true_books)
    assert await books.check_changes(NOW, every=SECOND) == []
    with psycopg.connect(true_books, autocommit=True) as connection:
        connection.execute(ASLEEP.encode())
        connection.execute("update account set topped_up = topped_up + 1 where id = 1")
        # As if all of it had been looked at after the change.
        connection.execute(
            "update setting set value = jsonb_set(value::jsonb, '{known,moment}',"
            " to_jsonb(pg_snapshot_xmax(pg_current_snapshot())::text::bigint))::text"
            " where name = 'books_checked'"
        )
    assert await books.check_changes(NOW + timedelta(hours=23), every=SECOND) == []
    (found,) = await books.check_changes(NOW + timedelta(hours=24), every=SECOND) or ()
    assert (found.what, found.account_id) == ("balance", 1)


async def test_of_many_processes_one_checks_at_a_time_and_none_too_soon(true_books: str) -> None:
    many = [PostgresBooks(true_books) for _ in range(4)]
    answers = await asyncio.gather(*(books.check_changes(NOW, every=timedelta(minutes=1)) for books in many))
    assert sorted(map(str, answers)) == ["None", "None", "None", "[]"]
    assert await many[0].check_changes(NOW + 59 * SECOND, every=timedelta(minutes=1)) is None
    assert await many[0].check_changes(NOW + 60 * SECOND, every=timedelta(minutes=1)) == []


def test_every_check_has_something_planted_for_it() -> None:
    assert {what for what, _ in PLANTED.values()} == set(CHECKS)


async def test_a_database_that_is_not_there_is_unavailable(postgres: OpenDatabase) -> None:
    postgres.vanish()
    with pytest.raises(Unavailable):
        await verify_books(postgres.dsn)


TABLES: Final = (
    "account", "transfer", "orders", "deposit", "topup", "reservation", "product", "stock_unit", "delivery",
    "event", "website_order",
)  # fmt: skip


def _backup(connection: psycopg.Connection[tuple[object, ...]]) -> None:
    for table in TABLES:
        connection.execute(f"create table if not exists true_{table} as table {table}".encode())


def _restore(connection: psycopg.Connection[tuple[object, ...]]) -> None:
    for table in TABLES:
        columns = ", ".join(
            row[0]  # type: ignore[misc] # a name
            for row in connection.execute(
                "select quote_ident(attname) from pg_attribute where attrelid = %s::regclass and attnum > 0"
                " and attgenerated = '' and not attisdropped",
                (table,),
            )
        )
        connection.execute(f"delete from {table}".encode())
        put_back = (
            f"insert into {table} ({columns}) overriding system value select {columns} from true_{table}"
        )
        connection.execute(put_back.encode())


def _rows(dsn: str, question: str) -> list[tuple[object, ...]]:
    with psycopg.connect(dsn) as connection:
        return connection.execute(question.encode()).fetchall()
