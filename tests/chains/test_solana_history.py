"""Nothing is missed on Solana or read twice, whatever the machines behind a node know, in whichever order."""

import random
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import suppress

import msgspec
import pytest

from tests.chains.optional import require

require("solana", "solana")
require("aiohttp", "evm")

from ytmarket.adapters.chains.solana.position import Position
from ytmarket.application.ports.chain_reader import ChainBehind, ChainGap, ChainReader, Cursor, ReaderError
from ytmarket.domain.money import Usdt
from ytmarket.testing.chains.faulty_node import Call, Edit, FaultyNode, Reply, faulty_node
from ytmarket.testing.chains.litesvm import SLOTS_TO_FINAL, Entry
from ytmarket.testing.chains.solana import SolanaWorld, new_solana_world
from ytmarket.testing.chains.solana_rpc import SolanaRpc
from ytmarket.testing.contracts.chain_reader import amounts, drain
from ytmarket.testing.contracts.node_reader import trouble_of

pytestmark = pytest.mark.anyio

LISTING = "getSignaturesForAddress"
SCHEDULES = 10


@pytest.fixture
async def world() -> AsyncIterator[SolanaWorld]:
    async with new_solana_world() as world:
        yield world


@pytest.fixture
async def spare(world: SolanaWorld) -> AsyncIterator[FaultyNode]:
    async with faulty_node(world.url) as spare:
        yield spare


@pytest.fixture
async def reader(world: SolanaWorld) -> ChainReader:
    return world.reader()


@pytest.fixture
async def start(world: SolanaWorld, reader: ChainReader) -> Cursor:
    """The cursor after a payment of 1 USDT, and before one of 5 that is final."""
    await world.pay(Usdt.of(1))
    await world.settle()
    start = await reader.start()
    await world.pay(Usdt.of(5))
    await world.settle()
    return start


def listed_by(rpc: SolanaRpc) -> Edit:
    """Let another machine list, and only that."""

    def edit(call: Call, reply: Reply) -> Reply:
        return rpc.answer(call) if call["method"] == LISTING else reply

    return edit


async def pay_in_one_slot(world: SolanaWorld, numbers: Iterable[int]) -> list[Entry]:
    """Payments of so many micros, each a transaction."""
    entries = [world.ledger.execute(world.opening(), world.paying(number)) for number in numbers]
    world.ledger.pass_slots(1)
    assert all(entry.error is None for entry in entries)
    return entries


async def test_a_machine_that_never_met_what_was_read_is_behind(
    world: SolanaWorld, reader: ChainReader, start: Cursor
) -> None:
    hidden = set(world.ledger.entries)
    with world.node.answering(listed_by(SolanaRpc(world.ledger, hidden=hidden))):
        assert isinstance(await trouble_of(reader, start), ChainBehind)
    assert amounts((await drain(reader, start))[0]) == [Usdt.of(5)]


async def test_a_machine_that_met_only_what_is_older_is_behind(
    world: SolanaWorld, reader: ChainReader
) -> None:
    for number in (1, 2):
        await pay_in_one_slot(world, [number])
    await world.settle()
    start = await reader.start()
    await pay_in_one_slot(world, [3])
    await world.settle()
    _first, *later = (entry for entry in world.ledger.entries.values() if world.account in entry.keys)
    hidden = {entry.signature for entry in later}
    with world.node.answering(listed_by(SolanaRpc(world.ledger, hidden=hidden))):
        assert isinstance(await trouble_of(reader, start), ChainBehind)
    assert [deposit.raw for deposit in (await drain(reader, start))[0]] == [3]


async def test_a_machine_that_lists_without_having_got_so_far_is_behind(
    world: SolanaWorld, reader: ChainReader, start: Cursor
) -> None:
    head = Position.read(start).slot
    with world.node.answering(listed_by(SolanaRpc(world.ledger, head=head))):
        trouble = await trouble_of(reader, start)
    assert isinstance(trouble, ChainBehind)
    assert "-32016" in str(trouble)
    assert amounts((await drain(reader, start))[0]) == [Usdt.of(5)]


async def test_a_transaction_that_is_listed_and_not_known_is_waited_for(
    world: SolanaWorld, reader: ChainReader, start: Cursor
) -> None:
    newest = list(world.ledger.entries)[-1]
    world.rpc.hidden = {newest}
    complete = SolanaRpc(world.ledger)
    with world.node.answering(listed_by(complete)):
        assert isinstance(await trouble_of(reader, start), ChainBehind)
    world.rpc.hidden = set()
    assert amounts((await drain(reader, start))[0]) == [Usdt.of(5)]


