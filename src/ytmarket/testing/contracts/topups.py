"""What every store promises of top-ups and reserved amounts."""

from __future__ import annotations

from datetime import datetime, timedelta

import attrs
import pytest

from ytmarket.domain.deposits import DepositStatus, UnmatchedReason
from ytmarket.domain.errors import Conflict
from ytmarket.domain.ids import ReservationId, TopupId
from ytmarket.domain.money import Usdt
from ytmarket.domain.networks import Network
from ytmarket.domain.reservations import Reservation
from ytmarket.domain.topups import Topup, TopupStatus
from ytmarket.testing.contracts.concurrency import at_once
from ytmarket.testing.contracts.store_base import StorePartContract
from ytmarket.testing.contracts.world import NOW, SECOND, WALLET, Customer, World

END = NOW + timedelta(hours=24)


async def _reserve(
    world: World,
    customer: Customer,
    amount: str | int,
    *,
    network: Network = Network.TRON,
    starts_at: datetime = NOW,
    ends_at: datetime = END,
) -> ReservationId | None:
    async with world.unit_of_work() as uow:
        reservation = await uow.topups.reserve(network, Usdt.of(amount), customer.payer, starts_at, ends_at)
        await uow.commit()
    return reservation


async def _extend(world: World, reservation: ReservationId, ends_at: datetime) -> None:
    async with world.unit_of_work() as uow:
        await uow.topups.lock_reservation(reservation)
        await uow.topups.extend(reservation, ends_at)
        await uow.commit()


async def _release(world: World, reservation: ReservationId, ends_at: datetime) -> None:
    async with world.unit_of_work() as uow:
        await uow.topups.lock_reservation(reservation)
        await uow.topups.release(reservation, ends_at)
        await uow.commit()


async def _near(
    world: World, low: str, high: str, starts_at: datetime = NOW, ends_at: datetime = END
) -> list[Reservation]:
    async with world.unit_of_work() as uow:
        return list(
            await uow.topups.reservations(Network.TRON, Usdt.of(low), Usdt.of(high), starts_at, ends_at)
        )


async def _counts(world: World, customer: Customer, now: datetime = NOW) -> tuple[int, int]:
    async with world.unit_of_work() as uow:
        await uow.accounts.lock([customer.account])
        return await uow.topups.counts(customer.account, now)


async def _credit(world: World, topup: Topup) -> Topup:
    record = await world.deposit(str(topup.amount), network=topup.network, at=topup.starts_at)
    credited = attrs.evolve(topup, status=TopupStatus.CREDITED_AUTO, deposit_id=record.id)
    settled = attrs.evolve(
        record, status=DepositStatus.CREDITED_AUTO, account_id=topup.account_id, topup_id=topup.id
    )
    async with world.unit_of_work() as uow:
        await uow.topups.lock_reservation(topup.reservation_id)
        await uow.topups.save(credited)
        await uow.topups.release(topup.reservation_id, topup.expires_at)
        await uow.deposits.save(settled)
        await uow.commit()
    return credited


