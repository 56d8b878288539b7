"""What every store promises of alarms."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

import attrs

from ytmarket.domain.alarms import Alarm, AlarmKind, RungAlarm
from ytmarket.testing.contracts.concurrency import at_once
from ytmarket.testing.contracts.store_base import StorePartContract
from ytmarket.testing.contracts.world import NOW, SECOND, World

LAG = Alarm(AlarmKind.NETWORK_LAGGING, "usdt_ton", "Read until noon.")
LEASE = timedelta(minutes=1)


async def _ring(world: World, alarm: Alarm, now: datetime = NOW) -> bool:
    async with world.unit_of_work() as uow:
        new = await uow.alarms.ring(alarm, now)
        await uow.commit()
    return new


async def _end(world: World, alarm: Alarm, now: datetime) -> bool:
    async with world.unit_of_work() as uow:
        ended = await uow.alarms.end(alarm.kind, alarm.subject, now)
        await uow.commit()
    return ended


async def _lease(world: World, now: datetime = NOW, limit: int = 10) -> Sequence[RungAlarm]:
    async with world.unit_of_work() as uow:
        due = await uow.alarms.lease_untold(now, now + LEASE, limit=limit)
        await uow.commit()
    return due


async def _told(world: World, rung: RungAlarm, now: datetime = NOW) -> None:
    async with world.unit_of_work() as uow:
        await uow.alarms.told(rung, now)
        await uow.commit()


class AlarmContract(StorePartContract):
    """The promises of the `AlarmRepository` port."""

    async def test_an_alarm_rings_once_and_its_detail_is_put_right(self, world: World) -> None:
        later = attrs.evolve(LAG, detail="Read until one.")
        assert await _ring(world, LAG)
        assert not await _ring(world, later, NOW + SECOND)
        (rung,) = await world.queries.alarms()
        assert (rung.alarm, rung.rung_at, rung.ended_at) == (later, NOW, None)

    async def test_whether_it_rings_is_told_as_of_now(self, world: World) -> None:
        told = []
        async with world.unit_of_work() as uow:
            told.append(await uow.alarms.rings(LAG.kind, LAG.subject))
            await uow.alarms.ring(LAG, NOW)
            told.append(await uow.alarms.rings(LAG.kind, LAG.subject))
            told.append(await uow.alarms.rings(AlarmKind.NETWORK_STOPPED, LAG.subject))
            told.append(await uow.alarms.rings(LAG.kind, "another"))
            await uow.alarms.end(LAG.kind, LAG.subject, NOW)
            told.append(await uow.alarms.rings(LAG.kind, LAG.subject))
        assert told == [False, True, False, False, False]

    async def test_other_kinds_and_subjects_ring_beside_it(self, world: World) -> None:
        alarms = [LAG, attrs.evolve(LAG, kind=AlarmKind.NETWORK_STOPPED), attrs.evolve(LAG, subject="x")]
        assert [await _ring(world, alarm) for alarm in alarms] == [True, True, True]
        assert [rung.alarm for rung in await world.queries.alarms()] == alarms

    async def test_of_many_who_ring_at_once_one_has_begun_it(self, world: World) -> None:
        rung = await at_once(range(6), lambda n: _ring(world, attrs.evolve(LAG, detail=str(n))))
        assert sorted(map(str, rung)) == ["False"] * 5 + ["True"]
        assert len(await world.queries.alarms()) == 1

    async def test_an_alarm_that_has_ended_rings_no_more_until_it_is_rung_again(self, world: World) -> None:
        assert not await _end(world, LAG, NOW)
        await _ring(world, LAG)
        assert await _end(world, LAG, NOW + SECOND)
        assert not await _end(world, LAG, NOW + 2 * SECOND)
        assert not await world.queries.alarms()
        assert await _ring(world, LAG, NOW + 3 * SECOND)
        (rung,) = await world.queries.alarms()
        assert rung.rung_at == NOW + 3 * SECOND

    async def test_what_rings_about_others_ends_in_the_kinds_that_are_named(self, world: World) -> None:
        stopped = attrs.evolve(LAG, kind=AlarmKind.NETWORK_STOPPED)
        gone = attrs.evolve(stopped, subject="usdt_gone")
        differs = attrs.evolve(gone, kind=AlarmKind.NETWORK_DIFFERENCE)
        another = attrs.evolve(gone, kind=AlarmKind.BOOKS_UNBALANCED)
        for alarm in (stopped, gone, differs, another):
            await _ring(world, alarm)
        kinds = (AlarmKind.NETWORK_STOPPED, AlarmKind.NETWORK_DIFFERENCE)
        async with world.unit_of_work() as uow:
            await uow.alarms.end_others(kinds, ["usdt_ton"], NOW + SECOND)
            await uow.commit()
        assert [rung.alarm for rung in await world.queries.alarms()] == [stopped, another]
        ended = [rung for rung in await _lease(world) if rung.ended_at == NOW + SECOND]
        assert [rung.alarm for rung in ended] == [gone, differs]
        async with world.unit_of_work() as uow:
            await uow.alarms.end_others(kinds, [], NOW + SECOND)
            await uow.commit()
        assert [rung.alarm for rung in await world.queries.alarms()] == [another]

    async def test_what_rings_is_told_once(self, world: World) -> None:
        await _ring(world, LAG)
        (rung,) = await _lease(world)
        assert rung == (await world.queries.alarms())[0]
        await _told(world, rung)
        assert not await _lease(world, NOW + 2 * LEASE)
        await _ring(world, attrs.evolve(LAG, detail="Still."), NOW + LEASE)
        assert not await _lease(world, NOW + 2 * LEASE)

    async def test_what_has_ended_is_told_as_well(self, world: World) -> None:
        await _ring(world, LAG)
        (rung,) = await _lease(world)
        await _told(world, rung)
        await _end(world, LAG, NOW + SECOND)
        (ended,) = await _lease(world, NOW + SECOND)
        assert ended == attrs.evolve(rung, ended_at=NOW + SECOND)
        await _told(world, ended)
        assert not await _lease(world, NOW + 2 * LEASE)

    async def test_what_ends_while_it_is_told_is_told_afterwards(self, world: World) -> None:
        await _ring(world, LAG)
        (rung,) = await _lease(world)
        await _end(world, LAG, NOW + SECOND)
        assert not await _lease(world, NOW + SECOND)
        await _told(world, rung)
        (ended,) = await _lease(world, NOW + SECOND)
        assert ended.ended_at == NOW + SECOND

    async def test_what_ended_before_it_was_told_is_told_once(self, world: World) -> None:
        await _ring(world, LAG)
        await _end(world, LAG, NOW + SECOND)
        (ended,) = await _lease(world, NOW + SECOND)
        await _told(world, ended)
        assert not await _lease(world, NOW + 2 * LEASE)

    async def test_an_alarm_is_told_by_one_at_a_time_and_by_another_after_the_lease(
        self, world: World
    ) -> None:
        await _ring(world, LAG)
        leased = await at_once(range(4), lambda _: _lease(world))
        assert sorted(len(due) if isinstance(due, Sequence) else -1 for due in leased) == [0, 0, 0, 1]
        assert not await _lease(world, NOW + LEASE - SECOND)
        assert len(await _lease(world, NOW + LEASE)) == 1

    async def test_the_oldest_is_told_first_and_no_more_than_asked_for(self, world: World) -> None:
        alarms = [attrs.evolve(LAG, subject=subject) for subject in ("c", "a", "b")]
        for alarm in alarms:
            await _ring(world, alarm)
        assert [rung.alarm for rung in await _lease(world, limit=2)] == alarms[:2]
        assert [rung.alarm for rung in await _lease(world, limit=2)] == alarms[2:]
