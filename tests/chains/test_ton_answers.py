"""What the TON reader makes of lite servers that answer, but wrongly, partly, or late."""

import asyncio
import base64
from collections.abc import AsyncIterator, Callable
from itertools import pairwise
from typing import Any

import pytest

from tests.chains.optional import require

require("pytonlib", "ton")

from ytmarket.adapters.chains.ton.address import Address
from ytmarket.adapters.chains.ton.cells import text_of_address
from ytmarket.adapters.chains.ton.position import Position
from ytmarket.adapters.chains.ton.words import Meaning, meaning_of
from ytmarket.application.ports.chain_reader import (
    ChainBehind,
    ChainGap,
    ChainMisconfigured,
    ChainRateLimited,
    ChainReader,
    ChainUnavailable,
    Cursor,
)
from ytmarket.domain.money import Usdt
from ytmarket.testing.chains.faults import HASTY, Fault
from ytmarket.testing.chains.ton import FAULTY_PORT, SPARE_PORT, TonWorld, new_ton_world
from ytmarket.testing.chains.ton_sandbox import TonSandbox
from ytmarket.testing.chains.ton_wire import SECRET, Answer, Edit, Query
from ytmarket.testing.contracts.chain_reader import amounts, drain
from ytmarket.testing.contracts.node_reader import trouble_of

pytestmark = pytest.mark.anyio

PAID = 12  # more than tonlib gives at once
TEXT = base64.b64encode(b"no bag of cells").decode()
ZEROS = "A" * 43 + "="


@pytest.fixture
async def world(request: pytest.FixtureRequest, ton_sandbox: TonSandbox) -> AsyncIterator[TonWorld]:
    async with new_ton_world(ton_sandbox) as world:
        if Fault.IS_SILENT.value in request.node.name:
            world.timeout = HASTY
        yield world


@pytest.fixture
async def reader(world: TonWorld) -> ChainReader:
    return world.reader()


@pytest.fixture
async def start(world: TonWorld, reader: ChainReader) -> Cursor:
    """The cursor after a payment, and before twelve that are final."""
    await world.pay(Usdt.of(100))
    await world.settle()
    start = await reader.start()
    await world.pay(*(Usdt.of(number) for number in range(1, PAID + 1)))
    await world.settle()
    return start


async def read(reader: ChainReader, start: Cursor) -> int:
    return len((await drain(reader, start))[0])


def editing(kind: str, change: Callable[[Any], Any]) -> Edit:
    """Change what is answered to this kind of request."""

    def edit(query: Query, answer: Answer) -> Answer:
        return change(answer) if query["@type"] == kind else answer

    return edit


def state(**fields: Any) -> Edit:
    return editing("raw.getAccountState", lambda answer: {**answer, **fields})


def listed(change: Callable[[list[Any]], Any]) -> Edit:
    """Change which transactions are given."""
    return editing(
        "raw.getTransactions", lambda answer: {**answer, "transactions": change(answer["transactions"])}
    )


def each(**fields: Any) -> Edit:
    return listed(lambda rows: [{**row, **fields} for row in rows])


def named(**fields: Any) -> Edit:
    """Name each transaction otherwise than it is."""
    return listed(
        lambda rows: [{**row, "transaction_id": {**row["transaction_id"], **fields}} for row in rows]
    )


def refusing(message: str, kind: str = "raw.getTransactions") -> Edit:
    return editing(kind, lambda _: {"@type": "error", "code": 500, "message": message})


def refusing_older(message: str, world: TonWorld) -> Edit:
    """Give the newest page, and refuse those before it."""

    def edit(query: Query, answer: Answer) -> Answer:
        is_older = world.wire.calls.count("raw.getTransactions") > 1
        is_one = query["@type"] == "raw.getTransactions" and is_older
        return {"@type": "error", "code": 500, "message": message} if is_one else answer

    return edit


def naming(part: str) -> Edit:
    """The newest one says otherwise of itself; each part stands in it as so many hexadecimal digits."""

    def change(rows: list[Any]) -> list[Any]:
        digits = base64.b64decode(rows[0]["data"]).hex()
        time = f"{int(rows[0]['transaction_id']['lt']):016x}"
        place = digits.index(time)  # the account before it; the hash and the time of the one before behind it
        begin, new = {
            "account": (place - 64, "0" * 64),
            "time": (place, "0" * 16),
            "before": (place + 16 + 64, time),
        }[part]
        digits = digits[:begin] + new + digits[begin + len(new) :]
        return [{**rows[0], "data": base64.b64encode(bytes.fromhex(digits)).decode()}, *rows[1:]]

    return listed(change)


