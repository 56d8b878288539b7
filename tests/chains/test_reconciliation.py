"""Chain and books are compared: what was missed is found and credited once, lies are not believed."""

from collections.abc import AsyncIterator, Callable, Collection
from contextlib import AbstractAsyncContextManager
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any, TypeAlias

import attrs
import pytest

from tests.chains.optional import require
from tests.http.shop import open_world

require("web3", "evm")
require("tronpy", "tron")

from ytmarket.adapters.chains.evm.chains import CHAINS
from ytmarket.adapters.chains.evm.reader import EvmReader
from ytmarket.adapters.chains.tron.reader import TronReader
from ytmarket.adapters.inmemory.database import InMemoryDatabase
from ytmarket.adapters.inmemory.leadership import InMemoryLeadership
from ytmarket.application.alarms import AlarmService
from ytmarket.application.audit import Actor
from ytmarket.application.deposits import DepositService, ScanService
from ytmarket.application.ports.chain_reader import Page, ReaderError
from ytmarket.application.reconciliation import ReconciliationService
from ytmarket.domain.alarms import AlarmKind
from ytmarket.domain.deposits import Deposit, DepositStatus
from ytmarket.domain.errors import Conflict
from ytmarket.domain.networks import Network
from ytmarket.domain.topups import TopupTerms
from ytmarket.entrypoints.loops import Worker
from ytmarket.entrypoints.settings import Settings
from ytmarket.testing.chains.evm import EvmWorld, new_evm_world
from ytmarket.testing.chains.faults import Fault
from ytmarket.testing.chains.tron import TronWorld, new_tron_world

pytestmark = pytest.mark.anyio

World: TypeAlias = EvmWorld | TronWorld
Reader: TypeAlias = EvmReader | TronReader
Start: TypeAlias = Callable[[Path], AbstractAsyncContextManager[World]]

AT_ONCE = timedelta(0)
PATIENCE = timedelta(minutes=4)
WORLDS: dict[str, Start] = {
    "bsc": partial(new_evm_world, chain=CHAINS[Network.BSC]),
    "tron": new_tron_world,
}


@attrs.define
class Till:
    """A shop that is no more than its deposits, on one chain; every check is due at once."""

    world: World
    reader: Reader
    database: InMemoryDatabase = attrs.field(factory=InMemoryDatabase)
    checks: ReconciliationService = attrs.field(init=False)
    scanner: ScanService = attrs.field(init=False)
    desk: DepositService = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        uow, clock = self.database.unit_of_work, self.world.clock
        self.scanner = ScanService(new_unit_of_work=uow, clock=clock)
        self.desk = DepositService(new_unit_of_work=uow, clock=clock, terms=TopupTerms())
        self.checks = self.checking(AT_ONCE)

    def checking(self, interval: timedelta) -> ReconciliationService:
        uow, clock = self.database.unit_of_work, self.world.clock
        alarms = AlarmService(new_unit_of_work=uow, queries=self.database.queries, clock=clock)
        return ReconciliationService(
            new_unit_of_work=uow, clock=clock, alarms=alarms, interval=interval, patience=PATIENCE
        )

    @classmethod
    async def opened(cls, world: World, reader: Reader | None = None) -> "Till":
        """The wallet holds something, the chain has been read, and the first check has opened."""
        till = cls(world, reader or world.reader())
        await world.fund()
        await till.move_on()
        await till.settle()
        assert not await till.checks.look(till.reader)
        await till.move_on()
        return till

    async def scan(self) -> None:
        """Read whatever is final, and settle it."""
        await self.scanner.scan(self.reader)
        await self.desk.settle_due()

    async def settle(self) -> None:
        """Let everything become final. Whatever comes later is of a later second."""
        await self.world.anvil.call("evm_increaseTime", 1)
        await self.world.settle()

    async def move_on(self) -> None:
        """Let everything become final, and be read."""
        await self.settle()
        await self.scan()

    async def look(self) -> bool:
        """Compare; in between the scanner reads what comes on top, and so past what is compared."""
        before = await self.agreed(), await self.alarm()
        for _ in range(3):  # it may wait for the scanner with the first statement, and with the second
            if await self.checks.look(self.reader):
                await self.desk.settle_due()
                return True
            if (await self.agreed(), await self.alarm()) != before:
                return False
            await self.move_on()
        return False

    async def skip(self) -> None:
        """Let the scanner pass over all that is final now, as a bug in it might."""
        await self.settle()
        async with self.database.unit_of_work() as uow:
            after = await uow.deposits.cursor(self.reader.network, self.reader.wallet)
            cursor = await self.reader.start()
            skipped = Page(deposits=(), cursor=cursor, read_until=self.world.clock.now())
            now = self.world.clock.now()
            await uow.deposits.keep_page(self.reader.network, self.reader.wallet, after, skipped, now)
            await uow.commit()

    async def invent(self, deposit: Deposit) -> None:
        async with self.database.unit_of_work() as uow:
            assert await uow.deposits.keep_missed([deposit], self.world.clock.now()) == 1
            await uow.commit()

    async def alarm(self) -> str | None:
        """What the alarm says, while it rings."""
        ringing = await self.database.queries.alarms()
        assert {rung.alarm.kind for rung in ringing} <= {AlarmKind.NETWORK_DIFFERENCE}
        assert {rung.alarm.subject for rung in ringing} <= {self.reader.network.value}
        return ringing[0].alarm.detail if ringing else None

    async def told(self) -> list[bool]:
        """Of the alarms that nobody has been told of: whether each has ended."""
        now = self.world.clock.now()
        async with self.database.unit_of_work() as uow:
            return [rung.ended_at is not None for rung in await uow.alarms.lease_untold(now, now, limit=9)]

    async def agreed(self) -> int | None:
        """The height up to which all is well."""
        later = self.world.clock.now() + timedelta(days=1)  # when it is due, whoever is at it now
        async with self.database.unit_of_work() as uow:
            task = await uow.reconciliation.take_up(self.reader.network, self.reader.wallet, later, later)
        return None if task is None or task.agreed is None else task.agreed.point.height

    async def kept(self, *hashes: str) -> list[int]:
        found = [await self.database.queries.deposits_by_hash(one) for one in hashes]
        return [record.deposit.raw for records in found for record in records]