async def test_what_a_machine_lists_late_is_read_then(
    world: SolanaWorld, reader: ChainReader, start: Cursor
) -> None:
    newest = list(world.ledger.entries)[-1]
    world.rpc.hidden = {newest}
    deposits, cursor = await drain(reader, start)
    assert deposits == []
    world.rpc.hidden = set()
    assert amounts((await drain(reader, cursor))[0]) == [Usdt.of(5)]


async def test_what_a_machine_lists_late_in_a_slot_that_was_read_is_read_then(
    world: SolanaWorld, reader: ChainReader, start: Cursor
) -> None:
    entries = await pay_in_one_slot(world, [6, 7, 8])
    await world.settle()
    world.rpc.hidden = {entries[1].signature}
    early, cursor = await drain(reader, start)
    world.rpc.hidden = set()
    late, end = await drain(reader, cursor)
    assert [deposit.raw for deposit in early] == [5_000_000, 6, 8]
    assert [deposit.raw for deposit in late] == [7]
    assert await drain(reader, end) == ([], end)


async def test_a_page_ends_with_a_slot(world: SolanaWorld) -> None:
    reader = world.reader_of(world.node.url, transactions=2)
    start = await reader.start()
    for numbers in ([1], [2, 3, 4], [5], [6]):
        await pay_in_one_slot(world, numbers)
    await world.settle()
    pages, cursor = list[list[int]](), start
    for _ in range(3):
        page = await reader.read(cursor)
        cursor = page.cursor
        pages.append([deposit.raw for deposit in page.deposits])
    assert pages == [[1, 2, 3, 4], [5, 6], []]


async def test_what_failed_costs_no_call_and_fills_no_page(world: SolanaWorld) -> None:
    reader = world.reader_of(world.node.url, transactions=2)
    start = await reader.start()
    await pay_in_one_slot(world, [1])
    for _ in range(5):
        world.send(world.paying(10**18))
    await pay_in_one_slot(world, [2])
    await world.settle()
    world.node.calls.clear()
    page = await reader.read(start)
    assert [deposit.raw for deposit in page.deposits] == [1, 2]
    assert world.node.calls.count("getTransaction") == 2


@pytest.mark.parametrize(("listing", "size_max"), [(5, 2), (7, 3), (50, 8)])
async def test_machines_may_order_a_slot_differently(world: SolanaWorld, listing: int, size_max: int) -> None:
    draw = random.Random(listing)
    world.rpc.order = lambda entries: draw.sample(entries, len(entries))
    reader = world.reader_of(world.node.url, transactions=4, listing=listing)
    start, number, sent = await reader.start(), 0, list[int]()
    for _ in range(12):
        size = draw.randint(1, size_max)
        sent += range(number + 1, number + size + 1)
        await pay_in_one_slot(world, range(number + 1, number + size + 1))
        number += size
    await world.settle()
    deposits, end = await drain(reader, start)
    assert sorted(deposit.raw for deposit in deposits) == sent
    assert [deposit.height for deposit in deposits] == sorted(deposit.height for deposit in deposits)
    assert await drain(reader, end) == ([], end)


async def test_a_slot_may_fill_pages_by_itself(world: SolanaWorld) -> None:
    reader = world.reader_of(world.node.url, transactions=2, listing=3)
    start = await reader.start()
    await pay_in_one_slot(world, range(1, 12))
    await pay_in_one_slot(world, [12])
    await world.settle()
    deposits, _ = await drain(reader, start)
    assert [deposit.raw for deposit in deposits] == list(range(1, 13))


async def test_a_machine_that_goes_round_in_circles_is_left(world: SolanaWorld) -> None:
    reader = world.reader_of(world.node.url, listing=2)
    start = await reader.start()
    for number in range(1, 4):
        await pay_in_one_slot(world, [number])
    await world.settle()

    def forget_before(call: Call, reply: Reply) -> Reply:
        if call["method"] != LISTING:
            return reply
        account, options = call["params"]
        options = {name: value for name, value in options.items() if name != "before"}
        return world.rpc.answer({**call, "params": [account, options]})

    with world.node.answering(forget_before):
        assert "again and again" in str(await trouble_of(reader, start))


async def test_the_start_is_behind_all_of_the_newest_slot(world: SolanaWorld) -> None:
    await pay_in_one_slot(world, [1])
    entries = await pay_in_one_slot(world, [2, 3, 4])
    await world.settle()
    reader = world.reader_of(world.node.url, listing=2)
    start = await reader.start()
    position = Position.read(start)
    assert (position.slot, set(position.signatures)) == (entries[0].slot, {one.signature for one in entries})
    assert await drain(reader, start) == ([], start)


