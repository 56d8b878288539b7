"""The worker's check of the books: whose money does not add up is frozen, nobody else, and it rings."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import Final

import attrs
import psycopg
import pytest

from tests.contract.conftest import OpenDatabase
from tests.postgres.test_verify import ASLEEP, live, outside
from ytmarket.adapters.inmemory import ManualClock
from ytmarket.adapters.postgres.verify_sql import CHECKS
from ytmarket.application.books import BooksService
from ytmarket.application.errors import BooksUnbalanced
from ytmarket.domain import ledger
from ytmarket.domain.alarms import AlarmKind
from ytmarket.domain.errors import AccountFrozen
from ytmarket.domain.ids import AccountId
from ytmarket.domain.money import Usdt
from ytmarket.testing.contracts import World
from ytmarket.testing.contracts.world import NOW

ANN: Final = AccountId(1)
BOB: Final = AccountId(2)

#: Kind of mismatch → what is planted, how it is put right, and whose money it is.
PLANTED: Final[Mapping[str, tuple[str, str, AccountId | None]]] = {
    "balance": (
        "update account set topped_up = topped_up + 1 where id = 1",
        "update account set topped_up = topped_up - 1 where id = 1",
        ANN,
    ),
    "transfer": (
        "update transfer set kind = 'order_refunded' where kind = 'deposit_credited' and account_id = 1",
        "update transfer set kind = 'deposit_credited' where kind = 'order_refunded' and debit <> 'escrow'",
        ANN,
    ),
    "escrow": (
        "update orders set settled = settled - 1 where id = 1",
        "update orders set settled = settled + 1 where id = 1",
        ANN,
    ),
    "order": (
        "update orders set refund = 'refunded' where id = 5",
        "update orders set refund = 'due' where id = 5",
        ANN,
    ),
    "deposit": (
        "update deposit set status = 'returned' where id = 3",
        "update deposit set status = 'credited_manual' where id = 3",
        ANN,
    ),
    "deposit's amount": (
        "update deposit set raw = raw + 1 where id = 1",
        "update deposit set raw = raw - 1 where id = 1",
        ANN,
    ),
    "deposit's owner": (
        "update deposit set account_id = 2 where id = 1",
        "update deposit set account_id = 1 where id = 1",
        BOB,
    ),
    "transfer's order": (
        "update transfer set ref = 'again' where kind = 'order_refunded' and order_id = 3",
        "update transfer set ref = '3' where kind = 'order_refunded' and order_id = 3",
        ANN,
    ),
    "transfer's deposit": (
        "update transfer set debit = 'wallet:usdt_bep_20' where kind = 'deposit_credited' and deposit_id = 1",
        "update transfer set debit = 'wallet:usdt_trc_20' where kind = 'deposit_credited' and deposit_id = 1",
        ANN,
    ),
    "top-up": (
        "update topup set status = 'credited_auto', deposit_id = 5 where status = 'pending'",
        "update topup set status = 'pending', deposit_id = null where deposit_id = 5",
        ANN,
    ),
    "reservation": (
        "update reservation set amount = amount + 10000 where id = 3",
        "update reservation set amount = amount - 10000 where id = 3",
        ANN,
    ),
    "website order": (
        "update website_order set refund_tx_hash = null where refund_tx_hash is not null",
        f"update website_order set refund_tx_hash = '{'x' * 64}' where order_id = 9",
        None,
    ),
    "stock": (
        "update product set available = available + 1",
        "update product set available = available - 1",
        None,
    ),
    "units": (
        "update orders set quantity = 3 where id = 7",
        "update orders set quantity = 2 where id = 7",
        ANN,
    ),
    "delivery": (
        "update delivery set order_id = 2 where order_id = 1",
        "update delivery set order_id = 1 where unit_id in (select id from stock_unit where order_id = 1)",
        ANN,
    ),
    "link": (
        "update orders set api_key_id = 2 where id = 7",
        "update orders set api_key_id = 1 where id = 7",
        ANN,
    ),
}


@attrs.define
class Scene:
    """A shop after a day, its watchman, and somebody who changes rows behind the shop's back."""

    world: World
    clock: ManualClock
    service: BooksService
    intruder: psycopg.Connection[tuple[object, ...]]

    def frozen(self) -> set[object]:
        return {row[0] for row in self.intruder.execute("select id from account where frozen")}

    async def watch(self) -> list[str]:
        """What the next check finds, by kind."""
        self.clock.advance(timedelta(minutes=1))
        return [mismatch.what for mismatch in await self.service.watch()]

    async def ringing(self) -> dict[str, str]:
        return {
            rung.alarm.subject: rung.alarm.detail
            for rung in await self.world.queries.alarms()
            if rung.alarm.kind is AlarmKind.BOOKS_UNBALANCED
        }

    async def give(self, account: AccountId, ref: str) -> None:
        async with self.world.unit_of_work() as uow:
            await uow.accounts.post([ledger.adjustment(ref, account, Usdt.of(1), NOW, "a gift")])
            await uow.commit()

    async def fp(self, account: AccountId) -> str:
        return (await self.world.queries.fingerprints([account]))[account]