def stack(*entries: dict[str, Any]) -> Edit:
    """Leave this on the stack of every get-method."""
    return editing("smc.runGetMethod", lambda answer: {**answer, "exit_code": 0, "stack": list(entries)})


def cell_entry(text: str) -> dict[str, Any]:
    return {"@type": "tvm.stackEntryCell", "cell": {"@type": "tvm.cell", "bytes": text}}


NUMBER = {"@type": "tvm.stackEntryNumber", "number": {"@type": "tvm.numberDecimal", "number": "5"}}

NONSENSE = {
    "nothing": editing("raw.getAccountState", lambda _: {"@type": "ok"}),
    "a time in words": state(sync_utime="noon"),
    "a time before all": state(sync_utime=0),
    "a time after all": state(sync_utime=2**33),
    "a logical time below 0": state(last_transaction_id={"lt": "-5", "hash": ZEROS}),
    "a logical time of no size": state(last_transaction_id={"lt": "9" * 20, "hash": ZEROS}),
    "a hash in hexadecimal": state(last_transaction_id={"lt": "5", "hash": "0" * 64}),
    "no transactions": listed(lambda _rows: []),
    "transactions in words": listed(lambda _rows: "many"),
    "the oldest first": listed(lambda rows: rows[::-1]),
    "two that changed places": listed(lambda rows: [rows[0], rows[2], rows[1], *rows[3:]]),
    "one left out": listed(lambda rows: [rows[0], *rows[2:]]),
    "the newest left out": listed(lambda rows: rows[1:]),
    "one twice": listed(lambda rows: [rows[0], *rows]),
    "one that comes before itself": naming("before"),
    "one of another account": naming("account"),
    "one of another time": naming("time"),
    "another one under its name": listed(
        lambda rows: [{**row, "data": other["data"]} for row, other in pairwise(rows)]
    ),
    "all by another hash": named(hash=ZEROS),
    "all by another time": named(lt="5"),
    "no bag of cells": each(data=TEXT),
    "nothing in base 64": each(data="*"),
    "a bag that breaks off": listed(lambda rows: [{**row, "data": row["data"][:400]} for row in rows]),
    "a cell of something else": each(data=text_of_address(Address(0, "a" * 64))),
    "an internal error": refusing("LITE_SERVER_UNKNOWN: oops"),
}


@pytest.mark.parametrize("edit", NONSENSE.values(), ids=NONSENSE.keys())
async def test_an_answer_that_makes_no_sense_is_none(
    world: TonWorld, reader: ChainReader, start: Cursor, edit: Edit
) -> None:
    with world.wire.answering(edit):
        assert type(await trouble_of(reader, start)) is ChainUnavailable
    assert await read(reader, start) == PAID


async def test_a_history_that_goes_round_in_circles_is_left(
    world: TonWorld, reader: ChainReader, start: Cursor
) -> None:
    kept = list[Any]()

    def circle(query: Query, answer: Answer) -> Answer:
        if query["@type"] != "raw.getTransactions":
            return answer
        kept.append(kept[0] if kept else naming("before")(query, answer)["transactions"][0])
        row = {**kept[0], "transaction_id": query["from_transaction_id"]}
        return {**answer, "@type": "raw.transactions", "transactions": [row]}

    with world.wire.answering(circle):
        async with asyncio.timeout(30):
            assert "comes before itself" in str(await trouble_of(reader, start))
    assert len(kept) == 1


WRONG = {
    "no contract": editing("smc.runGetMethod", lambda answer: {**answer, "exit_code": -13, "stack": []}),
    "no such method": editing("smc.runGetMethod", lambda answer: {**answer, "exit_code": 11}),
    "another beginning": editing(
        "blocks.getMasterchainInfo",
        lambda answer: {**answer, "init": {"root_hash": ZEROS, "file_hash": ZEROS}},
    ),
    "another file of the beginning": editing(
        "blocks.getMasterchainInfo", lambda a: {**a, "init": {**a["init"], "file_hash": ZEROS}}
    ),
    "too little about the token": stack(NUMBER, NUMBER),
    "a damaged configuration": refusing("INVALID_CONFIG: hardforks differs from embedded hardforks", "init"),
}


