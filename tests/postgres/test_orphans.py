"""Books in which deposits of every fate were taken back are true, and a wrong taking back is found."""

from typing import Any, Final

import psycopg
import pytest

from tests.contract.conftest import OpenDatabase
from tests.postgres.test_verify import ASLEEP, LATER, live
from ytmarket.adapters.inmemory import ManualClock, SeededTokens
from ytmarket.adapters.postgres.verify import PostgresBooks, verify_books
from ytmarket.adapters.postgres.verify_sql import CHECKS, whole
from ytmarket.application.audit import Actor
from ytmarket.application.books import BooksService
from ytmarket.application.deposit_desk import DepositDesk
from ytmarket.application.instructions import Instruction
from ytmarket.domain.deposits import DepositStatus
from ytmarket.domain.errors import DepositNotWaiting
from ytmarket.domain.ids import AccountId, DepositId
from ytmarket.domain.topups import TopupTerms
from ytmarket.testing.contracts import World

pytestmark = pytest.mark.anyio

#: What is planted, and what must be told of it: which checks, and where.
PLANTED: Final[dict[str, tuple[str, str]]] = {
    "update deposit set status = 'credited_auto' where id = 1": ("deposit", "deposit 1"),
    "update deposit set status = 'orphaned' where id = 2": ("deposit", "deposit 2"),
    "update deposit set account_id = 2 where id = 1": ("deposit's owner", "deposit 1"),
    "update transfer set kind = 'orphan_shortfall', account_id = null, debit = 'adjustments'"
    " where kind = 'deposit_orphaned' and deposit_id = 1": ("balance", "account 1"),
    "update transfer set deposit_id = 1 where kind = 'deposit_orphaned' and deposit_id = 3": (
        "deposit's owner",
        "deposit 3",
    ),
    "update transfer set amount = amount - 1 where kind = 'orphan_shortfall'": ("deposit", "deposit "),
    "update deposit set order_id = 1 where status = 'orphaned' and order_id is not null": (
        "website order",
        "deposit ",
    ),
}


def word() -> Instruction[Any]:
    return Instruction(actor=Actor("test"), reason="its block is gone")


async def _all_taken_back(world: World) -> set[DepositStatus]:
    """One deposit of each fate; what their statuses were."""
    desk = DepositDesk(
        new_unit_of_work=world.unit_of_work,
        queries=world.queries,
        clock=ManualClock(LATER),
        tokens=SeededTokens(1),
        terms=TopupTerms(),
    )
    before: set[DepositStatus] = set()
    for number in map(DepositId, (1, 3, 4, 5, 6, 7, 8, 9)):
        async with world.unit_of_work() as uow:
            record = await uow.deposits.lock(number)
        assert record is not None
        before.add(record.status)
        try:
            await desk.orphan(number, word())
        except DepositNotWaiting:
            assert record.status is DepositStatus.RETURNED
    return before


async def test_books_with_deposits_taken_back_are_true_and_a_wrong_one_is_found(
    postgres: OpenDatabase, world: World
) -> None:
    await live(world)
    before = await _all_taken_back(world)
    assert before == set(DepositStatus) - {DepositStatus.ORPHANED}
    assert await verify_books(postgres.dsn) == []
    untold = await world.queries.acts_untold(limit=99)
    assert not [target for target in untold if target.startswith("deposit:")]
    missed: dict[str, object] = {}
    for planted, (what, where) in PLANTED.items():
        with psycopg.connect(postgres.dsn) as connection:
            connection.execute(ASLEEP.encode())
            assert connection.execute(planted.encode()).rowcount > 0, planted
            found = _asked(connection)
            connection.rollback()
        if not any(name == what and at.startswith(where) for name, at in found):
            missed[planted] = found
    assert missed == {}


async def test_the_watch_leaves_it_alone_and_the_account_can_be_let_go(
    postgres: OpenDatabase, world: World
) -> None:
    await live(world)
    await _all_taken_back(world)
    service = BooksService(
        new_unit_of_work=world.unit_of_work, clock=ManualClock(LATER), books=PostgresBooks(postgres.dsn)
    )
    assert await service.watch() == []
    ((owner, fp),) = (await world.queries.fingerprints([_owner(postgres.dsn)])).items()
    assert await service.unfreeze(fp, word())
    async with world.unit_of_work() as uow:
        assert not await uow.accounts.set_frozen(owner, frozen=False)


def _asked(connection: psycopg.Connection[Any]) -> list[tuple[str, str]]:
    """Which checks fail, and where, as this transaction sees the books."""
    return [
        (what, row[0])
        for what, question in CHECKS.items()
        for row in connection.execute(whole(question).encode())
    ]


def _owner(dsn: str) -> AccountId:
    with psycopg.connect(dsn) as connection:
        row = connection.execute("select account_id from deposit where id = 1").fetchone()
    assert row is not None
    return AccountId(row[0])