@pytest.fixture(params=WORLDS.values(), ids=list(WORLDS))
async def world(request: pytest.FixtureRequest, anvil_program: Path) -> AsyncIterator[World]:
    async with request.param(anvil_program) as world:
        yield world


@pytest.fixture
async def bsc(anvil_program: Path) -> AsyncIterator[EvmWorld]:
    async with new_evm_world(anvil_program, CHAINS[Network.BSC]) as world:
        yield world


async def test_chain_and_books_agree_after_many_transfers_in_and_out(world: World) -> None:
    till = await Till.opened(world)
    heights = [await till.agreed()]
    for round_ in range(4):
        for amount in range(1, 4):
            await world.pay_raw(amount, 10 * amount)
            await world.withdraw(7 + round_)
        await world.make_noise()
        if round_ == 1:
            await world.charge(25)
        await till.move_on()
        await till.look()
        assert await till.alarm() is None
        heights.append(await till.agreed())
    assert await till.told() == []
    assert heights == sorted(set(heights), key=lambda height: height or 0)  # further each time


async def test_a_missed_deposit_is_found_and_credited_once(world: World) -> None:
    till = await Till.opened(world)
    before = await world.pay_raw(3)
    await till.move_on()
    missed = await world.pay_raw(1_000_001)
    await till.skip()
    assert await till.kept(before, missed) == [3]
    after = await world.pay_raw(5)
    await till.move_on()
    assert await till.look()
    assert await till.kept(before, missed, after) == [3, 1_000_001, 5]
    (record,) = await till.database.queries.deposits_by_hash(missed)
    assert record.status is DepositStatus.UNMATCHED  # it went on its way, like any other
    assert await till.alarm() is None
    assert await till.told() == [True]  # an operator hears of it all the same
    for _ in range(2):
        assert not await till.look()
    assert await till.kept(before, missed, after) == [3, 1_000_001, 5]


