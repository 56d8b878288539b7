"""What every store promises of agreements between chains and the books."""

from __future__ import annotations

from datetime import timedelta

import attrs

from ytmarket.application.ports.chain_reader import Cursor, Page
from ytmarket.application.ports.reconciliation import Booked, Task
from ytmarket.domain.deposits import Deposit, DepositStatus
from ytmarket.domain.networks import Network
from ytmarket.domain.reconciliation import Holding, Point
from ytmarket.testing.contracts.concurrency import at_once
from ytmarket.testing.contracts.store_base import StorePartContract
from ytmarket.testing.contracts.world import NOW, SECOND, WALLET, World

BSC = Network.BSC
HOUR = timedelta(hours=1)
FIRST = Cursor("first")
FULL = 2**256 - 1
"""The most that a token can count."""


def held(height: int, balance: int = FULL) -> Holding:
    """An agreement at this height."""
    return Holding(point=Point(height=height, ref=f"0x{height}", at=NOW + height * SECOND), balance=balance)


async def _read(world: World, *deposits: Deposit, wallet: str = WALLET) -> None:
    async with world.unit_of_work() as uow:
        after = await uow.deposits.cursor(BSC, wallet)
        page = Page(deposits=deposits, cursor=Cursor(f"{after}."), read_until=NOW)
        await uow.deposits.keep_page(BSC, wallet, after, page, NOW)
        await uow.commit()


async def _take_up(world: World, *, late: timedelta = timedelta(0)) -> Task | None:
    async with world.unit_of_work() as uow:
        task = await uow.reconciliation.take_up(BSC, WALLET, NOW + late, NOW + late + HOUR)
        await uow.commit()
    return task


async def _agree(world: World, holding: Holding, *, after: Holding | None) -> bool:
    async with world.unit_of_work() as uow:
        agreed = await uow.reconciliation.agree(BSC, WALLET, holding, after=after, due_at=NOW + HOUR)
        await uow.commit()
    return agreed


async def _booked(world: World, after: int, to: int, *, source: str = WALLET) -> Booked | None:
    async with world.unit_of_work() as uow:
        return await uow.reconciliation.booked(BSC, WALLET, after, to, source=source)


def _arrived(world: World, height: int, raw: int) -> Deposit:
    transfer = world.transfer(1, network=BSC)
    return attrs.evolve(transfer, height=height, raw=raw, recipient=WALLET)


