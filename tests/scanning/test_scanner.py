"""One network's trouble is told, waited out in its own way, and never another network's."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import attrs
import pytest

from tests.http.shop import World, open_world
from tests.scanning.scripted import (
    PATIENCE_SECONDS,
    Trouble,
    is_ringing,
    pay,
    running,
    scanner_of,
    scripted,
    seen,
    state_of,
    until,
)
from ytmarket.adapters.inmemory.leadership import InMemoryLeadership
from ytmarket.application.deposits import ScanService
from ytmarket.application.ports.chain_reader import (
    ChainBehind,
    ChainGap,
    ChainMisconfigured,
    ChainRateLimited,
    ChainUnavailable,
)
from ytmarket.domain.alarms import Alarm, AlarmKind
from ytmarket.domain.deposits import DepositStatus
from ytmarket.domain.networks import Network
from ytmarket.entrypoints.scanner import Scanner

pytestmark = pytest.mark.anyio

TON, BSC = Network.TON, Network.BSC
SECOND = timedelta(seconds=1)


@pytest.fixture
def world() -> World:
    return open_world()


def impatient(scanner: Scanner) -> Scanner:
    """With a page's time as short as a test wants it."""
    services = scanner.services
    scan = ScanService(
        new_unit_of_work=services.scan.new_unit_of_work,
        clock=services.clock,
        page_patience=timedelta(milliseconds=20),
    )
    return attrs.evolve(scanner, services=attrs.evolve(services, scan=scan))


@pytest.mark.parametrize(
    "trouble",
    [
        ChainUnavailable("it burns"),
        ChainBehind("it sleeps"),
        ChainGap("it forgot"),
        ChainRateLimited(retry_after=3600),
        ChainMisconfigured("YTMARKET_TON_RPC is of another chain"),
        ValueError("garbage"),
        RecursionError,
        MemoryError,
    ],
    ids=str,
)
async def test_whatever_befalls_one_network_another_is_read(world: World, trouble: Trouble) -> None:
    bad, good = scripted(world, TON, trouble), scripted(world, BSC)
    async with running(scanner_of(world, bad), scanner_of(world, good)):
        await until(lambda: bad.asked > 0)
        for amount in ("5", "6"):
            await seen(world.services.queries, await pay(world, BSC, amount))
    assert (await state_of(world.services.queries, BSC)).trouble is None
    assert (await state_of(world.services.queries, TON)).trouble is not None


async def test_one_that_hangs_is_given_up_tried_again_and_holds_nobody_up(world: World) -> None:
    bad, good = scripted(world, TON, hangs=True), scripted(world, BSC)
    async with running(impatient(scanner_of(world, bad)), scanner_of(world, good)):
        await seen(world.services.queries, await pay(world, BSC, "5"))
        await until(lambda: bad.asked >= 2)
        trouble = (await state_of(world.services.queries, TON)).trouble
        assert trouble is not None
        assert "no page was read within" in trouble
        bad.hangs = False
        await seen(world.services.queries, await pay(world, TON, "7"))
    assert (await state_of(world.services.queries, TON)).trouble is None


async def test_a_wrong_setting_ends_its_scanner_alone_after_one_attempt(world: World) -> None:
    message = "YTMARKET_TON_RPC needs nodes of usdt_ton"
    bad, good = scripted(world, TON, ChainMisconfigured(message)), scripted(world, BSC)
    async with running(scanner_of(world, bad), scanner_of(world, good)) as (ended, going_on):
        await asyncio.wait_for(ended, PATIENCE_SECONDS)
        await seen(world.services.queries, await pay(world, BSC, "5"))
        assert not going_on.done()
    assert bad.asked == 1
    state = await state_of(world.services.queries, TON)
    assert state.stopped
    assert message in str(state.trouble)
    (rung,) = await world.services.queries.alarms()
    assert message in rung.alarm.detail
    assert await is_ringing(world.services.queries, TON)