async def test_an_invented_deposit_is_an_alarm_that_names_it(world: World) -> None:
    till = await Till.opened(world)
    paid = await world.pay_raw(10**world.decimals)
    await till.move_on()
    (real,) = await till.database.queries.deposits_by_hash(paid)
    await till.invent(attrs.evolve(real.deposit, tx_hash="made up", raw=15 * 10 ** (world.decimals - 1)))
    agreed = await till.agreed()
    for _ in range(2):
        assert not await till.look()
        alarm = await till.alarm()
        assert alarm is not None
        assert alarm.startswith("The books hold 1.5 USDT that never arrived, after block ")
        assert "In the books and not on the chain: deposit 2 (made up)." in alarm
        assert "`ytmarket deposits orphan`" in alarm
        assert paid not in alarm
        till.world.pass_time(PATIENCE)
        assert await till.agreed() == agreed
    assert await till.told() == [False]


async def test_an_operator_accepts_what_cannot_be_put_right(world: World) -> None:
    till = await Till.opened(world)
    await world.deal(world.account, 5)  # out of nothing: no transfer says so
    await till.move_on()
    await till.look()
    alarm = await till.alarm()
    assert alarm is not None
    assert "The wallet holds" in alarm
    assert "less than its transfers say" in alarm
    network, wallet = till.reader.network, till.reader.wallet
    await till.checks.accept(Actor("cli:root"), network, wallet, "the token was moved")
    assert await till.alarm() is None
    with pytest.raises(Conflict):
        await till.checks.accept(Actor("cli:root"), network, wallet, "again")
    await till.settle()
    assert not await till.checks.look(till.reader)
    opened = await till.agreed()
    assert opened is not None
    await world.pay_raw(3)
    await till.move_on()
    await till.look()
    assert (await till.agreed() or 0) > opened
    assert await till.alarm() is None
    (row,) = await till.database.queries.audit_rows(limit=9)
    entry = row.entry
    assert (entry.actor, entry.action, entry.target) == ("cli:root", "network.accepted", f"network:{network}")
    told = entry.details
    assert (told["reason"], told["wallet"]) == ("the token was moved", wallet)
    assert told["before"].startswith("agreed up to block ")
    assert told["after"] == "the next check opens anew"


async def test_what_was_there_before_the_reading_began_is_in_no_books(world: World) -> None:
    await world.fund()
    await world.pay_raw(77)
    await world.settle()
    till = Till(world, world.reader())
    assert not await till.checks.look(till.reader)
    assert await till.agreed() is None  # nobody has read anything
    await world.pay_raw(78)
    await till.move_on()
    for _ in range(2):  # the first does not open: it meets the block that the reading began with
        assert not await till.checks.look(till.reader)
        await till.settle()
        world.pass_time(PATIENCE)
    assert await till.agreed() is not None
    await till.scan()
    await till.look()
    assert await till.told() == []


async def test_a_check_waits_until_the_scanner_has_read_as_far(world: World) -> None:
    till = await Till.opened(world)
    checks = till.checks
    await world.pay_raw(9)
    await till.settle()
    agreed = await till.agreed()
    for _ in range(3):
        assert not await checks.look(till.reader)
    assert await till.agreed() == agreed
    await till.move_on()
    assert not await checks.look(till.reader)
    reached = await till.agreed()
    assert reached is not None
    assert agreed is not None
    assert reached > agreed
    assert await till.told() == []


async def test_the_next_check_is_due_in_an_hour(bsc: EvmWorld) -> None:
    till = await Till.opened(bsc)
    checks = till.checking(timedelta(hours=1))
    assert not await checks.look(till.reader)
    await till.move_on()
    assert not await checks.look(till.reader)
    calls = len(bsc.node.calls)
    bsc.pass_time(timedelta(minutes=59))
    assert not await checks.look(till.reader)
    assert len(bsc.node.calls) == calls
    bsc.pass_time(timedelta(minutes=2))
    with pytest.raises(ReaderError):  # by now the chain stands still
        await checks.look(till.reader)


def keeping_back(topic: int) -> Callable[[dict[str, Any], Any], Any]:
    """A node that lists no transfers of one direction."""

    def edit(call: dict[str, Any], reply: Any) -> Any:
        is_kept_back = call["method"] == "eth_getLogs" and call["params"][0]["topics"][topic] is not None
        return {**reply, "result": []} if is_kept_back else reply

    return edit


def richer(call: dict[str, Any], reply: Any) -> Any:
    """A node that makes up a balance."""
    if call["method"] == "eth_call":
        return {**reply, "result": f"0x{int(reply['result'], 16) + 1:064x}"}
    if call["method"].endswith("/triggerconstantcontract"):
        return {**reply, "constant_result": [f"{int(reply['constant_result'][0], 16) + 1:064x}"]}
    return reply


