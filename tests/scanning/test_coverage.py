"""What was read is written down with it; what was left out is read, and what is doubted, read again."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from tests.http.shop import World, open_world
from tests.scanning.scripted import (
    ScriptedReader,
    is_ringing,
    pay,
    running,
    scanner_of,
    scripted,
    seen,
    state_of,
)
from ytmarket.application.audit import Actor
from ytmarket.application.coverage import NotStuck, Rereading
from ytmarket.application.ports.chain_reader import ChainGap, ChainUnavailable, Cursor, Page
from ytmarket.domain.coverage import Gap
from ytmarket.domain.deposits import DepositStatus
from ytmarket.domain.networks import Network
from ytmarket.entrypoints.scanner import Scanner

pytestmark = pytest.mark.anyio

TON = Network.TON
OPS = Actor("test:ops")


@pytest.fixture
def world() -> World:
    return open_world()


@pytest.fixture
def reader(world: World) -> ScriptedReader:
    return scripted(world, TON)


async def covered(world: World, reader: ScriptedReader) -> list[tuple[int, int]]:
    found = await world.services.queries.coverage(reader.network, reader.wallet)
    return [(one.span.first, one.span.last) for one in found]


async def jump(world: World, reader: ScriptedReader, cursor: str) -> None:
    """Move the cursor without reading, as a hand in the database would."""
    async with world.database.unit_of_work() as uow:
        after = await uow.deposits.cursor(reader.network, reader.wallet)
        page = Page(deposits=(), cursor=Cursor(cursor), read_until=world.clock.now())
        assert (
            await uow.deposits.keep_page(reader.network, reader.wallet, after, page, world.clock.now()) == 0
        )
        await uow.commit()


async def finish(rereading: Rereading) -> int:
    async with asyncio.timeout(30):
        while not rereading.is_done:
            await rereading.step()
    return rereading.found


async def leave_out(world: World, reader: ScriptedReader, cursor: str, *, payments: int) -> Scanner:
    """Of so many payments two are read, and then what comes after the cursor; the scanner that read them."""
    world.devnet.page_size = 2
    for number in range(payments):
        await pay(world, TON, str(20 + number))
    scanner = scanner_of(world, reader)
    await scanner.step()
    await jump(world, reader, cursor)
    return scanner


async def test_each_page_is_covered_together_with_its_cursor(world: World, reader: ScriptedReader) -> None:
    scanner = scanner_of(world, reader)
    await scanner.step()
    assert await covered(world, reader) == []
    for number in range(3):
        await pay(world, TON, str(5 + number))
    await scanner.step()
    assert await covered(world, reader) == [(1, 3)]
    await pay(world, TON, "9")
    await scanner.step()
    assert await covered(world, reader) == [(1, 4)]


async def test_a_page_that_came_too_late_covers_nothing(world: World, reader: ScriptedReader) -> None:
    await pay(world, TON, "5")
    page = await reader.read(Cursor("0"))
    assert await world.services.scan.keep(reader, Cursor("another"), page) is None
    assert await covered(world, reader) == []


async def test_what_was_left_out_is_read_by_the_scanner(world: World, reader: ScriptedReader) -> None:
    world.devnet.page_size = 2
    missed = [await pay(world, TON, str(20 + number)) for number in range(7)]
    scanner = scanner_of(world, reader)
    await scanner.step()
    assert await covered(world, reader) == [(1, 2)]
    await jump(world, reader, "6")
    async with running(scanner):
        for tx_hash in missed:
            await seen(world.services.queries, tx_hash)
    assert await world.services.coverage.gaps(TON, reader.wallet) == []


async def test_what_is_left_out_holds_nothing_new_up(world: World, reader: ScriptedReader) -> None:
    """A page of the new comes before each page of the old, even when the old cannot be read at all."""
    scanner = await leave_out(world, reader, "8", payments=9)
    reader.cursor_troubles.append(ChainGap("history is gone"))
    for amount in ("5", "6"):
        tx_hash = await pay(world, TON, amount)
        await scanner.step()
        assert await world.services.queries.deposits_by_hash(tx_hash)
    assert (await state_of(world.services.queries, TON)).trouble is None
    (gap,) = await world.services.coverage.gaps(TON, reader.wallet)
    assert (gap.first, gap.last) == (3, 8)


async def test_what_is_gone_for_good_keeps_nothing_else_from_being_read(
    world: World, reader: ScriptedReader
) -> None:
    world.devnet.page_size = 2
    for number in range(16):
        await pay(world, TON, str(20 + number))
    scanner = scanner_of(world, reader)
    await scanner.step()
    for cursor in ("4", "8", "12"):  # 3 to 4, 7 to 8 and 11 to 12 are left out
        await jump(world, reader, cursor)
        scanner._look_again(timedelta(hours=1))
        await scanner.step()
    reader.forgotten = {3, 11}
    for _ in range(4):
        scanner._look_again(timedelta(0))  # as if the pause were over
        await scanner.step()
    gaps = await world.services.coverage.gaps(TON, reader.wallet)
    assert gaps == [Gap(first=3, last=4), Gap(first=11, last=12)]
    reader.forgotten = {11}
    for _ in range(2):
        scanner._look_again(timedelta(0))
        await scanner.step()
    assert await world.services.coverage.gaps(TON, reader.wallet) == [Gap(first=11, last=12)]


async def test_what_was_left_out_stays_so_until_what_waits_in_it_has_come(
    world: World, reader: ScriptedReader
) -> None:
    """A scanner that is ended meanwhile forgets what waits; the next one has to find it left out still."""
    await leave_out(world, reader, "4", payments=4)
    await pay(world, TON, "30")
    reader.waits = 2  # the new page, and the first of what was left out
    await scanner_of(world, reader).step()
    assert await world.services.coverage.gaps(TON, reader.wallet) == [Gap(first=3, last=4)]
    scanner = scanner_of(world, reader)
    for _ in range(2):
        await scanner.step()
    assert await world.services.coverage.gaps(TON, reader.wallet) == []


async def test_what_was_left_out_does_not_wait_for_what_came_after_it(
    world: World, reader: ScriptedReader
) -> None:
    """Something waits always in a busy shop: the scanner's own reading returns it."""
    await leave_out(world, reader, "5", payments=5)
    tx_hash = await pay(world, TON, "30")
    assert await world.services.scan.scan(reader) == 1
    assert await world.services.coverage.gaps(TON, reader.wallet) == [Gap(first=3, last=5)]
    reader.waits, reader.waits_from = 1_000, 6
    filling = world.services.coverage.filling(reader, Gap(first=3, last=5))
    assert await filling.step() + await filling.step() == 3
    assert filling.is_done
    assert filling.reached == 6
    assert await covered(world, reader) == [(1, 6)]
    assert await world.services.queries.deposits_by_hash(tx_hash)


