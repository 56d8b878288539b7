"""What is made of statements that differ from the books: when they count, and when they have to wait."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import attrs
import pytest

from ytmarket.adapters.inmemory.clock import ManualClock
from ytmarket.adapters.inmemory.database import InMemoryDatabase
from ytmarket.application.alarms import AlarmService
from ytmarket.application.audit import Actor
from ytmarket.application.instructions import Instruction
from ytmarket.application.orphans import orphan
from ytmarket.application.ports.chain_auditor import AuditedReader
from ytmarket.application.ports.chain_reader import ChainUnavailable, Cursor, Page
from ytmarket.application.reconciliation import INTERVAL, PATIENCE, ReconciliationService
from ytmarket.domain.deposits import Deposit
from ytmarket.domain.ids import DepositId
from ytmarket.domain.networks import Network
from ytmarket.domain.reconciliation import Difference, Holding, Point, Statement, difference

pytestmark = pytest.mark.anyio

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
SECOND = timedelta(seconds=1)
WALLET = "0xwallet"
UNIT = 10**18


def at(height: int, balance: int = 0) -> Holding:
    """A block each second since noon."""
    point = Point(height=height, ref=f"0x{height}", at=NOON + height * SECOND)
    return Holding(point=point, balance=balance)


def paid(height: int, raw: int, tx_hash: str = "0xpaid") -> Deposit:
    return Deposit(
        network=Network.BSC,
        tx_hash=tx_hash,
        event_index=0,
        sender=None,
        recipient=WALLET,
        raw=raw,
        decimals=18,
        height=height,
        block_ref=f"0x{height}",
        at=NOON + height * SECOND,
    )


@attrs.define
class Chain:
    """A reader and its auditor that say what they are told to; a doubted one says the next thing."""

    network: Network = Network.BSC
    wallet: str = WALLET
    says: list[Callable[[Holding], Statement]] = attrs.field(factory=list)
    opens: Holding = attrs.field(factory=lambda: at(10))
    deposits: list[Deposit] = attrs.field(factory=list)
    doubts: int = 0
    asked: int = 0
    read_from: list[Cursor] = attrs.field(factory=list)

    @property
    def auditor(self) -> "Chain":
        return self

    async def holding(self) -> Holding:
        return self.opens

    async def statement(self, opening: Holding) -> Statement:
        self.asked += 1
        return self.says[min(self.doubts, len(self.says) - 1)](opening)

    def doubt(self) -> None:
        self.doubts += 1

    async def start(self) -> Cursor:
        return Cursor("1")

    async def cursor_at(self, height: int) -> Cursor:
        return Cursor(str(height))

    async def read(self, cursor: Cursor) -> Page:
        self.read_from.append(cursor)
        later = tuple(one for one in self.deposits if one.height >= int(cursor))
        return Page(deposits=later, cursor=Cursor("99"), read_until=NOON)

    async def close(self) -> None:
        """Nothing was opened."""


def came(height: int, incoming: int, *, unexplained: int = 0) -> Callable[[Holding], Statement]:
    """A statement up to this height by which so much came in."""
    return lambda opening: Statement(
        opening=opening,
        closing=at(height, opening.balance + incoming + unexplained),
        incoming=incoming,
        outgoing=0,
    )


class Books:
    """A shop in memory, at noon and twenty seconds, that has read the chain so far."""

    def __init__(self, chain: Chain) -> None:
        self.chain, self.database = chain, InMemoryDatabase()
        self.clock = ManualClock(NOON + 20 * SECOND)
        uow = self.database.unit_of_work
        alarms = AlarmService(new_unit_of_work=uow, queries=self.database.queries, clock=self.clock)
        self.checks = ReconciliationService(new_unit_of_work=uow, clock=self.clock, alarms=alarms)

    async def have_read(self, height: int, *deposits: Deposit) -> None:
        async with self.database.unit_of_work() as uow:
            after = await uow.deposits.cursor(Network.BSC, WALLET)
            page = Page(deposits=deposits, cursor=Cursor(str(height)), read_until=NOON + height * SECOND)
            await uow.deposits.keep_page(Network.BSC, WALLET, after, page, self.clock.now())
            await uow.commit()

    async def look(self) -> bool:
        return await self.checks.look(self.chain)

    async def alarms(self) -> list[str]:
        return [rung.alarm.detail for rung in await self.database.queries.alarms()]

    async def agreed(self) -> Holding | None:
        later = self.clock.now() + timedelta(days=365)
        async with self.database.unit_of_work() as uow:
            task = await uow.reconciliation.take_up(Network.BSC, WALLET, later, later)
        return None if task is None else task.agreed


async def opened(*says: Callable[[Holding], Statement], deposits: tuple[Deposit, ...] = ()) -> Books:
    """Agreed at height 10, and due again."""
    books = Books(Chain(says=list(says), deposits=list(deposits)))
    await books.have_read(9)
    assert not await books.look()
    assert await books.agreed() == at(10)
    books.clock.advance(INTERVAL)
    return books


def test_a_scripted_chain_is_one_that_can_be_audited() -> None:
    assert isinstance(Chain(), AuditedReader)


@pytest.mark.parametrize("read", [10, 11])
async def test_a_block_that_may_have_been_read_in_part_does_not_open(read: int) -> None:
    books = Books(Chain())
    await books.have_read(read)
    for _ in range(3):
        await books.look()
        books.clock.advance(PATIENCE)
    assert await books.agreed() is None
    books.chain.opens = at(12)
    await books.have_read(100)  # what counts is where it was read to when the question came up
    await books.look()
    assert await books.agreed() == at(12)


@pytest.mark.parametrize("read", [19, 20])
async def test_books_that_may_lack_the_last_second_are_not_compared(read: int) -> None:
    books = await opened(came(20, 5))
    await books.have_read(read)
    for _ in range(3):
        assert not await books.look()
    assert books.chain.asked == 1
    assert books.chain.doubts == 0
    await books.have_read(21, paid(20, 5))
    assert not await books.look()
    assert await books.agreed() == at(20, 5)
    assert await books.alarms() == []


async def test_a_statement_waits_a_quarter_of_an_hour_and_another_is_taken() -> None:
    books = await opened(came(20, 5))
    await books.have_read(20)
    await books.look()
    books.clock.advance(PATIENCE - SECOND)
    await books.look()
    assert books.chain.asked == 1
    books.clock.advance(SECOND)
    await books.look()
    assert books.chain.asked == 2


async def test_a_consistent_lie_of_one_node_is_no_alarm() -> None:
    books = await opened(came(20, 7), came(21, 5))
    await books.have_read(30, paid(20, 5))
    assert not await books.look()
    assert await books.alarms() == []
    assert await books.agreed() == at(21, 5)
    assert books.chain.read_from == []


async def test_what_a_second_statement_shows_is_read_again_from_the_last_agreement() -> None:
    missed = paid(20, 5)
    books = await opened(came(20, 5), came(20, 5), deposits=(missed,))
    await books.have_read(30)
    assert await books.look()
    assert books.chain.read_from == [Cursor("11")]
    assert await books.agreed() == at(20, 5)
    assert await books.alarms() == []


async def test_a_difference_that_stays_is_looked_at_again_in_a_quarter_of_an_hour() -> None:
    books = await opened(came(20, 0), came(20, 0))
    await books.have_read(30, *(paid(20, UNIT, f"0x{number}") for number in range(5)))
    assert not await books.look()
    (detail,) = await books.alarms()
    assert detail == (
        "The books hold 5 USDT that never arrived, after block 10 up to 20."
        " In the books and not on the chain: deposit 1 (0x0), deposit 2 (0x1), deposit 3 (0x2) and 2 more."
        " Once an explorer agrees, `ytmarket deposits orphan` takes each back by its number."
    )
    assert await books.agreed() == at(10)
    books.clock.advance(PATIENCE - SECOND)
    await books.look()
    assert books.chain.asked == 2
    books.clock.advance(SECOND)
    await books.look()
    assert books.chain.asked > 2


async def test_the_alarm_ends_once_what_was_invented_is_taken_back() -> None:
    books = await opened(came(20, 0), came(20, 0))
    await books.have_read(30, paid(20, UNIT))
    await books.look()
    assert len(await books.alarms()) == 1
    async with books.database.unit_of_work() as uow:
        await orphan(uow, books.clock.now(), DepositId(1), Instruction(actor=Actor("test"), reason="made up"))
        await uow.commit()
    books.clock.advance(PATIENCE)
    await books.look()
    assert await books.alarms() == []
    assert await books.agreed() == at(20)


async def test_what_is_wrong_is_told_to_the_smallest_unit() -> None:
    known, says = paid(20, 1), came(20, UNIT + 1, unexplained=-1)
    books = await opened(says, says, deposits=(known,))
    await books.have_read(30, known)
    await books.look()
    (detail,) = await books.alarms()
    assert detail == (
        "1 USDT arrived that the books lack; the wallet holds 0.000000000000000001 USDT less than its"
        " transfers say, after block 10 up to 20. Reading once more put nothing right."
    )


async def test_trouble_is_no_alarm_and_is_tried_again() -> None:
    def fails(_: Holding) -> Statement:
        raise ChainUnavailable("a node is away")

    books = await opened(fails)
    await books.have_read(30)
    with pytest.raises(ChainUnavailable):
        await books.look()
    assert not await books.look()
    books.clock.advance(PATIENCE)
    books.chain.says = [came(20, 0)]
    assert not await books.look()
    assert await books.agreed() == at(20)
    assert await books.alarms() == []


@pytest.mark.parametrize(
    ("closing", "incoming", "outgoing", "booked", "expected"),
    [
        (5, 7, 12, 7, None),
        (5, 7, 12, 6, Difference(unexplained=0, unbooked=1)),
        (5, 7, 12, 8, Difference(unexplained=0, unbooked=-1)),
        (6, 7, 12, 7, Difference(unexplained=1, unbooked=0)),
        (4, 7, 12, 7, Difference(unexplained=-1, unbooked=0)),
        (6, 8, 12, 7, Difference(unexplained=0, unbooked=1)),
    ],
)
def test_both_equations_hold_or_the_difference_is_told(
    closing: int, incoming: int, outgoing: int, booked: int, expected: Difference | None
) -> None:
    huge = 2**250
    statement = Statement(
        opening=at(1, huge + 10), closing=at(2, huge + closing), incoming=incoming, outgoing=outgoing
    )
    assert difference(statement, booked) == expected


async def test_what_does_not_add_up_by_itself_is_asked_again_at_once() -> None:
    books = await opened(came(20, 5, unexplained=1), came(20, 5))
    await books.have_read(11)  # the books are far behind
    assert not await books.look()
    assert (books.chain.asked, books.chain.doubts) == (2, 1)
    await books.have_read(21, paid(20, 5))
    assert not await books.look()
    assert await books.agreed() == at(20, 5)


async def test_after_an_agreement_nobody_asks_for_an_hour() -> None:
    books = await opened(came(20, 0))
    await books.have_read(30)
    await books.look()
    assert books.chain.asked == 1
    books.clock.advance(INTERVAL - SECOND)
    await books.look()
    assert books.chain.asked == 1
    books.clock.advance(SECOND)
    await books.look()
    assert books.chain.asked == 2