@pytest.mark.parametrize("lie", [keeping_back(1), keeping_back(2), richer], ids=["out", "in", "balance"])
async def test_a_node_that_lies_is_no_alarm_while_another_tells_the_truth(
    world: World, lie: Callable[[dict[str, Any], Any], Any]
) -> None:
    till = await Till.opened(world, world.reader_with_spare())
    await world.pay_raw(40)
    await world.withdraw(4)
    await till.move_on()
    opened = await till.agreed()
    with world.node.answering(lie):
        await till.look()
    assert (await till.agreed() or 0) > (opened or 0)
    assert await till.told() == []


@pytest.mark.parametrize("fault", [Fault.LAGS, Fault.HANGS_UP, Fault.STANDS_STILL, Fault.IS_BUSY])
async def test_a_node_that_lags_or_fails_is_no_alarm(world: World, fault: Fault) -> None:
    till = await Till.opened(world)
    await world.pay_raw(40)
    await till.move_on()
    agreed = await till.agreed()
    async with world.failing(fault):
        with pytest.raises(ReaderError):
            await till.checks.look(till.reader)
    assert await till.told() == []
    world.pass_time(PATIENCE)
    assert await till.agreed() == agreed


async def test_a_node_that_keeps_a_deposit_back_from_scanner_and_audit_is_found_out(bsc: EvmWorld) -> None:
    till = await Till.opened(bsc)
    with bsc.node.answering(keeping_back(2)):
        paid = await bsc.pay_raw(40)
        await till.move_on()
        await till.look()
        alarm = await till.alarm()
        assert alarm is not None
        assert "more than its transfers say" in alarm  # one node alone can hide it, but not its money
    assert await till.kept(paid) == []
    bsc.pass_time(PATIENCE)
    assert await till.look()
    assert await till.kept(paid) == [40]
    assert await till.alarm() is None


async def test_blocks_that_are_replaced_above_finality_change_nothing(bsc: EvmWorld) -> None:
    till = await Till.opened(bsc)
    for depth in (1, 2, 3):
        await bsc.pay_raw(40 + depth)
        await bsc.withdraw(depth)
        await till.look()
        await bsc.anvil.call("anvil_reorg", depth, [])
        await till.move_on()
        await till.look()
    assert await till.told() == []


async def test_a_branch_below_finality_is_told_as_a_gap(bsc: EvmWorld) -> None:
    till = await Till.opened(bsc)
    depth = await bsc.anvil.number() - (await till.agreed() or 0) + 1
    await bsc.anvil.call("anvil_reorg", depth, [])
    await bsc.settle()
    with pytest.raises(ReaderError, match="another block"):
        await till.checks.look(till.reader)
    assert await till.told() == []


async def test_of_several_processes_one_looks(bsc: EvmWorld) -> None:
    till = await Till.opened(bsc)
    several = [till.checking(timedelta(hours=1)) for _ in range(3)]
    bsc.node.calls.clear()
    for checks in several:
        await checks.look(till.reader)
    balances: Collection[str] = [call for call in bsc.node.calls if call == "eth_call"]
    assert len(balances) == 1


async def test_a_large_payment_that_waits_for_a_deeper_finality_is_not_missed(anvil_program: Path) -> None:
    async with new_evm_world(anvil_program, CHAINS[Network.ARBITRUM]) as arbitrum:
        till = await Till.opened(arbitrum)
        large = await arbitrum.pay_raw(2_000 * 10**6)
        await arbitrum.anvil.mine(1)
        opened = await till.agreed()
        for _ in range(3):
            await till.look()
        assert await till.kept(large) == [2_000 * 10**6]
        assert (await till.agreed() or 0) > (opened or 0)
        assert await till.told() == []


async def test_a_worker_compares_what_it_reads(bsc: EvmWorld) -> None:
    services, reader = open_world().services, bsc.reader()
    worker = Worker(services, [reader], Settings(), InMemoryLeadership())
    (loop,) = [loop for loop in worker.loops if loop.name.startswith("audit:")]
    assert loop.name == "audit:usdt_bep_20"
    await services.scan.scan(reader)
    bsc.node.calls.clear()
    assert not await loop.step()
    assert "eth_call" in bsc.node.calls