async def test_what_was_read_is_covered_up_to_what_waits_in_it(world: World, reader: ScriptedReader) -> None:
    await leave_out(world, reader, "5", payments=6)
    await world.services.scan.scan(reader)
    reader.waits, reader.waits_from = 4, 4
    filling = world.services.coverage.filling(reader, Gap(first=3, last=5))
    for _ in range(4):
        await filling.step()
        assert not filling.is_done
        assert await world.services.coverage.gaps(TON, reader.wallet) == [Gap(first=4, last=5)]
    assert await finish(filling) == 3
    assert await covered(world, reader) == [(1, 6)]


async def test_a_rescan_finds_what_was_missed_and_credits_nothing_twice(
    world: World, reader: ScriptedReader
) -> None:
    scanner = scanner_of(world, reader)
    await scanner.step()
    known = await pay(world, TON, "20")
    await scanner.step()
    await jump(world, reader, "2")
    missed = await pay(world, TON, "21")
    later = await pay(world, TON, "22")
    await jump(world, reader, "2")
    await scanner.step()
    assert await world.services.queries.deposits_by_hash(later)
    assert not await world.services.queries.deposits_by_hash(missed)
    await world.services.deposits.settle_due()
    rereading = await world.services.coverage.rescan(reader, 1, OPS)
    assert await finish(rereading) == 1
    assert await world.services.deposits.settle_due() == 1
    for tx_hash in (known, missed, later):
        (record,) = await world.services.queries.deposits_by_hash(tx_hash)
        assert record.status is DepositStatus.UNMATCHED
    assert await finish(await world.services.coverage.rescan(reader, 1, OPS)) == 0
    assert await world.services.deposits.settle_due() == 0
    assert await covered(world, reader) == [(1, 3)]
    (row, _) = await world.services.queries.audit_rows(limit=2)
    assert (row.entry.actor, row.entry.action) == ("test:ops", "network.rescan")
    assert row.entry.target == "network:usdt_ton"
    assert row.entry.details["first"] == "1"


async def test_a_rescan_can_be_repeated_after_any_trouble(world: World, reader: ScriptedReader) -> None:
    world.devnet.page_size = 1
    for number in range(3):
        await pay(world, TON, str(20 + number))
    await jump(world, reader, "3")
    rereading = await world.services.coverage.rescan(reader, 1, OPS)
    await rereading.step()
    reader.troubles.append(ChainUnavailable("it burns"))
    with pytest.raises(ChainUnavailable):
        await rereading.step()
    reader.troubles.clear()
    assert await finish(rereading) == 3
    assert await covered(world, reader) == [(1, 3)]


async def test_what_is_stuck_goes_on_from_where_a_rescan_ended(world: World, reader: ScriptedReader) -> None:
    scanner = scanner_of(world, reader)
    await scanner.step()
    await jump(world, reader, "99")
    tx_hash = await pay(world, TON, "20")
    await scanner.step()
    assert await is_ringing(world.services.queries, TON)
    rereading = await world.services.coverage.rescan(reader, 1, OPS, restart=True)
    assert await finish(rereading) == 1
    assert rereading.has_restarted
    await seen(world.services.queries, tx_hash)
    await scanner.step()
    assert (await state_of(world.services.queries, TON)).trouble is None
    assert not await is_ringing(world.services.queries, TON)


async def test_what_is_not_stuck_is_not_restarted(world: World, reader: ScriptedReader) -> None:
    scanner = scanner_of(world, reader)
    await scanner.step()
    with pytest.raises(NotStuck, match=TON):
        await world.services.coverage.rescan(reader, 1, OPS, restart=True)
    await world.services.scan.note_trouble(reader, "it burns")
    rereading = await world.services.coverage.rescan(reader, 1, OPS, restart=True)
    await pay(world, TON, "20")
    await scanner.step()  # it was only for a moment
    assert await finish(rereading) == 0
    assert not rereading.has_restarted


async def test_a_rescan_waits_for_what_is_not_final_yet(world: World, reader: ScriptedReader) -> None:
    """Its cursor is forgotten at the end, and with it would be what waits there."""
    await pay(world, TON, "20")
    reader.waits = 2
    rereading = await world.services.coverage.rescan(reader, 1, OPS)
    for _ in range(2):
        await rereading.step()
        assert rereading.waits
        assert not rereading.is_done
    await rereading.step()
    assert rereading.is_done
