"""What every store promises of customers and transfers."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from ytmarket.application.ports.queries import Paging
from ytmarket.application.ports.unit_of_work import UnitOfWork
from ytmarket.domain import ledger
from ytmarket.domain.errors import AccountFrozen, AlreadyDone, NotFound, OrderNotFound, Overdrawn
from ytmarket.domain.ids import AccountId, OrderId
from ytmarket.domain.ledger import CustomerTotals, Transfer
from ytmarket.domain.money import ZERO, Usdt
from ytmarket.testing.contracts.concurrency import at_once, while_open
from ytmarket.testing.contracts.store_base import StorePartContract
from ytmarket.testing.contracts.world import NOW, Customer, World


async def _post(world: World, *transfers: Transfer) -> None:
    async with world.unit_of_work() as uow:
        await uow.accounts.post(transfers)
        await uow.commit()


def _adjustment(customer: Customer, amount: str | int, ref: str) -> Transfer:
    return ledger.adjustment(ref, customer.account, Usdt.of(amount), NOW, "by hand")


async def _freeze(world: World, account: AccountId, *, frozen: bool = True) -> bool:
    async with world.unit_of_work() as uow:
        changed = await uow.accounts.set_frozen(account, frozen=frozen)
        await uow.commit()
    return changed


async def _statement(world: World, customer: Customer) -> Sequence[Transfer]:
    return (await world.queries.transfers(customer.account, Paging())).rows


class AccountContract(StorePartContract):
    """The promises of the `AccountRepository` port."""

    async def test_totals_are_exactly_what_the_transfers_say(self, world: World) -> None:
        customer, product = await world.customer(), await world.product("2.50", units=3)
        record = await world.deposit("99.999999")
        await _post(
            world,
            ledger.deposit_credited(
                record.id, record.deposit.network, customer.account, record.deposit.amount, NOW
            ),
            _adjustment(customer, "0.000001", "a gift"),
            _adjustment(customer, "-40", "a debit"),
        )
        order = await world.order(customer, product, 2)
        await _post(world, ledger.order_refunded(order.id, customer.account, Usdt.of("1.25"), NOW))
        totals = await world.totals(customer)
        assert totals == CustomerTotals(topped_up=Usdt.of(60), charged=Usdt.of(5), refunded=Usdt.of("1.25"))
        assert totals.balance == Usdt.of("56.25")
        folded = CustomerTotals()
        for transfer in reversed(await _statement(world, customer)):
            folded = folded.after(transfer, customer.account)
        assert folded == totals

    async def test_a_new_customer_has_nothing(self, world: World) -> None:
        assert await world.totals(await world.customer()) == CustomerTotals()

    async def test_a_balance_may_reach_zero_and_go_no_further(self, world: World) -> None:
        customer = await world.customer(10)
        await _post(world, _adjustment(customer, "-9.999999", "all but a micro"))
        with pytest.raises(Overdrawn):
            await _post(world, _adjustment(customer, "-0.000002", "two micros"))
        assert await world.balance(customer) == Usdt(1)
        await _post(world, _adjustment(customer, "-0.000001", "the last micro"))
        assert await world.balance(customer) == ZERO

    async def test_transfers_posted_together_may_not_overdraw_together(self, world: World) -> None:
        customer = await world.customer(10)
        with pytest.raises(Overdrawn):
            await _post(world, _adjustment(customer, -6, "one"), _adjustment(customer, -6, "two"))
        assert await world.balance(customer) == Usdt.of(10)

    async def test_one_debit_of_many_at_once_is_all_the_balance_bears(self, world: World) -> None:
        customer = await world.customer(10)

        outcomes = await at_once(range(4), lambda n: _post(world, _adjustment(customer, -6, f"debit {n}")))
        assert sum(isinstance(outcome, Overdrawn) for outcome in outcomes) == 3
        assert await world.balance(customer) == Usdt.of(4)

    async def test_a_frozen_customers_balance_is_moved_by_nobody(self, world: World) -> None:
        customer, product = await world.customer(10), await world.product(1, units=2)
        order = await world.order(customer, product)
        record = await world.deposit(7)
        assert await _freeze(world, customer.account)
        arrived = record.deposit
        for transfer in (
            _adjustment(customer, 5, "a credit"),
            _adjustment(customer, -5, "a debit"),
            ledger.deposit_credited(record.id, arrived.network, customer.account, arrived.amount, NOW),
            ledger.manual_credit(record.id, arrived.network, customer.account, arrived.amount, NOW, "why"),
            ledger.order_refunded(order.id, customer.account, order.charged, NOW),
            ledger.order_charged(OrderId(99), customer.account, Usdt.of(1), NOW),
        ):
            with pytest.raises(AccountFrozen):
                await _post(world, transfer)
        assert await world.balance(customer) == Usdt.of(9)
        assert await _freeze(world, customer.account, frozen=False)
        await _post(world, _adjustment(customer, 5, "a credit"))
        assert await world.balance(customer) == Usdt.of(14)

    async def test_the_balances_of_others_are_moved_meanwhile(self, world: World) -> None:
        frozen, other = await world.customer(10), await world.customer(10)
        await _freeze(world, frozen.account)
        await _post(world, _adjustment(other, 5, "a gift"))
        with pytest.raises(AccountFrozen):
            await _post(world, _adjustment(other, 5, "with it"), _adjustment(frozen, 5, "together"))
        assert (await world.balance(other), await world.balance(frozen)) == (Usdt.of(15), Usdt.of(10))

    async def test_a_customer_is_frozen_once_and_let_go_once(self, world: World) -> None:
        customer = await world.customer()
        assert not await _freeze(world, customer.account, frozen=False)
        assert [await _freeze(world, customer.account) for _ in range(2)] == [True, False]
        assert [await _freeze(world, customer.account, frozen=False) for _ in range(2)] == [True, False]
        with pytest.raises(NotFound):
            await _freeze(world, AccountId(404))

    async def test_who_freezes_and_who_posts_wait_for_each_other(self, world: World) -> None:
        customer = await world.customer(10)

        async def freeze(uow: UnitOfWork) -> None:
            await uow.accounts.set_frozen(customer.account, frozen=True)

        async def spend(uow: UnitOfWork) -> None:
            await uow.accounts.post([_adjustment(customer, -6, "a debit")])

        refused = False

        async def try_to_spend(uow: UnitOfWork) -> None:
            nonlocal refused
            try:
                await spend(uow)
            except AccountFrozen:
                refused = True
                raise

        with pytest.raises(ExceptionGroup):
            await while_open(world.unit_of_work, freeze, try_to_spend)
        assert refused
        assert await world.balance(customer) == Usdt.of(10)

    async def test_the_same_kind_and_ref_again_is_refused(self, world: World) -> None:
        customer = await world.customer()
        await _post(world, _adjustment(customer, 5, "a gift"))
        with pytest.raises(AlreadyDone):
            await _post(world, _adjustment(customer, 7, "a gift"))
        assert await world.balance(customer) == Usdt.of(5)

    async def test_another_kind_with_the_same_ref_is_another_transfer(self, world: World) -> None:
        customer, product = await world.customer(5), await world.product(1, units=1)
        order = await world.order(customer, product)
        await _post(world, ledger.order_settled(order.id, Usdt.of("0.50"), NOW))
        await _post(world, ledger.order_refunded(order.id, customer.account, Usdt.of("0.50"), NOW))
        assert await world.balance(customer) == Usdt.of("4.50")

    async def test_money_of_an_order_is_its_customers(self, world: World) -> None:
        customer, other = await world.customer(10), await world.customer(10)
        order = await world.order(customer, await world.product(1, units=1))
        await world.order(other, await world.product(5, units=1))
        none = OrderId(404)
        for transfer in (
            ledger.order_refunded(order.id, other.account, order.charged, NOW),
            ledger.order_charged(none, customer.account, Usdt.of(1), NOW),
            ledger.order_settled(none, Usdt.of(1), NOW),
        ):
            with pytest.raises(OrderNotFound):
                await _post(world, _adjustment(customer, 5, "together"), transfer)
        assert [await world.balance(one) for one in (customer, other)] == [Usdt.of(9), Usdt.of(5)]
        await _post(world, ledger.order_refunded(order.id, customer.account, order.charged, NOW))
        assert await world.balance(customer) == Usdt.of(10)

    async def test_the_same_transfer_from_many_at_once_is_posted_once(self, world: World) -> None:
        customer = await world.customer()
        gift = _adjustment(customer, 5, "a gift")
        outcomes = await at_once(range(4), lambda _: _post(world, gift))
        assert sum(isinstance(outcome, AlreadyDone) for outcome in outcomes) == 3
        assert await world.balance(customer) == Usdt.of(5)

    async def test_a_posted_transfer_reads_as_it_was_posted_for_ever(self, world: World) -> None:
        customer = await world.customer()
        gift = _adjustment(customer, 5, "a gift")
        await _post(world, gift)
        with pytest.raises(AlreadyDone):
            await _post(world, _adjustment(customer, 9, "a gift"))
        await _post(world, _adjustment(customer, -1, "another"))
        assert (await _statement(world, customer))[-1] == gift

    async def test_transfers_of_others_are_not_the_customers(self, world: World) -> None:
        customer, other = await world.customer(3), await world.customer(4)
        record = await world.deposit(100)
        await _post(
            world, ledger.deposit_set_aside(record.id, record.deposit.network, record.deposit.amount, NOW)
        )
        assert await world.balance(customer) == Usdt.of(3)
        assert await world.balance(other) == Usdt.of(4)

    async def test_locked_totals_are_changed_by_nobody_else(self, world: World) -> None:
        customer = await world.customer(10)
        happened = await while_open(
            world.unit_of_work,
            lambda uow: uow.accounts.lock([customer.account]),
            lambda uow: uow.accounts.post([_adjustment(customer, -10, "meanwhile")]),
        )
        assert happened == ["first ended", "second done"]

    async def test_locking_answers_the_present_totals(self, world: World) -> None:
        one, two = await world.customer(1), await world.customer(2)
        async with world.unit_of_work() as uow:
            locked = await uow.accounts.lock([two.account, one.account])
        assert {account: totals.balance for account, totals in locked.items()} == {
            one.account: Usdt.of(1),
            two.account: Usdt.of(2),
        }