async def test_the_start_of_a_wallet_without_history_is_the_final_head(world: SolanaWorld) -> None:
    assert world.ledger.account(world.account) is None
    start = await world.reader().start()
    assert Position.read(start) == Position(world.ledger.final, (), world.ledger.final)


async def test_what_becomes_final_during_a_reading_belongs_to_the_next(
    world: SolanaWorld, reader: ChainReader, start: Cursor
) -> None:
    for number in range(1, 9):
        await pay_in_one_slot(world, [number])
    world.ledger.pass_slots(SLOTS_TO_FINAL - 6)
    tip = world.ledger.final

    async def go_on() -> None:
        world.ledger.pass_slots(1)

    world.node.before = go_on
    page = await reader.read(start)
    world.node.before = None
    # The head was asked for first; by the time of the list, another slot was final.
    assert max(deposit.height for deposit in page.deposits) == tip + 1
    assert int(page.read_until.timestamp()) == world.ledger.time_of(tip + 1)
    rest, _ = await drain(reader, page.cursor)
    assert not {deposit.key for deposit in page.deposits} & {deposit.key for deposit in rest}
    world.ledger.pass_slots(SLOTS_TO_FINAL)
    late, _ = await drain(reader, page.cursor)
    assert {deposit.raw for deposit in [*page.deposits, *late]} == {5_000_000, *range(1, 9)}


async def test_a_node_that_has_thrown_away_what_comes_next_is_a_gap(
    world: SolanaWorld, reader: ChainReader, start: Cursor
) -> None:
    world.rpc.first = Position.read(start).reached + 2
    trouble = await trouble_of(reader, start)
    assert isinstance(trouble, ChainGap)
    assert "YTMARKET_SOLANA_RPC" in str(trouble)
    world.rpc.first = 0
    assert amounts((await drain(reader, start))[0]) == [Usdt.of(5)]


async def test_a_node_may_throw_away_what_was_read(
    world: SolanaWorld, reader: ChainReader, start: Cursor
) -> None:
    _, quiet = await drain(reader, start)
    world.ledger.pass_slots(1_000)
    _, later = await drain(reader, quiet)
    assert Position.read(later).slot == Position.read(quiet).slot
    world.rpc.first = Position.read(later).reached + 1
    assert await drain(reader, later) == ([], later)
    await world.pay(Usdt.of(6))
    await world.settle()
    assert amounts((await drain(reader, later))[0]) == [Usdt.of(6)]
    assert isinstance(await trouble_of(reader, quiet), ChainGap)


async def test_a_wallet_that_nobody_pays_to_outlives_a_nodes_memory(world: SolanaWorld) -> None:
    reader = world.reader()
    start = await reader.start()
    world.ledger.pass_slots(1_000)
    _, later = await drain(reader, start)
    world.rpc.first = Position.read(later).reached + 1
    assert await drain(reader, later) == ([], later)
    assert isinstance(await trouble_of(reader, start), ChainGap)


async def test_a_node_that_is_behind_the_start_of_a_new_wallet_is_behind(world: SolanaWorld) -> None:
    start = await world.reader().start()
    world.rpc.head = Position.read(start).slot - 1
    assert isinstance(await trouble_of(world.reader(), start), ChainBehind)


async def test_what_was_reached_is_not_forgotten_by_a_node_that_is_a_little_behind(
    world: SolanaWorld, reader: ChainReader, start: Cursor
) -> None:
    world.ledger.pass_slots(10)
    _, end = await drain(reader, start)
    world.rpc.head = world.ledger.final - 2
    assert await drain(reader, end) == ([], end)


async def test_a_pause_costs_two_calls_and_a_deposit_one_more(
    world: SolanaWorld, reader: ChainReader, start: Cursor
) -> None:
    world.node.calls.clear()
    page = await reader.read(start)
    assert world.node.calls == ["getMultipleAccounts", LISTING, "getTransaction"]
    world.node.calls.clear()
    assert (await reader.read(page.cursor)).cursor == page.cursor
    assert world.node.calls == ["getMultipleAccounts", LISTING]


async def test_a_backlog_is_listed_once(world: SolanaWorld) -> None:
    reader = world.reader_of(world.node.url, transactions=3, listing=7)
    start = await reader.start()
    for number in range(1, 41):
        await pay_in_one_slot(world, [number])
    await world.settle()
    world.node.calls.clear()
    deposits, end = await drain(reader, start)
    assert [deposit.raw for deposit in deposits] == list(range(1, 41))
    assert world.node.calls.count("getTransaction") == 40
    assert world.node.calls.count(LISTING) <= 8
    # Whoever comes back to an earlier place gets the same once more.
    assert await drain(reader, start) == (deposits, end)


