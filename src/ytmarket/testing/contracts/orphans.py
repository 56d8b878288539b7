"""What every store promises of deposits that their chain took back, however many act at once."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import pytest

from ytmarket.adapters.inmemory import ManualClock, SeededTokens
from ytmarket.application.audit import Actor
from ytmarket.application.deposit_desk import DepositDesk
from ytmarket.application.deposits import DepositService
from ytmarket.application.instructions import Instruction
from ytmarket.application.orphans import Orphaned
from ytmarket.application.ports.queries import Paging
from ytmarket.domain.alarms import Alarm, AlarmKind, account_subject
from ytmarket.domain.chart import TransferKind
from ytmarket.domain.deposits import DepositRecord, DepositStatus
from ytmarket.domain.errors import AccountFrozen, DepositNotFound, DepositNotWaiting, Refused
from ytmarket.domain.ids import DepositId, ProductId
from ytmarket.domain.ledger import Transfer
from ytmarket.domain.money import ZERO, Usdt
from ytmarket.domain.shop import Outcome, Placed
from ytmarket.testing.contracts.concurrency import at_once
from ytmarket.testing.contracts.store_base import StorePartContract
from ytmarket.testing.contracts.world import NOW, TOPUP_TERMS, Customer, World, order_request

HUNDRED = Usdt.of(100)


async def _credited(world: World, customer: Customer, amount: int = 100) -> DepositRecord:
    """A deposit that paid a top-up of the customer's."""
    await world.topup(customer, amount)
    record = await world.deposit(amount)
    settle = DepositService(new_unit_of_work=world.unit_of_work, clock=ManualClock(NOW), terms=TOPUP_TERMS)
    assert await settle.settle_due() == 1
    return await _now(world, record)


async def _orphan(world: World, deposit: DepositId, actor: str = "ann") -> Orphaned:
    desk = DepositDesk(
        new_unit_of_work=world.unit_of_work,
        queries=world.queries,
        clock=ManualClock(NOW),
        tokens=SeededTokens(1),
        terms=TOPUP_TERMS,
    )
    word: Instruction[Orphaned] = Instruction(actor=Actor(actor), reason="its block is gone")
    return (await desk.orphan(deposit, word)).fresh


async def _now(world: World, record: DepositRecord) -> DepositRecord:
    (found,) = await world.queries.deposits_by_hash(record.deposit.tx_hash)
    return found


async def _frozen(world: World, customer: Customer) -> bool:
    """Tried by freezing it, and undone."""
    async with world.unit_of_work() as uow:
        return not await uow.accounts.set_frozen(customer.account, frozen=True)


async def _newest(world: World, customer: Customer) -> Transfer:
    return (await world.queries.transfers(customer.account, Paging())).rows[0]


async def _buy(world: World, customer: Customer, product: ProductId) -> Outcome:
    return (await world.place(order_request(customer, product))).outcomes[0]


