"""What every store promises of a unit of work."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Final, TypeAlias

import pytest

from ytmarket.application.errors import ApplicationError, OutcomeUnknown, Unavailable
from ytmarket.application.ports.unit_of_work import NewUnitOfWork, UnitOfWork
from ytmarket.domain import ledger
from ytmarket.domain.errors import AlreadyDone, Refused
from ytmarket.domain.ids import AccountId, ProductId
from ytmarket.domain.money import ZERO, Usdt
from ytmarket.testing.contracts.concurrency import while_open
from ytmarket.testing.contracts.store_base import StorePartContract
from ytmarket.testing.contracts.world import NOW, World, new_unit

Lock: TypeAlias = Callable[[UnitOfWork], Awaitable[object]]


async def _account(world: World) -> Lock:
    customer = await world.customer()
    return lambda uow: uow.accounts.lock([customer.account])


async def _key(world: World) -> Lock:
    customer = await world.customer()
    return lambda uow: uow.api_keys.by_fp(customer.key.fp)


async def _order(world: World) -> Lock:
    customer, product = await world.customer(10), await world.product(units=1)
    order = await world.order(customer, product)
    return lambda uow: uow.orders.lock(order.id)


async def _reservation(world: World) -> Lock:
    topup = await world.topup(await world.customer(), 100)
    return lambda uow: uow.topups.lock_reservation(topup.reservation_id)


async def _deposit(world: World) -> Lock:
    record = await world.deposit(100)
    return lambda uow: uow.deposits.lock(record.id)


LOCKS: Final[dict[str, Callable[[World], Awaitable[Lock]]]] = {
    "account": _account,
    "api key": _key,
    "order": _order,
    "reservation": _reservation,
    "deposit": _deposit,
}


async def _credit(uow: UnitOfWork, account: AccountId, ref: str) -> None:
    await uow.accounts.post([ledger.adjustment(ref, account, Usdt.of(1), NOW, "a gift")])


class UnitOfWorkContract(StorePartContract):
    """The promises of the `UnitOfWork` port.

    Two fixtures are optional, and the tests that want them are skipped without: `unreachable`, a
    NewUnitOfWork of a store that is not there, and `sever`, which cuts the open units of work of
    the store under test off from it.
    """

    @pytest.fixture
    def unreachable(self) -> NewUnitOfWork:
        pytest.skip("give the fixture `unreachable`: a NewUnitOfWork of a store that does not answer")

    @pytest.fixture
    def sever(self) -> Callable[[], Awaitable[None]]:
        pytest.skip("give the fixture `sever`: cuts open units of work off from their store")

    async def test_what_was_committed_stays(self, world: World) -> None:
        customer = await world.customer()
        async with world.unit_of_work() as uow:
            await _credit(uow, customer.account, "one")
            await uow.commit()
        assert await world.balance(customer) == Usdt.of(1)

    async def test_leaving_without_commit_changes_nothing(self, world: World) -> None:
        customer = await world.customer()
        async with world.unit_of_work() as uow:
            await _credit(uow, customer.account, "one")
        assert await world.balance(customer) == ZERO
        async with world.unit_of_work() as uow:
            await _credit(uow, customer.account, "one")  # nor does its name count as used
            await uow.commit()
        assert await world.balance(customer) == Usdt.of(1)

    async def test_leaving_by_an_exception_changes_nothing(self, world: World) -> None:
        customer, product = await world.customer(5), await world.product(units=2)
        with pytest.raises(ZeroDivisionError):
            async with world.unit_of_work() as uow:
                await _credit(uow, customer.account, "one")
                (unit,) = await uow.catalog.next_unit_ids(1)
                await uow.catalog.add_units(product, [new_unit(unit, "third")], NOW)
                raise ZeroDivisionError
        assert await world.balance(customer) == Usdt.of(5)
        found = await world.queries.product(product)
        assert found is not None
        assert found.available == 2

    async def test_all_of_it_or_none_when_the_last_step_is_refused(self, world: World) -> None:
        customer = await world.customer()
        with pytest.raises(AlreadyDone):
            async with world.unit_of_work() as uow:
                await _credit(uow, customer.account, "one")
                await _credit(uow, customer.account, "two")
                await _credit(uow, customer.account, "one")
                await uow.commit()
        assert await world.balance(customer) == ZERO

    async def test_a_commit_after_a_refusal_does_not_lie(self, world: World) -> None:
        """A store may give the whole unit of work up, but then commit() has to say so."""
        customer = await world.customer()
        async with world.unit_of_work() as uow:
            await _credit(uow, customer.account, "one")
            with pytest.raises(AlreadyDone):
                await _credit(uow, customer.account, "one")
            try:
                await uow.commit()
                kept = Usdt.of(1)
            except ApplicationError:
                kept = ZERO
        assert await world.balance(customer) == kept

    async def test_what_comes_after_the_commit_is_not_part_of_it(self, world: World) -> None:
        customer = await world.customer()
        async with world.unit_of_work() as uow:
            await _credit(uow, customer.account, "one")
            await uow.commit()
            await _credit(uow, customer.account, "two")
        assert await world.balance(customer) == Usdt.of(1)

    async def test_nobody_sees_what_is_not_committed(self, world: World) -> None:
        customer = await world.customer()
        async with world.unit_of_work() as uow:
            await _credit(uow, customer.account, "one")
            assert await world.balance(customer) == ZERO
            own = await uow.accounts.lock([customer.account])
            assert own[customer.account].balance == Usdt.of(1)
            await uow.commit()
        assert await world.balance(customer) == Usdt.of(1)

    @pytest.mark.parametrize("thing", LOCKS)
    async def test_what_one_has_locked_another_waits_for(self, world: World, thing: str) -> None:
        lock = await LOCKS[thing](world)
        happened = await while_open(world.unit_of_work, lock, lock)
        assert happened == ["first ended", "second done"]

    async def test_what_the_store_forbids_is_a_refusal_of_the_domain(self, world: World) -> None:
        customer = await world.customer()
        nobody = AccountId(customer.account + 1_000_000)
        with pytest.raises(Refused):
            async with world.unit_of_work() as uow:
                await _credit(uow, nobody, "one")
                await uow.commit()

    async def test_a_store_that_does_not_answer_is_unavailable(self, unreachable: NewUnitOfWork) -> None:
        with pytest.raises(Unavailable) as trouble:
            async with unreachable() as uow:
                await uow.catalog.product(ProductId(1))
        assert not isinstance(trouble.value, OutcomeUnknown)

    async def test_a_store_that_is_lost_in_the_commit_leaves_the_outcome_unknown(
        self, world: World, sever: Callable[[], Awaitable[None]]
    ) -> None:
        customer = await world.customer()
        with pytest.raises(OutcomeUnknown):
            async with world.unit_of_work() as uow:
                await _credit(uow, customer.account, "one")
                await sever()
                await uow.commit()