class ReconciliationContract(StorePartContract):
    """The promises of the `ReconciliationRepository` port."""

    async def test_nothing_is_due_before_the_network_has_been_read(self, world: World) -> None:
        assert await _take_up(world) is None
        assert await _booked(world, 0, 100) is None
        await _read(world, wallet="another wallet")
        assert await _take_up(world) is None
        await _read(world)
        assert await _take_up(world) == Task(agreed=None, not_before=NOW)

    async def test_a_check_is_taken_up_by_one_and_is_due_again_later(self, world: World) -> None:
        await _read(world)
        found = await at_once([1, 2, 3], lambda _: _take_up(world))
        assert sorted(task is None for task in found) == [False, True, True]
        assert await _take_up(world, late=HOUR - SECOND) is None
        assert await _take_up(world, late=HOUR) is not None

    async def test_an_agreement_is_what_the_next_check_begins_with(self, world: World) -> None:
        await _read(world)
        await _take_up(world)
        assert await _agree(world, held(7), after=None)
        assert await _take_up(world) is None
        assert await _take_up(world, late=HOUR) == Task(agreed=held(7), not_before=NOW)

    async def test_an_agreement_replaces_only_the_one_it_was_found_from(self, world: World) -> None:
        await _read(world)
        await _take_up(world)
        assert not await _agree(world, held(7), after=held(6))
        assert await _agree(world, held(7), after=None)
        for other in (None, held(6), held(7, balance=FULL - 1)):
            assert not await _agree(world, held(8), after=other)
        assert await _agree(world, held(8), after=held(7))
        assert await _take_up(world, late=HOUR) == Task(agreed=held(8), not_before=NOW)

    async def test_what_is_forgotten_opens_anew_at_once(self, world: World) -> None:
        async def forget() -> int | None:
            async with world.unit_of_work() as uow:
                forgotten = await uow.reconciliation.forget(BSC, WALLET, NOW)
                await uow.commit()
            return forgotten

        await _read(world)
        assert await forget() is None
        await _take_up(world)
        assert await forget() is None
        await _agree(world, held(7), after=None)
        assert await forget() == 7
        assert await _take_up(world) == Task(agreed=None, not_before=NOW)

    async def test_what_was_agreed_for_another_token_of_the_wallet_can_be_forgotten(
        self, world: World
    ) -> None:
        old, new, longer = f"{WALLET}/old", f"{WALLET}/new", f"{WALLET}2/old"
        async with world.unit_of_work() as uow:
            for source in (WALLET, old, new, longer):
                page = Page(deposits=(), cursor=FIRST, read_until=NOW)
                await uow.deposits.keep_page(BSC, source, None, page, NOW)
                await uow.reconciliation.take_up(BSC, source, NOW, NOW + HOUR)
                await uow.reconciliation.agree(BSC, source, held(7), after=None, due_at=NOW + HOUR)
            await uow.commit()
        async with world.unit_of_work() as uow:
            await uow.reconciliation.forget_other_tokens(BSC, WALLET, new, NOW + SECOND)
            await uow.commit()
        later = NOW + 2 * HOUR
        async with world.unit_of_work() as uow:
            at_once = [
                await uow.reconciliation.take_up(BSC, source, NOW + SECOND, later) for source in (old, new)
            ]
            kept = [
                await uow.reconciliation.take_up(BSC, source, NOW + HOUR, later)
                for source in (WALLET, new, longer)
            ]
        assert at_once == [Task(agreed=None, not_before=NOW), None]
        assert [task and task.agreed for task in kept] == [held(7)] * 3

    async def test_what_is_booked_is_counted_to_the_smallest_unit(self, world: World) -> None:
        huge = 9 * 10**24  # nine million USDT, and more than 64 bits
        one = _arrived(world, 11, huge)
        two, three = (_arrived(world, height, raw) for height, raw in ((12, 1), (13, 5)))
        elsewhere = attrs.evolve(_arrived(world, 12, 7), recipient="another wallet")
        abroad = attrs.evolve(_arrived(world, 12, 9), network=Network.POLYGON)
        await _read(world, one, two, three, elsewhere)
        await world.read(Network.POLYGON, abroad, until=NOW)
        assert await _booked(world, 10, 13) == Booked(raw=huge + 6, read_until=NOW)
        assert await _booked(world, 11, 12) == Booked(raw=1, read_until=NOW)
        assert await _booked(world, 13, 99) == Booked(raw=0, read_until=NOW)
        async with world.unit_of_work() as uow:
            listed = [
                [record.deposit for record in await uow.reconciliation.deposits(BSC, WALLET, after, to)]
                for after, to in ((10, 12), (12, 99))
            ]
        assert listed == [[one, two], [three]]

    async def test_what_its_chain_took_back_is_booked_no_more(self, world: World) -> None:
        one, two = _arrived(world, 11, 3), _arrived(world, 12, 4)
        await _read(world, one, two)
        async with world.unit_of_work() as uow:
            gone, stays = await uow.reconciliation.deposits(BSC, WALLET, 10, 12)
            await uow.deposits.save(attrs.evolve(gone, status=DepositStatus.ORPHANED))
            await uow.commit()
        assert await _booked(world, 10, 12) == Booked(raw=4, read_until=NOW)
        async with world.unit_of_work() as uow:
            assert list(await uow.reconciliation.deposits(BSC, WALLET, 10, 12)) == [stays]

    async def test_how_far_was_read_is_told_of_the_source_that_is_asked_for(self, world: World) -> None:
        await _read(world, _arrived(world, 11, 3))
        assert await _booked(world, 10, 13, source="another source") is None
        await _read(world, wallet="another source")
        assert await _booked(world, 10, 13, source="another source") == Booked(raw=3, read_until=NOW)

    async def test_nothing_is_taken_up_or_agreed_without_a_commit(self, world: World) -> None:
        await _read(world)
        async with world.unit_of_work() as uow:
            assert await uow.reconciliation.take_up(BSC, WALLET, NOW, NOW + HOUR) is not None
        assert await _take_up(world) is not None
        async with world.unit_of_work() as uow:
            assert await uow.reconciliation.agree(BSC, WALLET, held(7), after=None, due_at=NOW)
        assert await _take_up(world, late=HOUR) == Task(agreed=None, not_before=NOW)
