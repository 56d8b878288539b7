"""What every store promises of the audit trail."""

from __future__ import annotations

from ytmarket.domain.audit import GENESIS, AuditEnd, AuditEntry, first_broken
from ytmarket.testing.contracts.concurrency import at_once
from ytmarket.testing.contracts.store_base import StorePartContract
from ytmarket.testing.contracts.world import NOW, World


def _entry(target: str) -> AuditEntry:
    return AuditEntry(
        at=NOW,
        actor="cli:root",
        action="api_key.credit",
        target=target,
        details={"reason": "подарок", "b": ""},
    )


async def _append(world: World, entry: AuditEntry) -> int:
    async with world.unit_of_work() as uow:
        number = await uow.audit.append(entry)
        await uow.commit()
    return number


class AuditContract(StorePartContract):
    """The promises of the `AuditRepository` port."""

    async def test_entries_are_numbered_from_one_and_bound_to_each_other(self, world: World) -> None:
        entries = [_entry(f"key:{n}") for n in range(3)]
        assert [await _append(world, entry) for entry in entries] == [1, 2, 3]
        rows = list(reversed(await world.queries.audit_rows(limit=10)))
        assert [row.entry for row in rows] == entries
        assert rows[0].previous == GENESIS
        assert [row.previous for row in rows[1:]] == [row.hash for row in rows[:-1]]
        assert first_broken(rows) is None

    async def test_what_is_not_committed_leaves_no_gap(self, world: World) -> None:
        await _append(world, _entry("key:1"))
        async with world.unit_of_work() as uow:
            assert await uow.audit.append(_entry("key:never")) == 2
        assert await _append(world, _entry("key:2")) == 2

    async def test_several_entries_in_one_unit_of_work_follow_each_other(self, world: World) -> None:
        async with world.unit_of_work() as uow:
            assert [await uow.audit.append(_entry(str(n))) for n in range(3)] == [1, 2, 3]
            await uow.commit()
        assert first_broken(list(reversed(await world.queries.audit_rows(limit=3)))) is None

    async def test_entries_of_many_at_once_make_one_chain(self, world: World) -> None:
        numbers = await at_once(range(6), lambda n: _append(world, _entry(f"key:{n}")))
        assert sorted(n for n in numbers if isinstance(n, int)) == [1, 2, 3, 4, 5, 6]
        assert first_broken(list(reversed(await world.queries.audit_rows(limit=6)))) is None

    async def test_none_is_ever_changed(self, world: World) -> None:
        await _append(world, _entry("key:1"))
        before = await world.queries.audit_rows(limit=1)
        await _append(world, _entry("key:2"))
        assert (await world.queries.audit_rows(limit=2))[1:] == before

    async def test_where_the_trail_ends_is_kept_a_second_time(self, world: World) -> None:
        assert await world.queries.audit_end() is None
        await _append(world, _entry("key:1"))
        await _append(world, _entry("key:2"))
        async with world.unit_of_work() as uow:
            await uow.audit.append(_entry("key:never"))
        (last,) = await world.queries.audit_rows(limit=1)
        assert await world.queries.audit_end() == AuditEnd(2, last.hash)