@pytest.mark.parametrize("edit", WRONG.values(), ids=WRONG.keys())
async def test_a_chain_without_the_token_is_refused(world: TonWorld, edit: Edit) -> None:
    with world.wire.answering(edit):
        trouble = await trouble_of(world.reader(), None)
    assert isinstance(trouble, ChainMisconfigured)
    assert world.setting in str(trouble)


ADDRESSES = {
    "a number": NUMBER,
    "nobody's": cell_entry(
        base64.b64encode(bytes.fromhex("b5ee9c72010101010003000001 20".replace(" ", ""))).decode()
    ),
    "an empty cell": cell_entry(base64.b64encode(bytes.fromhex("b5ee9c7201010101000200000000")).decode()),
}


@pytest.mark.parametrize("entry", ADDRESSES.values(), ids=ADDRESSES.keys())
async def test_a_jetton_wallet_s_address_has_to_be_one(world: TonWorld, entry: dict[str, Any]) -> None:
    asked = 0

    def edit(query: Query, answer: Answer) -> Answer:
        nonlocal asked
        if query["@type"] != "smc.runGetMethod" or query["method"]["name"] != "get_wallet_address":
            return answer
        asked += 1
        return {**answer, "stack": [entry]}

    with world.wire.answering(edit):
        assert isinstance(await trouble_of(world.reader(), None), ChainUnavailable)
    assert asked == 1


async def test_a_message_that_is_marked_as_come_back_is_no_payment(
    world: TonWorld, reader: ChainReader
) -> None:
    """Chains so far change its words as well, so that no real contract makes one."""
    start = await reader.start()
    await world.pay(Usdt.of(5))
    await world.settle()
    sender = Address(0, world.payer.account.partition(":")[2])

    def mark(rows: list[Any]) -> list[Any]:
        (row,) = rows
        # Flags, kind of address, workchain: 15 bits before the account, so that it stands between digits.
        bits = f"0110{0b100:03b}{sender.workchain:08b}{int(sender.account, 16):0256b}0"
        begin = f"{int(bits, 2):068x}"[:67]
        digits = base64.b64decode(row["data"]).hex()
        assert digits.count(begin) == 1
        digits = digits.replace(begin, "7" + begin[1:])
        return [{**row, "data": base64.b64encode(bytes.fromhex(digits)).decode()}]

    with world.wire.answering(listed(mark)):
        assert (await drain(reader, start))[0] == []
    assert await read(reader, start) == 1


async def test_a_token_need_not_state_its_decimals(world: TonWorld) -> None:
    def edit(query: Query, answer: Answer) -> Answer:
        if query["@type"] != "smc.runGetMethod" or query["method"]["name"] != "get_jetton_data":
            return answer
        return {**answer, "stack": [*answer["stack"][:3], cell_entry(text_of_address(Address(0, "a" * 64)))]}

    with world.wire.answering(edit):
        await world.reader().start()


async def test_a_lite_server_that_asks_for_rest_gets_it(
    world: TonWorld, reader: ChainReader, start: Cursor
) -> None:
    with world.wire.having(Fault.IS_BUSY):
        trouble = await trouble_of(reader, start)
    assert isinstance(trouble, ChainRateLimited)
    assert trouble.retry_after is None
    assert await read(reader, start) == PAID


async def test_a_key_that_an_error_repeats_is_not_passed_on(
    world: TonWorld, reader: ChainReader, start: Cursor
) -> None:
    with world.wire.having(Fault.LOCKS_US_OUT):
        trouble = await trouble_of(reader, start)
    assert "no access with [redacted]" in str(trouble)
    assert SECRET not in str(trouble)
    assert "a local file (no. 1 of YTMARKET_TON_RPC), lite server 1 of 1," in str(trouble)