async def test_once_the_setting_is_right_state_and_alarm_are_clear(world: World) -> None:
    await scanner_of(world, scripted(world, TON, ChainMisconfigured("wrong"))).run()
    await scanner_of(world, scripted(world, TON)).step()
    state = await state_of(world.services.queries, TON)
    assert (state.trouble, state.stopped) == (None, False)
    assert not await is_ringing(world.services.queries, TON)


@pytest.mark.parametrize("trouble", [ChainGap("history is gone"), ChainMisconfigured("wrong")], ids=str)
async def test_an_alarm_that_another_rang_ends_with_the_one_who_reads_again(
    world: World, trouble: Trouble
) -> None:
    leadership = InMemoryLeadership()
    good, bad = scripted(world, TON), scripted(world, TON, trouble)
    first, second = scanner_of(world, good, leadership), scanner_of(world, bad, leadership)
    async with running(first):
        await until(lambda: good.asked > 0)
        async with running(second):
            while bad.asked == 0:
                asked = good.asked
                leadership.depose(first.name)  # as when its connection breaks
                await until(
                    lambda least=asked: bad.asked > 0 or good.asked > least  # type: ignore[misc] # no type for it
                )
            async with asyncio.timeout(PATIENCE_SECONDS):
                # One that has stopped has rung, and hands over at once.
                queries = world.services.queries
                while not (second.has_stopped or await is_ringing(queries, TON)):  # noqa: ASYNC110 - no event
                    await asyncio.sleep(0.005)
        async with asyncio.timeout(PATIENCE_SECONDS):
            while await is_ringing(world.services.queries, TON):  # noqa: ASYNC110 - as above
                await asyncio.sleep(0.005)
    assert (await state_of(world.services.queries, TON)).trouble is None


async def test_a_network_that_is_read_no_more_rings_no_more(world: World) -> None:
    bad, good = scripted(world, TON, ChainMisconfigured("wrong")), scripted(world, BSC)
    await world.services.scan.watch([bad, good])
    await scanner_of(world, bad).run()
    difference = Alarm(AlarmKind.NETWORK_DIFFERENCE, TON.value, "5 more than in the books")
    await world.services.alarms.ring(difference)
    await world.services.alarms.ring(attrs.evolve(difference, subject=BSC.value))
    await world.services.scan.watch([bad, good])
    assert await is_ringing(world.services.queries, TON)  # nothing was put right
    await world.services.scan.watch([good])  # the operator has taken it out of the settings
    left = [(rung.alarm.kind, rung.alarm.subject) for rung in await world.services.queries.alarms()]
    assert left == [(AlarmKind.NETWORK_DIFFERENCE, BSC.value)]


async def test_missing_history_rings_and_is_asked_for_again(world: World) -> None:
    reader = scripted(world, TON, ChainGap("history is gone"))
    scanner = scanner_of(world, reader)
    assert await scanner.step() >= 30 * SECOND
    assert await is_ringing(world.services.queries, TON)
    state = await state_of(world.services.queries, TON)
    assert not state.stopped
    reader.troubles.clear()
    await scanner.step()
    assert not await is_ringing(world.services.queries, TON)


async def test_a_busy_node_is_left_alone_for_as_long_as_it_asks(world: World) -> None:
    reader = scripted(world, TON, ChainRateLimited(retry_after=90))
    assert await scanner_of(world, reader).step() == 90 * SECOND
    reader.troubles[:] = [ChainRateLimited(retry_after=10**9)]
    assert await scanner_of(world, reader).step() <= timedelta(hours=1)
    reader.troubles[:] = [ChainRateLimited()]
    assert SECOND <= await scanner_of(world, reader).step() < 2 * SECOND