class TopupContract(StorePartContract):
    """The promises of the `TopupRepository` port."""

    @pytest.mark.parametrize(
        ("other", "is_free"),
        [
            ("100", False),
            ("100.01", False),
            ("99.98", False),
            ("100.02", False),
            ("100.020001", True),
            ("99.979999", True),
            ("100.03", True),
        ],
    )
    async def test_bands_of_a_network_never_touch(self, world: World, other: str, *, is_free: bool) -> None:
        one, two = await world.customer(), await world.customer()
        assert await _reserve(world, one, 100) is not None
        assert (await _reserve(world, two, other) is not None) is is_free

    async def test_not_even_for_the_payer_itself(self, world: World) -> None:
        customer = await world.customer()
        assert await _reserve(world, customer, 100) is not None
        assert await _reserve(world, customer, 100) is None

    async def test_networks_do_not_touch_each_other(self, world: World) -> None:
        customer = await world.customer()
        for network in Network:
            assert await _reserve(world, customer, 100, network=network) is not None

    async def test_reservations_of_other_times_do_not_touch(self, world: World) -> None:
        customer = await world.customer()
        assert await _reserve(world, customer, 100, starts_at=NOW, ends_at=END) is not None
        just_before, just_after = NOW - SECOND, END - SECOND
        assert await _reserve(world, customer, 100, starts_at=just_before, ends_at=NOW + SECOND) is None
        assert await _reserve(world, customer, 100, starts_at=just_after, ends_at=END + SECOND) is None
        assert await _reserve(world, customer, 100, starts_at=just_before, ends_at=NOW) is not None
        assert await _reserve(world, customer, 100, starts_at=END, ends_at=END + SECOND) is not None

    async def test_of_many_who_want_an_amount_at_once_one_gets_it(self, world: World) -> None:
        customers = [await world.customer() for _ in range(6)]
        amounts = ["100", "100.01", "100.02"]
        outcomes = await at_once(
            enumerate(customers), lambda numbered: _reserve(world, numbered[1], amounts[numbered[0] % 3])
        )
        assert sum(outcome is not None for outcome in outcomes) == 1

    async def test_what_is_not_committed_is_not_reserved(self, world: World) -> None:
        one, two = await world.customer(), await world.customer()
        async with world.unit_of_work() as uow:
            assert await uow.topups.reserve(Network.TRON, Usdt.of(100), one.payer, NOW, END) is not None
        assert await _reserve(world, two, 100) is not None

    async def test_a_unit_of_work_goes_on_after_a_taken_amount(self, world: World) -> None:
        one, two = await world.customer(), await world.customer()
        await _reserve(world, one, 100)
        async with world.unit_of_work() as uow:
            first = await uow.topups.reserve(Network.TRON, Usdt.of(100), two.payer, NOW, END)
            second = await uow.topups.reserve(Network.TRON, Usdt.of("100.03"), two.payer, NOW, END)
            await uow.commit()
        assert first is None
        assert second is not None
        assert [held.id for held in await _near(world, "100.03", "100.03")] == [second]

    async def test_reservations_nearby_are_found_to_the_micro(self, world: World) -> None:
        customer = await world.customer()
        reservation = await _reserve(world, customer, 100)
        assert reservation is not None
        (found,) = await _near(world, "100.01", "200")
        assert found == Reservation(
            id=reservation,
            network=Network.TRON,
            amount=Usdt.of(100),
            payer=customer.payer,
            starts_at=NOW,
            ends_at=END,
        )
        assert await _near(world, "1", "99.99") == [found]
        assert await _near(world, "1", "99.989999") == []
        assert await _near(world, "100.010001", "200") == []

    async def test_reservations_of_other_times_are_not_found(self, world: World) -> None:
        await _reserve(world, await world.customer(), 100)
        assert await _near(world, "99", "101", END, END + SECOND) == []
        assert await _near(world, "99", "101", NOW - SECOND, NOW) == []
        assert len(await _near(world, "99", "101", END - SECOND, END + SECOND)) == 1
        assert len(await _near(world, "99", "101", NOW - SECOND, NOW + SECOND)) == 1

    async def test_a_released_amount_is_free_from_then_on(self, world: World) -> None:
        one, two = await world.customer(), await world.customer()
        reservation = await _reserve(world, one, 100)
        assert reservation is not None
        release = NOW + timedelta(hours=1)
        await _release(world, reservation, release)
        assert await _reserve(world, two, 100, starts_at=release - SECOND) is None
        assert await _reserve(world, two, 100, starts_at=release) is not None

    async def test_a_reservation_cannot_be_extended_over_anothers(self, world: World) -> None:
        one, two = await world.customer(), await world.customer()
        reservation = await _reserve(world, one, 100, ends_at=NOW + SECOND)
        assert reservation is not None
        await _reserve(world, two, "100.02", starts_at=NOW + 5 * SECOND)
        with pytest.raises(Conflict):
            await _extend(world, reservation, NOW + 6 * SECOND)
        await _extend(world, reservation, NOW + 5 * SECOND)

    async def test_extending_never_shortens_and_releasing_never_lengthens(self, world: World) -> None:
        """Under other settings a moment is reckoned that is earlier, or later, than what was promised."""
        reservation = await _reserve(world, await world.customer(), 100)
        assert reservation is not None
        for change, ends_at in ((_extend, END - SECOND), (_release, END + SECOND)):
            await change(world, reservation, ends_at)
            (kept,) = await _near(world, "100", "100")
            assert kept.ends_at == END

    async def test_topups_that_share_a_reservation_come_oldest_first(self, world: World) -> None:
        customer = await world.customer()
        first = await world.topup(customer, 100)
        third = await world.share(first, NOW + 20 * SECOND)
        second = await world.share(first, NOW + 10 * SECOND)
        async with world.unit_of_work() as uow:
            sharing = await uow.topups.lock_reservation(first.reservation_id)
        assert list(sharing) == [first, second, third]

    async def test_saving_keeps_status_and_deposit(self, world: World) -> None:
        topup = await world.topup(await world.customer(), 100, network=Network.SOLANA)
        assert await world.topup_now(topup) == topup
        credited = await _credit(world, topup)
        assert await world.topup_now(topup) == credited

    async def test_open_topups_and_unpaid_reservations_are_counted_apart(self, world: World) -> None:
        customer = await world.customer()
        assert await _counts(world, customer) == (0, 0)
        first = await world.topup(customer, 100)
        await world.share(first, NOW)
        await _credit(world, await world.topup(customer, 200))
        await world.topup(await world.customer(), 300)
        assert await _counts(world, customer) == (2, 0)
        await world.read(Network.TRON, until=first.expires_at)
        await world.expire()
        assert await _counts(world, customer, first.expires_at) == (0, 1)
        assert await _counts(world, customer, END - SECOND) == (0, 1)
        assert await _counts(world, customer, END) == (0, 0)

    async def test_a_topup_expires_once_its_network_was_read_past_its_end(self, world: World) -> None:
        topup = await world.topup(await world.customer(), 100)
        assert await world.expire() == 0
        await world.read(Network.TRON, until=topup.expires_at - SECOND)
        await world.read(Network.BSC, until=topup.expires_at + timedelta(days=1))
        assert await world.expire() == 0
        assert (await world.topup_now(topup)).status is TopupStatus.PENDING
        await world.read(Network.TRON, until=topup.expires_at)
        assert await world.expire(Network.BSC) == 0
        assert await world.expire() == 1
        assert (await world.topup_now(topup)).status is TopupStatus.EXPIRED
        assert await world.expire() == 0

    async def test_no_topup_expires_while_a_deposit_could_still_pay_it(self, world: World) -> None:
        topup = await world.topup(await world.customer(), 100)
        record = await world.deposit(100, at=topup.expires_at - SECOND)
        await world.read(Network.TRON, until=topup.expires_at)
        assert await world.expire() == 0
        async with world.unit_of_work() as uow:
            await uow.deposits.save(
                attrs.evolve(record, status=DepositStatus.UNMATCHED, reason=UnmatchedReason.NO_SUCH_AMOUNT)
            )
            await uow.commit()
        assert await world.expire() == 1

    async def test_a_deposit_after_its_end_keeps_no_topup_open(self, world: World) -> None:
        topup = await world.topup(await world.customer(), 100)
        await world.deposit(100, at=topup.expires_at)
        await world.deposit(100, at=topup.expires_at - SECOND, network=Network.BSC)
        assert await world.expire() == 1

    async def test_no_more_expire_at_a_time_than_asked_for(self, world: World) -> None:
        customer = await world.customer()
        topups = [await world.topup(customer, amount) for amount in (100, 200, 300)]
        await world.read(Network.TRON, until=topups[-1].expires_at)
        async with world.unit_of_work() as uow:
            assert await uow.topups.expire_due(Network.TRON, limit=2) == 2
            await uow.commit()
        assert await world.expire() == 1

    async def test_a_credited_topup_never_expires(self, world: World) -> None:
        credited = await _credit(world, await world.topup(await world.customer(), 100))
        await world.read(Network.TRON, until=END)
        assert await world.expire() == 0
        assert await world.topup_now(credited) == credited

    async def test_an_expired_topup_stays_expired(self, world: World) -> None:
        topup = await world.topup(await world.customer(), 100)
        await world.read(Network.TRON, until=topup.expires_at)
        await world.expire()
        for status in (TopupStatus.CREDITED_AUTO, TopupStatus.PENDING):
            with pytest.raises(Conflict):
                await world.save_topup(attrs.evolve(topup, status=status))
        assert (await world.topup_now(topup)).status is TopupStatus.EXPIRED

    async def test_an_expired_topup_can_be_credited_by_hand(self, world: World) -> None:
        topup = await world.topup(await world.customer(), 100)
        await world.read(Network.TRON, until=topup.expires_at)
        await world.expire()
        late = await world.deposit(100, at=topup.expires_at + SECOND)
        by_hand = attrs.evolve(topup, status=TopupStatus.CREDITED_MANUAL, deposit_id=late.id)
        await world.save_topup(by_hand)
        assert await world.topup_now(topup) == by_hand

    async def test_a_topup_is_credited_once(self, world: World) -> None:
        credited = await _credit(world, await world.topup(await world.customer(), 100))
        another = await world.deposit(100)
        for status in (TopupStatus.CREDITED_AUTO, TopupStatus.CREDITED_MANUAL, TopupStatus.PENDING):
            with pytest.raises(Conflict):
                await world.save_topup(attrs.evolve(credited, status=status, deposit_id=another.id))
        assert await world.topup_now(credited) == credited

    async def test_the_address_is_kept_with_the_topup(self, world: World) -> None:
        topup = await world.topup(await world.customer(), 100)
        assert (await world.topup_now(topup)).address == WALLET

    async def test_a_topup_is_found_by_its_own_account_alone(self, world: World) -> None:
        own, other = await world.customer(), await world.customer()
        topup = await world.topup(own, 100)
        async with world.unit_of_work() as uow:
            assert await uow.topups.find(own.account, topup.id) == topup
            assert await uow.topups.find(other.account, topup.id) is None
            for unknown in ("00000000-0000-4000-8000-000000000404", "not a uuid", ""):
                assert await uow.topups.find(own.account, TopupId(unknown)) is None

    async def test_unpaid_topups_are_those_that_nobody_credited(self, world: World) -> None:
        own, other = await world.customer(), await world.customer()
        old = await world.topup(own, 100)
        expired, paid, pending = [
            await world.topup(own, amount, now=NOW + SECOND) for amount in (200, 300, 400)
        ]
        await world.topup(other, 500, now=NOW + SECOND)
        record = await world.deposit(300)
        await world.save_topup(attrs.evolve(expired, status=TopupStatus.EXPIRED))
        await world.save_topup(attrs.evolve(paid, status=TopupStatus.CREDITED_AUTO, deposit_id=record.id))
        async with world.unit_of_work() as uow:
            since_then = await uow.topups.unpaid(own.account, since=NOW + SECOND)
            assert {topup.id for topup in since_then} == {expired.id, pending.id}
            assert {topup.id for topup in await uow.topups.unpaid(own.account, since=NOW)} == {
                old.id,
                expired.id,
                pending.id,
            }
            assert not await uow.topups.unpaid(own.account, since=NOW + 2 * SECOND)