@pytest.mark.parametrize(
    "message",
    [
        "LITE_SERVER_UNKNOWN: cannot locate transaction in block with specified logical time",
        "LITE_SERVER_NOTREADY: lt not in db",
        "cannot load block (0,8000000000000000,5): state already gc'd",
    ],
)
async def test_history_that_was_thrown_away_is_a_gap(
    world: TonWorld, reader: ChainReader, start: Cursor, message: str
) -> None:
    world.wire.calls.clear()
    with world.wire.answering(refusing_older(message, world)):
        trouble = await trouble_of(reader, start)
    assert isinstance(trouble, ChainGap)
    assert world.setting in str(trouble)
    # That the newest is missing means that another machine answers, which lags.
    with world.wire.answering(refusing(message)):
        assert isinstance(await trouble_of(world.reader(), start), ChainBehind)
    for kind in ("raw.getAccountState", "smc.load"):
        with world.wire.answering(refusing(message, kind)):
            assert isinstance(await trouble_of(world.reader(), None), ChainBehind)
    assert await read(reader, start) == PAID


async def test_a_link_that_does_not_meet_what_was_read_is_a_gap(reader: ChainReader, start: Cursor) -> None:
    known = Position.read(start)
    others = {
        "another hash": Position(known.account, known.lt, "0" * 64),
        "between two": Position(known.account, known.lt + 1, known.hash),
        "before all": Position(known.account, 1, known.hash),
        "a hash before all": Position(known.account, 0, known.hash),
        "another account": Position("0:" + "a" * 64, known.lt, known.hash),
    }
    for position in others.values():
        assert isinstance(await trouble_of(reader, position.write()), ChainGap)
    for text in ("", "{}", "7", '{"slot":5}', start[:-1], start.replace("0:", "5:5:")):
        assert isinstance(await trouble_of(reader, Cursor(text)), ChainGap)
    assert await read(reader, start) == PAID


async def test_a_position_at_the_head_has_to_be_the_head(world: TonWorld, reader: ChainReader) -> None:
    await world.pay(Usdt.of(1))
    await world.settle()
    head = Position.read(await reader.start())
    forged = Position(head.account, head.lt, "0" * 64)
    assert isinstance(await trouble_of(reader, forged.write()), ChainGap)


async def test_an_older_view_reads_nothing_twice_and_nothing_away(
    world: TonWorld, reader: ChainReader
) -> None:
    start = await reader.start()
    await world.pay(Usdt.of(1))
    await world.settle()
    commit = await world.sandbox.act("commit") - 1
    first, middle = await drain(reader, start)
    await world.pay(Usdt.of(2))
    await world.settle()
    world.wire.commit = commit
    page = await reader.read(middle)
    assert (page.deposits, page.cursor) == ((), middle)
    world.wire.commit = None
    second, end = await drain(reader, page.cursor)
    world.wire.commit = commit
    assert isinstance(await trouble_of(reader, end), ChainBehind)
    assert amounts(first + second) == [Usdt.of(1), Usdt.of(2)]


async def test_the_time_of_a_block_that_lags_is_not_exceeded(world: TonWorld, reader: ChainReader) -> None:
    start = await reader.start()
    await world.pay(Usdt.of(1))  # executed, and not yet taken in by the masterchain
    page = await reader.read(start)
    assert page.deposits == ()
    await world.settle()
    (deposit,), _ = await drain(reader, page.cursor)
    assert deposit.at >= page.read_until


async def test_what_becomes_final_while_a_reading_goes_on_waits_for_the_next(
    world: TonWorld, reader: ChainReader, start: Cursor
) -> None:
    world.wire.calls.clear()

    async def pay_once() -> None:
        if world.wire.calls.count("raw.getTransactions") == 1:
            world.wire.before = None
            await world.pay(Usdt.of(50))
            await world.settle()

    world.wire.before = pay_once
    first, middle = await drain(reader, start)
    second, _ = await drain(reader, middle)
    assert amounts(first + second) == [Usdt.of(number) for number in [*range(1, PAID + 1), 50]]


async def test_the_lite_servers_of_one_configuration_stand_in_for_each_other(world: TonWorld) -> None:
    reader = world.reader_of(world.config(FAULTY_PORT, SPARE_PORT))
    start = await reader.start()
    assert (world.wire.opened, world.spare.opened) == (1, 0)
    await world.pay(Usdt.of(5))
    await world.settle()
    with world.wire.having(Fault.HANGS_UP):
        assert amounts((await drain(reader, start))[0]) == [Usdt.of(5)]
    assert (world.wire.opened, world.spare.opened) == (0, 1), "one client at a time"
    await reader.close()
    assert world.spare.opened == 0