class OrphanContract(StorePartContract):
    """Taking a deposit back happens once, whole, and never below zero."""

    async def test_what_is_there_is_taken_and_the_account_is_frozen(self, world: World) -> None:
        customer = await world.customer(7)
        record = await _credited(world, customer)
        done = await _orphan(world, record.id)
        assert (done.taken, done.lost) == (HUNDRED, ZERO)
        assert await world.balance(customer) == Usdt.of(7)
        told, moved = await _now(world, record), await _newest(world, customer)
        assert (told.status, told.topup_id) == (DepositStatus.ORPHANED, record.topup_id)
        assert (moved.kind, moved.amount, moved.deposit_id, moved.reason) == (
            TransferKind.DEPOSIT_ORPHANED,
            HUNDRED,
            record.id,
            "its block is gone",
        )
        assert await _frozen(world, customer)

    async def test_what_was_spent_is_lost_and_the_balance_stays_at_zero(self, world: World) -> None:
        customer, product = await world.customer(), await world.product(30, units=9)
        record = await _credited(world, customer)
        await world.order(customer, product)
        done = await _orphan(world, record.id)
        assert (done.taken, done.lost) == (Usdt.of(70), Usdt.of(30))
        assert await world.balance(customer) == ZERO
        totals = await world.totals(customer)
        assert totals.balance == totals.topped_up - totals.spent

    async def test_another_deposit_of_the_frozen_customer_is_taken_too(self, world: World) -> None:
        customer = await world.customer()
        one, two = [await _credited(world, customer, amount) for amount in (100, 50)]
        await _orphan(world, one.id)
        assert (await _orphan(world, two.id)).taken == Usdt.of(50)
        assert await world.balance(customer) == ZERO
        assert await _frozen(world, customer)

    async def test_nothing_is_taken_where_the_customers_books_do_not_add_up(self, world: World) -> None:
        customer = await world.customer()
        record = await _credited(world, customer)
        async with world.unit_of_work() as uow:
            await uow.accounts.set_frozen(customer.account, frozen=True)
            alarm = Alarm(AlarmKind.BOOKS_UNBALANCED, account_subject(customer.account), "wrong")
            await uow.alarms.ring(alarm, NOW)
            await uow.commit()
        with pytest.raises(AccountFrozen):
            await _orphan(world, record.id)
        assert await _now(world, record) == record
        assert await world.balance(customer) == HUNDRED
        assert await _frozen(world, customer)

    async def test_one_that_was_not_settled_yet_never_is(self, world: World) -> None:
        customer = await world.customer()
        await world.topup(customer, 100)
        record = await world.deposit(100)
        done = await _orphan(world, record.id)
        assert (done.taken, done.lost) == (ZERO, ZERO)
        clock = ManualClock(NOW)
        settle = DepositService(new_unit_of_work=world.unit_of_work, clock=clock, terms=TOPUP_TERMS)
        assert await settle.settle_due() == 0
        assert await world.balance(customer) == ZERO

    async def test_what_does_not_exist_cannot_be_taken_back(self, world: World) -> None:
        with pytest.raises(DepositNotFound):
            await _orphan(world, DepositId(404))

    async def test_of_many_operators_one_takes_it_back(self, world: World) -> None:
        customer = await world.customer(50)
        record = await _credited(world, customer)
        outcomes = await at_once(["ann", "bob", "cid", "dan"], lambda actor: _orphan(world, record.id, actor))
        refused = [outcome for outcome in outcomes if isinstance(outcome, Refused)]
        assert [type(one) for one in refused] == [DepositNotWaiting] * 3
        assert await world.balance(customer) == Usdt.of(50)

    async def test_an_order_placed_meanwhile_is_paid_before_or_refused(self, world: World) -> None:
        for amount in (100, 110, 120, 130):
            customer, product = await world.customer(), await world.product(60, units=1)
            record = await _credited(world, customer, amount)
            lost = await self._race(world, record, customer, product)
            assert (await _now(world, record)).status is DepositStatus.ORPHANED
            assert await world.balance(customer) == ZERO
            assert await _frozen(world, customer)
            spent = (await world.totals(customer)).spent
            assert spent == lost

    async def _race(
        self, world: World, record: DepositRecord, customer: Customer, product: ProductId
    ) -> Usdt:
        """What was lost of the deposit while an order was placed at the same moment."""
        done: list[Orphaned] = []

        async def take() -> None:
            done.append(await _orphan(world, record.id))

        async def spend() -> None:
            outcome = await _buy(world, customer, product)
            assert isinstance(outcome, Placed | AccountFrozen), outcome

        acts: list[Callable[[], Awaitable[None]]] = [take, spend]
        outcomes = await at_once(acts, lambda act: act())
        assert outcomes == [None, None]
        (orphaned,) = done
        assert orphaned.taken + orphaned.lost == record.deposit.amount
        return orphaned.lost
