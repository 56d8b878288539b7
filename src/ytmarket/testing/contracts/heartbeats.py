"""What every store promises of the processes that work on the shop."""

from __future__ import annotations

from datetime import datetime

from ytmarket.application.ports.heartbeats import Heartbeat
from ytmarket.testing.contracts.store_base import StorePartContract
from ytmarket.testing.contracts.world import NOW, SECOND, World


def _beat(process: str, seen_at: datetime = NOW, started_at: datetime = NOW) -> Heartbeat:
    return Heartbeat(
        process=process,
        role="serve",
        host="shop.example",
        pid=7,
        version="1.2.3",
        started_at=started_at,
        seen_at=seen_at,
    )


async def _beats(world: World, *beats: Heartbeat) -> None:
    async with world.unit_of_work() as uow:
        for beat in beats:
            await uow.heartbeats.beat(beat)
        await uow.commit()


class HeartbeatContract(StorePartContract):
    """The promises of the `HeartbeatRepository` port."""

    async def test_of_each_process_the_latest_beat_is_kept(self, world: World) -> None:
        assert await world.queries.heartbeats() == []
        await _beats(world, _beat("younger", started_at=NOW + SECOND), _beat("older"))
        await _beats(world, _beat("older", NOW + 9 * SECOND))
        assert await world.queries.heartbeats() == [
            _beat("older", NOW + 9 * SECOND),
            _beat("younger", started_at=NOW + SECOND),
        ]

    async def test_who_leaves_is_forgotten_at_once(self, world: World) -> None:
        await _beats(world, _beat("one"), _beat("other"))
        async with world.unit_of_work() as uow:
            await uow.heartbeats.leave("one")
            await uow.heartbeats.leave("nobody")
            await uow.commit()
        assert await world.queries.heartbeats() == [_beat("other")]

    async def test_who_is_silent_is_forgotten_when_asked_for(self, world: World) -> None:
        await _beats(world, _beat("silent"), _beat("alive", NOW + SECOND))
        async with world.unit_of_work() as uow:
            assert await uow.heartbeats.forget(NOW + SECOND) == 1
            assert await uow.heartbeats.forget(NOW + SECOND) == 0
            await uow.commit()
        assert await world.queries.heartbeats() == [_beat("alive", NOW + SECOND)]