async def test_a_backlog_goes_on_at_another_lite_server(world: TonWorld) -> None:
    reader = world.reader_of(world.config(FAULTY_PORT, SPARE_PORT), transactions=5)
    start = await reader.start()
    await world.pay(*(Usdt.of(number) for number in range(1, PAID + 1)))
    await world.settle()
    first = await reader.read(start)
    with world.wire.having(Fault.IS_BROKEN):
        rest, _ = await drain(reader, first.cursor)
    assert len(first.deposits) == 5
    assert amounts([*first.deposits, *rest]) == [Usdt.of(number) for number in range(1, PAID + 1)]


@pytest.mark.parametrize("said", ["LITE_SERVER_UNKNOWN: cannot load zerostate", "INVALID_CONFIG"])
@pytest.mark.parametrize("kind", ["raw.getAccountState", "raw.getTransactions"])
async def test_words_of_another_chain_in_the_middle_of_a_reading_are_no_more_than_trouble(
    world: TonWorld, said: str, kind: str
) -> None:
    reader = world.reader_of(world.config(FAULTY_PORT), world.config(SPARE_PORT))
    start = await reader.start()
    await world.pay(Usdt.of(5))
    await world.settle()
    with world.wire.answering(refusing(said, kind)):
        assert amounts((await drain(reader, start))[0]) == [Usdt.of(5)]
        assert type(await trouble_of(world.reader(), start)) is ChainUnavailable


@pytest.mark.parametrize("fault", [Fault.BREAKS_OFF, Fault.IS_SILENT])
async def test_a_client_that_has_crashed_is_opened_anew(
    world: TonWorld, reader: ChainReader, start: Cursor, fault: Fault
) -> None:
    with world.wire.having(fault):
        assert isinstance(await trouble_of(reader, start), ChainUnavailable)
        assert world.wire.opened == 0
    world.wire.calls.clear()
    assert await read(reader, start) == PAID
    assert (world.wire.opened, world.wire.calls[:2]) == (1, ["init", "sync"])


async def test_a_client_that_answers_errors_is_kept(
    world: TonWorld, reader: ChainReader, start: Cursor
) -> None:
    with world.wire.having(Fault.HANGS_UP):
        await trouble_of(reader, start)
    world.wire.calls.clear()
    assert await read(reader, start) == PAID
    assert "init" not in world.wire.calls


async def test_a_client_that_could_not_be_opened_is_not_left_open(world: TonWorld) -> None:
    with world.wire.having(Fault.HANGS_UP):
        await trouble_of(world.reader(), None)
    assert world.wire.opened == 0


async def test_a_reading_that_is_broken_off_leaves_the_client_whole(
    world: TonWorld, reader: ChainReader, start: Cursor
) -> None:
    with world.wire.having(Fault.IS_SILENT):
        reading = asyncio.ensure_future(reader.read(start))
        await world.wire.is_waiting.wait()
        reading.cancel()
        with pytest.raises(asyncio.CancelledError):
            await reading
    assert world.wire.opened == 1
    assert await read(reader, start) == PAID


@pytest.mark.parametrize(
    ("said", "meaning"),
    [
        ("LITE_SERVER_UNKNOWN: ratelimit exceeded", Meaning.TOO_OFTEN),
        ("Too many queries", Meaning.TOO_OFTEN),
        ("LITE_SERVER_NOTREADY: ltdb: block not in db", Meaning.MISSING),
        ("cannot load state for (-1,8000000000000000,5): state already gc'd", Meaning.MISSING),
        ("VALIDATE_ZERO_STATE: Masterchain zerostate mismatch: expected A, found B", Meaning.ANOTHER_CHAIN),
        ("INVALID_CONFIG: zero_state differs from embedded zero_state", Meaning.ANOTHER_CHAIN),
        ("LITE_SERVER_UNKNOWN: cannot load zerostate", Meaning.TROUBLE),
        ("LITE_SERVER_UNKNOWN: INVALID_CONFIG", Meaning.TROUBLE),
        ("LITE_SERVER_NETWORK", Meaning.TROUBLE),
        ("LITE_SERVER_NETWORKtimeout for adnl query query", Meaning.TROUBLE),
        ("VALIDATE_BLOCK_PROOF: signatures", Meaning.TROUBLE),
        ("", Meaning.TROUBLE),
    ],
)
def test_what_tonlib_says_is_understood(said: str, meaning: Meaning) -> None:
    assert meaning_of(said) is meaning
