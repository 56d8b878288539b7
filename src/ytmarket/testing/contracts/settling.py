"""What every store promises of settling whatever the settings were before, and whatever one deposit meets."""

from __future__ import annotations

from datetime import timedelta

import attrs
import pytest

from ytmarket.adapters.inmemory import ManualClock
from ytmarket.application.deposits import DepositService, NotSettled
from ytmarket.domain import ledger
from ytmarket.domain.deposits import DepositStatus
from ytmarket.domain.errors import AlreadyDone
from ytmarket.domain.networks import Network
from ytmarket.domain.topups import TopupStatus, TopupTerms
from ytmarket.testing.contracts.store_base import StorePartContract
from ytmarket.testing.contracts.world import NOW, SECOND, TOPUP_TERMS, World

LATER = NOW + TOPUP_TERMS.quarantine + SECOND


def _settling(world: World, terms: TopupTerms = TOPUP_TERMS) -> DepositService:
    return DepositService(new_unit_of_work=world.unit_of_work, clock=ManualClock(LATER), terms=terms)


class SettlingContract(StorePartContract):
    """A deposit is settled by what was promised to its payer, and keeps no other payer's waiting."""

    async def test_a_longer_quarantine_takes_no_amount_back_from_whom_it_was_given_to(
        self, world: World
    ) -> None:
        ann, bob = await world.customer(), await world.customer()
        first = await world.topup(ann, 100)
        second = await world.share(first, NOW)
        deposit = await world.deposit(100)
        bobs = await world.topup(bob, 100, now=LATER + timedelta(minutes=1))
        longer = attrs.evolve(TOPUP_TERMS, quarantine=3 * TOPUP_TERMS.quarantine)
        assert await _settling(world, longer).settle_due() == 1
        paid = [(await world.topup_now(topup)).deposit_id for topup in (first, second, bobs)]
        assert sorted(paid, key=str) == [deposit.id, None, None]
        assert await world.balance(ann) == deposit.deposit.amount

    async def test_other_times_leave_no_pending_topup_uncovered(self, world: World) -> None:
        ann = await world.customer()
        first = await world.topup(ann, 100)
        second = await world.share(first, NOW + SECOND)
        await world.deposit(100)
        minute = timedelta(minutes=1)
        assert await _settling(world, TopupTerms(lifetime=minute, quarantine=minute)).settle_due() == 1
        left = {(await world.topup_now(topup)).status for topup in (first, second)}
        assert left == {TopupStatus.CREDITED_AUTO, TopupStatus.PENDING}
        async with world.unit_of_work() as uow:
            amount, end = first.amount, second.expires_at
            (kept,) = await uow.topups.reservations(Network.TRON, amount, amount, NOW, end)
        assert kept.ends_at == end

    async def test_what_the_books_refuse_keeps_no_later_deposit_back(self, world: World) -> None:
        ann, bob = await world.customer(), await world.customer()
        await world.topup(ann, 100)
        await world.topup(bob, 200)
        refused, fine = await world.deposit(100), await world.deposit(200)
        booked = ledger.deposit_credited(refused.id, Network.TRON, ann.account, refused.deposit.amount, NOW)
        async with world.unit_of_work() as uow:
            await uow.accounts.post([booked])
            await uow.commit()
        with pytest.raises(NotSettled, match=f"deposit {refused.id}") as raised:
            await _settling(world).settle_due(limit=1)
        assert isinstance(raised.value.__cause__, AlreadyDone)
        assert raised.value.settled == 1
        async with world.unit_of_work() as uow:
            now = [await uow.deposits.lock(record.id) for record in (refused, fine)]
        assert [record and record.status for record in now] == [
            DepositStatus.RECEIVED,
            DepositStatus.CREDITED_AUTO,
        ]