async def test_another_node_goes_on_with_a_backlog(world: SolanaWorld, spare: FaultyNode) -> None:
    reader = world.reader_of(world.node.url, spare.url, transactions=3)
    start = await reader.start()
    for number in range(1, 11):
        await pay_in_one_slot(world, [number])
    await world.settle()
    first = await reader.read(start)

    def fail(call: Call, _reply: Reply) -> Reply:
        return {"jsonrpc": "2.0", "id": call["id"], "error": {"code": -32603, "message": "oops"}}

    with world.node.answering(fail):
        rest, _ = await drain(reader, first.cursor)
    assert [deposit.raw for deposit in [*first.deposits, *rest]] == list(range(1, 11))
    assert spare.calls.count(LISTING) == 1  # its own list, not the other's


async def test_some_of_the_chain_can_be_read_once_more(world: SolanaWorld) -> None:
    reader = world.reader()
    start = await reader.start()
    for number in range(1, 6):
        await pay_in_one_slot(world, [number])
    await world.settle()
    deposits, end = await drain(reader, start)
    again, same_end = await drain(reader, await reader.cursor_at(deposits[2].height))
    assert (again, same_end) == (deposits[2:], end)
    with pytest.raises(ChainBehind):
        await reader.cursor_at(world.ledger.final + 2)


async def test_a_page_of_a_backlog_says_how_far_it_has_got(world: SolanaWorld) -> None:
    reader = world.hasty_reader()
    start = await reader.start()
    for number in range(1, 6):
        await pay_in_one_slot(world, [number])
        world.ledger.pass_slots(100)
    await world.settle()
    pages = [await reader.read(start)]
    while pages[-1].more:
        pages.append(await reader.read(pages[-1].cursor))
    for page in pages[:-1]:
        assert page.read_until == page.deposits[-1].at
        assert Position.read(page.cursor).reached == page.deposits[-1].height
    assert len(pages) == 3
    assert int(pages[-1].read_until.timestamp()) == world.ledger.time_of(world.ledger.final)


@pytest.mark.parametrize(
    "cursor", ["", "12", "{}", '{"slot":1}', '{"slot":-1,"signatures":[],"reached":0}', "[]", "\0"]
)
async def test_a_cursor_of_another_reader_is_a_gap(reader: ChainReader, cursor: str) -> None:
    assert isinstance(await trouble_of(reader, Cursor(cursor)), ChainGap)


@pytest.mark.parametrize("seed", range(SCHEDULES))
async def test_machines_that_lag_and_disagree_lose_nothing(world: SolanaWorld, seed: int) -> None:
    draw = random.Random(seed)
    readers = [
        world.reader_of(world.node.url, transactions=draw.randint(1, 5), listing=draw.randint(4, 9))
        for _ in range(2)
    ]
    cursor, sent, got = await readers[0].start(), 0, list[int]()
    for _ in range(30):
        for _ in range(draw.randint(0, 3)):
            size = draw.randint(1, 3)
            await pay_in_one_slot(world, range(sent + 1, sent + size + 1))
            sent += size
            world.ledger.pass_slots(draw.choice([0, 0, 1, 40]))
        machines = [machine(world, draw) for _ in range(2)]
        with world.node.answering(answered_by_any(machines, draw)), suppress(ReaderError):
            page = await draw.choice(readers).read(cursor)
            cursor = page.cursor
            got += [deposit.raw for deposit in page.deposits]
    await world.settle()
    rest, _ = await drain(world.reader(), cursor)
    got += [deposit.raw for deposit in rest]
    assert sorted(got) == list(range(1, sent + 1))


def machine(world: SolanaWorld, draw: random.Random) -> SolanaRpc:
    """One that has got more or less far, and orders slots in its own way."""
    final = world.ledger.final
    recent = [entry for entry in world.ledger.entries.values() if entry.slot <= final][-draw.randint(1, 3) :]
    return SolanaRpc(
        world.ledger,
        head=final - draw.choice([0, 0, 0, 3, 50]),
        hidden={entry.signature for entry in recent} if draw.random() < 0.3 else set(),
        order=lambda entries: draw.sample(entries, len(entries)),
    )


def answered_by_any(machines: Sequence[SolanaRpc], draw: random.Random) -> Edit:
    def edit(call: Call, _reply: Reply) -> Reply:
        return draw.choice(machines).answer(call)

    return edit


async def test_a_position_is_written_as_it_was_read(start: Cursor) -> None:
    assert Position.read(start).write() == start
    assert set(msgspec.json.decode(start)) == {"slot", "signatures", "reached"}