async def test_one_that_fails_is_asked_less_and_less_often(world: World) -> None:
    reader = scripted(world, TON, ChainUnavailable("it burns"))
    scanner = scanner_of(world, reader)
    waits = [await scanner.step() for _ in range(9)]
    for number, wait in enumerate(waits):
        least = min(2**number, 60) * SECOND
        assert least <= wait <= 1.2 * least
    reader.troubles.clear()
    await scanner.step()
    reader.troubles[:] = [ChainUnavailable("it burns")]
    assert await scanner.step() < 2 * SECOND


async def test_one_that_lags_is_looked_at_again_soon_however_often(world: World) -> None:
    scanner = scanner_of(world, scripted(world, TON, ChainBehind("it sleeps")))
    assert {await scanner.step() for _ in range(9)} == {scanner.pause}
    assert not await is_ringing(world.services.queries, TON)


async def test_a_backlog_is_read_without_a_pause(world: World) -> None:
    scanner = scanner_of(world, scripted(world, TON))
    await scanner.step()
    world.devnet.page_size = 2
    for number in range(5):
        await pay(world, TON, str(5 + number))
    assert [await scanner.step() for _ in range(3)] == [timedelta(0), timedelta(0), scanner.pause]


async def test_an_unknown_error_is_told_by_its_kind_alone(world: World) -> None:
    reader = scripted(world, TON, ValueError("https://node.example/secret-key"))
    await scanner_of(world, reader).step()
    trouble = str((await state_of(world.services.queries, TON)).trouble)
    assert "ValueError" in trouble
    assert "secret-key" not in trouble


async def test_deposits_of_another_network_are_refused(world: World) -> None:
    @attrs.define
    class Confused:
        network: Network
        wallet: str = "a wallet"

        async def start(self) -> object:
            return "0"

        async def read(self, cursor: object) -> object:
            return await world.devnet.reader(BSC).read(cursor)  # type: ignore[arg-type] # as it came

        async def close(self) -> None:
            """Nothing was opened."""

    tx_hash = await pay(world, BSC, "5")
    await scanner_of(world, Confused(TON)).step()  # type: ignore[arg-type] # it reads what it should not
    assert list(await world.services.queries.deposits_by_hash(tx_hash)) == []
    assert "another network" in str((await state_of(world.services.queries, TON)).trouble)


async def test_a_store_that_is_away_for_a_while_ends_no_scanner(world: World) -> None:
    scanner = scanner_of(world, scripted(world, TON))
    await scanner.step()
    world.database.is_down = True
    for _ in range(3):
        assert await scanner.step() >= SECOND
    world.database.is_down = False
    tx_hash = await pay(world, TON, "5")
    await scanner.step()
    record = await seen(world.services.queries, tx_hash)
    assert record.status is DepositStatus.RECEIVED


async def test_of_two_scanners_one_reads_and_the_other_goes_on_after_it(world: World) -> None:
    leadership = InMemoryLeadership()
    reader = scripted(world, TON)
    first, second = (scanner_of(world, reader, leadership) for _ in range(2))
    async with running(first, second) as tasks:
        await until(lambda: reader.asked > 20)
        tasks[0].cancel()
        asked = reader.asked
        await until(lambda: reader.asked > asked + 20)
        await seen(world.services.queries, await pay(world, TON, "5"))
    assert reader.asking_max == 1


async def test_who_is_deposed_waits_for_its_turn_again(world: World) -> None:
    leadership = InMemoryLeadership()
    reader = scripted(world, TON)
    async with running(scanner_of(world, reader, leadership)):
        for _ in range(3):
            asked = reader.asked
            await until(lambda least=asked: reader.asked > least)  # type: ignore[misc] # bound at once
            leadership.depose("scan:usdt_ton")
        await seen(world.services.queries, await pay(world, TON, "5"))


async def test_pages_with_deposits_are_told_of(world: World) -> None:
    told = []
    scanner = attrs.evolve(scanner_of(world, scripted(world, TON)), on_found=lambda: told.append(1))
    await scanner.step()
    await pay(world, TON, "5")
    await scanner.step()
    await scanner.step()
    assert told == [1]