@pytest.fixture
def intruder(postgres: OpenDatabase) -> Iterator[psycopg.Connection[tuple[object, ...]]]:
    with psycopg.connect(postgres.dsn, autocommit=True) as connection:
        connection.execute(ASLEEP.encode())
        yield connection


@pytest.fixture
async def scene(
    postgres: OpenDatabase, world: World, intruder: psycopg.Connection[tuple[object, ...]]
) -> Scene:
    await live(world)
    clock = ManualClock(NOW)
    store = postgres.store
    service = BooksService(new_unit_of_work=store.unit_of_work, clock=clock, books=store.books)
    return Scene(world, clock, service, intruder)


def test_each_kind_is_planted() -> None:
    assert PLANTED.keys() == CHECKS.keys()


async def test_each_kind_freezes_whose_money_it_is_and_nobody_else(scene: Scene) -> None:
    assert await scene.watch() == []
    for kind, (planted, put_right, owner) in PLANTED.items():
        assert scene.intruder.execute(planted.encode()).rowcount > 0, kind
        assert kind in await scene.watch(), kind
        ringing = await scene.ringing()
        if owner is None:
            assert (scene.frozen(), set(ringing)) == (set(), {"shop"}), kind
            scene.intruder.execute(put_right.encode())
            assert await scene.watch() == []
            assert await scene.ringing() == {}
            continue
        subject = f"account:{owner}"
        assert (scene.frozen(), set(ringing)) == ({owner}, {subject}), kind
        assert f"{kind}: " in ringing[subject]
        assert "`ytmarket books unfreeze`" in ringing[subject]
        with pytest.raises(AccountFrozen):
            await scene.give(owner, kind)
        await scene.give(AccountId(3 - owner), f"{kind}, to another")
        with pytest.raises(BooksUnbalanced):
            await scene.service.unfreeze(await scene.fp(owner), outside())
        scene.intruder.execute(put_right.encode())
        assert await scene.watch() == [], kind
        assert scene.frozen() == {owner}, "an operator lifts it, not the check"
        assert await scene.service.unfreeze(await scene.fp(owner), outside())
        await scene.give(owner, kind)
        assert (scene.frozen(), await scene.ringing()) == (set(), {}), kind


async def test_an_orders_money_that_another_got_freezes_both(scene: Scene) -> None:
    scene.intruder.execute("delete from transfer where kind = 'order_refunded' and order_id = 3")
    scene.intruder.execute(
        "insert into transfer (kind, ref, debit, credit, amount, at, account_id, order_id)"
        " select 'order_refunded', '3', 'escrow', 'customer:2', charged, now(), 2, 3 from orders where id = 3"
    )
    assert "transfer's order" in await scene.watch()
    assert scene.frozen() == {ANN, BOB}


async def test_freezing_and_lifting_are_written_down_once(scene: Scene) -> None:
    planted, put_right, _ = PLANTED["balance"]
    scene.intruder.execute(planted.encode())
    await scene.watch()
    await scene.watch()
    scene.intruder.execute(put_right.encode())
    fp = await scene.fp(ANN)
    assert await scene.service.unfreeze(fp, outside())
    assert not await scene.service.unfreeze(fp, outside())
    rows = [row.entry for row in reversed(await scene.world.queries.audit_rows(limit=3))]
    assert [(row.actor, row.action, row.target) for row in rows] == [
        ("worker:verify", "account.freeze", "account:1"),
        ("test", "account.unfreeze", f"key:{fp}"),
        ("test", "account.unfreeze", f"key:{fp}"),
    ]
    assert rows[0].details["reason"].startswith("balance: account 1 has ")
    assert [row.details["before"] for row in rows[1:]] == ["frozen", "not frozen"]


async def test_what_stands_on_no_account_rings_and_breaks_nothing(scene: Scene) -> None:
    scene.intruder.execute("update orders set account_id = 99 where id = 7")
    assert "link" in await scene.watch()
    assert "order 7" in (await scene.ringing())["shop"]
    assert scene.frozen() == {ANN}, "who was charged for it"
    scene.intruder.execute("update orders set account_id = 1 where id = 7")
    assert await scene.watch() == []
    assert await scene.service.unfreeze(await scene.fp(ANN), outside())
    assert await scene.ringing() == {}
