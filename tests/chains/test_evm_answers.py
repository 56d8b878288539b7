"""What an EVM reader makes of nodes that answer, but wrongly, partly, or in their own way."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from tests.chains.optional import require

require("web3", "evm")

from ytmarket.adapters.chains.evm import node, view
from ytmarket.adapters.chains.evm.chains import CHAINS
from ytmarket.adapters.chains.evm.position import Position
from ytmarket.application.ports.chain_reader import (
    ChainBehind,
    ChainGap,
    ChainMisconfigured,
    ChainRateLimited,
    ChainReader,
    ChainUnavailable,
    Cursor,
    ReaderError,
)
from ytmarket.domain.money import Usdt
from ytmarket.domain.networks import Network
from ytmarket.testing.chains.evm import EvmWorld, new_evm_world
from ytmarket.testing.chains.faulty_node import SECRET, Call, Edit, Reply
from ytmarket.testing.contracts.chain_reader import amounts, drain
from ytmarket.testing.contracts.node_reader import trouble_of

POLYGON = CHAINS[Network.POLYGON]

pytestmark = pytest.mark.anyio


@pytest.fixture
async def world(anvil_program: Path) -> AsyncIterator[EvmWorld]:
    async with new_evm_world(anvil_program, POLYGON) as world:
        yield world


@pytest.fixture
async def reader(world: EvmWorld) -> ChainReader:
    return world.reader()


@pytest.fixture
async def start(world: EvmWorld, reader: ChainReader) -> Cursor:
    """The cursor before a payment of 5 USDT that is final."""
    start = await reader.start()
    await world.pay(Usdt.of(5))
    await world.settle()
    return start


def editing(method: str, change: Callable[[Any], Any]) -> Edit:
    """Change what this method answers."""

    def edit(call: Call, reply: Reply) -> Reply:
        return {**reply, "result": change(reply["result"])} if call["method"] == method else reply

    return edit


def every_log(**fields: Any) -> Edit:
    """Answer transfers with these fields changed."""
    return editing("eth_getLogs", lambda logs: [{**log, **fields} for log in logs])


def refusing_logs(code: int, message: str, *, above: int = 0) -> Edit:
    """Refuse to give logs for more than so many blocks."""

    def edit(call: Call, reply: Reply) -> Reply:
        if call["method"] != "eth_getLogs" or blocks_asked_for(call) <= above:
            return reply
        return {"jsonrpc": "2.0", "id": reply["id"], "error": {"code": code, "message": message}}

    return edit


def refusing_batches(most: int, asked: list[int]) -> Callable[[bytes], web.Response | None]:
    """Refuse batches of more calls than that; *asked* is told how many there were in each."""

    def respond(body: bytes) -> web.Response | None:
        asked.append(len(json.loads(body)))
        error = {"jsonrpc": "2.0", "id": None, "error": {"code": -32600, "message": "batch too large"}}
        return web.json_response(error) if asked[-1] > most else None

    return respond


def blocks_asked_for(call: Call) -> int:
    wanted = call["params"][0]
    return int(wanted["toBlock"], 16) - int(wanted["fromBlock"], 16) + 1


async def trouble_at(reader: ChainReader, height: int) -> ReaderError:
    with pytest.raises(ReaderError) as caught:
        await reader.cursor_at(height)
    return caught.value


OTHER_HASH = "0x" + "ab" * 32
NONSENSE = {
    "logs of another token": every_log(address="0x" + "fa" * 20),
    "logs of another event": every_log(topics=[OTHER_HASH, "0x" + "0" * 64, "0x" + "0" * 64]),
    "logs of another recipient": every_log(
        topics=[
            "0xddf252ad1be2c89b69c2b068fc378daa952ba7f163c4a11628f55a4df523b3ef",
            *(["0x" + "57" * 32] * 2),
        ]
    ),
    "logs of four topics": editing(
        "eth_getLogs", lambda logs: [{**log, "topics": [*log["topics"], OTHER_HASH]} for log in logs]
    ),
    "logs after the last block asked for": every_log(blockNumber="0xffffff"),
    "logs before the first block asked for": every_log(blockNumber="0x0"),
    "logs that were undone": every_log(removed=True),
    "logs of another block of that number": every_log(blockHash=OTHER_HASH),
    "logs that are not mined": every_log(blockNumber=None, blockHash=None),
    "logs with an amount of 33 bytes": every_log(data="0x" + "00" * 32 + "01"),
    "logs with no amount": every_log(data="0x"),
    "logs with an amount in words": every_log(data="a lot"),
    "the same transfer twice": editing("eth_getLogs", lambda logs: logs + logs),
    "no list of logs": editing("eth_getLogs", lambda _logs: None),
    "another block than asked for": editing(
        "eth_getBlockByNumber", lambda block: {**block, "number": hex(int(block["number"], 16) + 1)}
    ),
    "a block without a time": editing("eth_getBlockByNumber", lambda block: {**block, "timestamp": None}),
    "a block of the far future": editing(
        "eth_getBlockByNumber", lambda block: {**block, "timestamp": "0xffffffffffffffff"}
    ),
    "a block in words": editing("eth_getBlockByNumber", lambda _block: "the newest"),
    "a number in decimals": editing("eth_getBlockByNumber", lambda block: {**block, "number": 12}),
    "answers with other ids": lambda _call, reply: {**reply, "id": reply["id"] * 2 + 7},
    "answers with one id": lambda _call, reply: {**reply, "id": 1},
    "answers without ids": lambda _call, reply: {**reply, "id": None},
    "an internal error": lambda _call, reply: {
        "id": reply["id"],
        "error": {"code": -32603, "message": "oops"},
    },
    "an error in words": lambda _call, reply: {"id": reply["id"], "error": "oops"},
    "numbers for answers": lambda _call, _reply: 7,
}


@pytest.mark.parametrize("edit", NONSENSE.values(), ids=NONSENSE.keys())
async def test_an_answer_that_makes_no_sense_is_none(
    world: EvmWorld, reader: ChainReader, start: Cursor, edit: Edit
) -> None:
    with world.node.answering(edit):
        assert isinstance(await trouble_of(reader, start), ChainUnavailable)
    assert amounts((await drain(reader, start))[0]) == [Usdt.of(5)]


async def test_logs_of_a_node_that_has_not_got_so_far_are_not_believed(
    world: EvmWorld, reader: ChainReader, start: Cursor
) -> None:
    head = await world.anvil.number("finalized")

    def lag(call: Call, reply: Reply) -> Reply:
        match call:
            case {"method": "eth_getLogs"}:
                return {**reply, "result": []}
            case {"method": "eth_getBlockByNumber", "params": [str(number), _]} if number == hex(head):
                return {**reply, "result": None}
        return reply

    with world.node.answering(lag):
        assert isinstance(await trouble_of(reader, start), ChainBehind)
    assert amounts((await drain(reader, start))[0]) == [Usdt.of(5)]


async def test_a_node_that_still_fetches_the_chain_is_behind_and_not_misconfigured(
    world: EvmWorld, start: Cursor
) -> None:
    def is_young(call: Call, reply: Reply) -> Reply:
        match call["method"]:
            case "eth_getCode" | "eth_call":
                return {**reply, "result": "0x"}
            case "eth_getBlockByNumber" if call["params"][0] == "latest":
                return {**reply, "result": {**reply["result"], "timestamp": "0x5f000000"}}
        return reply

    with world.node.answering(is_young):
        assert isinstance(await trouble_of(world.reader(), start), ChainBehind)
        assert amounts((await drain(world.reader_with_spare(), start))[0]) == [Usdt.of(5)]


async def test_a_block_that_a_node_has_thrown_away_is_a_gap(
    world: EvmWorld, reader: ChainReader, start: Cursor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(view, "LAG_BLOCKS_MAX", 30)
    await world.anvil.mine(60)

    def forgets(call: Call, reply: Reply) -> Reply:
        match call:
            case {"method": "eth_getBlockByNumber", "params": [str(which), _]} if which.startswith("0x"):
                return {**reply, "result": None if int(which, 16) < 20 else reply["result"]}
        return reply

    with world.node.answering(forgets):
        for trouble in (await trouble_of(reader, start), await trouble_at(world.reader(), 5)):
            assert isinstance(trouble, ChainGap)
            assert "name a node that keeps older blocks in YTMARKET_POLYGON_RPC" in str(trouble)


@pytest.mark.usefixtures("start")
async def test_what_is_not_final_yet_cannot_be_read_once_more(world: EvmWorld) -> None:
    reader = world.reader()
    final, newest = await world.anvil.number("finalized"), await world.anvil.number()
    assert final + 1 < newest
    assert Position.read(await reader.cursor_at(final + 1)).last == final
    for height in (final + 2, newest + 1, newest + 2):
        assert isinstance(await trouble_at(reader, height), ChainBehind)
    everything, _ = await drain(reader, await reader.cursor_at(0))
    assert amounts(everything) == [Usdt.of(5)]


async def test_a_node_without_any_final_block_is_behind(world: EvmWorld) -> None:
    with world.node.answering(editing("eth_getBlockByNumber", lambda _block: None)):
        assert isinstance(await trouble_of(world.reader(), None), ChainBehind)


async def test_blocks_with_long_extra_data_are_read(world: EvmWorld, start: Cursor) -> None:
    # As on BSC and Polygon, whose validators sign there.
    edit = editing("eth_getBlockByNumber", lambda block: {**block, "extraData": "0x" + "5a" * 500})
    with world.node.answering(edit):
        assert amounts((await drain(world.reader(), start))[0]) == [Usdt.of(5)]


async def test_deposits_are_in_chain_order_whatever_the_order_of_the_answer(
    world: EvmWorld, reader: ChainReader, start: Cursor
) -> None:
    await world.pay(Usdt.of(6), Usdt.of(7))
    await world.settle()
    with world.node.answering(editing("eth_getLogs", lambda logs: logs[::-1])):
        assert amounts((await drain(reader, start))[0]) == [Usdt.of(5), Usdt.of(6), Usdt.of(7)]


async def test_a_limit_on_blocks_is_found_and_kept_to(
    world: EvmWorld, reader: ChainReader, start: Cursor
) -> None:
    await world.anvil.mine(60)
    asked: list[int] = []

    def limit(call: Call, reply: Reply) -> Reply:
        if call["method"] == "eth_getLogs":
            asked.append(blocks_asked_for(call))
        return refusing_logs(-32602, "eth_getLogs is limited to a 5 range", above=5)(call, reply)

    with world.node.answering(limit):
        assert amounts((await drain(reader, start))[0]) == [Usdt.of(5)]
    assert sum(count > 5 for count in asked) <= 10
    assert max(count for count in asked if count <= 5) == 4


@pytest.mark.parametrize("most", [10, 3])
async def test_a_limit_on_calls_in_a_batch_is_found_and_kept_to(
    world: EvmWorld, start: Cursor, most: int
) -> None:
    reader = world.reader()
    opening = await reader.auditor.holding()
    for amount in range(6, 18):
        await world.pay(Usdt.of(amount))
    await world.settle()
    asked: list[int] = []
    world.node.respond = refusing_batches(most, asked)
    assert amounts((await drain(reader, start))[0]) == [Usdt.of(amount) for amount in range(5, 18)]
    assert max(asked) > most
    assert (await reader.auditor.statement(opening)).unexplained == 0
    asked.clear()
    await drain(reader, start)
    assert sum(count > most for count in asked) <= 1  # remembered, and widened in time


async def test_a_node_that_takes_no_two_calls_at_once_is_unavailable(
    world: EvmWorld, reader: ChainReader, start: Cursor
) -> None:
    world.node.respond = refusing_batches(1, [])
    trouble = await trouble_of(reader, start)
    assert isinstance(trouble, ChainUnavailable)
    assert "batch too large" in str(trouble)


async def test_a_node_that_refuses_a_single_block_is_unavailable(
    world: EvmWorld, reader: ChainReader, start: Cursor
) -> None:
    with world.node.answering(refusing_logs(-32005, "limit exceeded")):
        assert isinstance(await trouble_of(reader, start), ChainUnavailable)
    assert amounts((await drain(reader, start))[0]) == [Usdt.of(5)]


async def test_a_rate_limit_in_words_narrows_nothing(
    world: EvmWorld, reader: ChainReader, start: Cursor
) -> None:
    with world.node.answering(refusing_logs(-32005, "daily request count exceeded, request rate limited")):
        assert isinstance(await trouble_of(reader, start), ChainRateLimited)
    world.node.calls.clear()
    assert amounts((await drain(reader, start))[0]) == [Usdt.of(5)]
    assert world.node.calls.count("eth_getLogs") == 1


async def test_history_that_was_thrown_away_is_a_gap(
    world: EvmWorld, reader: ChainReader, start: Cursor
) -> None:
    with world.node.answering(refusing_logs(4444, "pruned history unavailable")):
        trouble = await trouble_of(reader, start)
    assert isinstance(trouble, ChainGap)
    assert "YTMARKET_POLYGON_RPC" in str(trouble)


@pytest.mark.parametrize(
    ("status", "text", "raised"),
    [
        (400, '{"id":1,"error":{"code":-32600,"message":"up to a 500 block range"}}', ChainUnavailable),
        (413, "Payload Too Large", ChainUnavailable),
        (500, '{"id":null,"error":{"code":-32000,"message":"header not found"}}', ChainBehind),
        (403, '{"id":1,"error":{"code":-32001,"message":"API key quota exceeded"}}', ChainRateLimited),
        (429, "", ChainRateLimited),
        (404, "Not Found", ChainUnavailable),
        (307, "elsewhere", ChainUnavailable),
    ],
)
async def test_what_an_http_error_says_is_listened_to(
    world: EvmWorld, reader: ChainReader, start: Cursor, status: int, text: str, raised: type[Exception]
) -> None:
    world.node.respond = lambda _body: web.Response(
        status=status, text=text, headers={"Location": world.anvil.url}
    )
    assert type(await trouble_of(reader, start)) is raised
    world.node.respond = None
    assert amounts((await drain(reader, start))[0]) == [Usdt.of(5)]


async def test_a_limit_that_comes_as_an_http_error_is_kept_to(
    world: EvmWorld, reader: ChainReader, start: Cursor
) -> None:
    await world.anvil.mine(20)
    refused = 0

    def respond(body: bytes) -> web.Response | None:
        nonlocal refused
        calls = json.loads(body)
        if all(call["method"] != "eth_getLogs" or blocks_asked_for(call) <= 5 for call in calls):
            return None
        refused += 1
        return web.Response(status=400, text="Bad Request")

    world.node.respond = respond
    assert amounts((await drain(reader, start))[0]) == [Usdt.of(5)]
    assert refused > 0


async def test_one_error_for_a_whole_batch_is_understood(
    world: EvmWorld, reader: ChainReader, start: Cursor
) -> None:
    error = {"jsonrpc": "2.0", "id": None, "error": {"code": -32600, "message": "batches are not allowed"}}
    world.node.respond = lambda _body: web.json_response(error)
    trouble = await trouble_of(reader, start)
    assert isinstance(trouble, ChainUnavailable)
    assert "batches are not allowed" in str(trouble)


async def test_a_key_that_a_node_repeats_is_not_passed_on(
    world: EvmWorld, reader: ChainReader, start: Cursor
) -> None:
    with world.node.answering(refusing_logs(-32001, f"the key {SECRET} is not known")):
        trouble = await trouble_of(reader, start)
    assert "the key [redacted] is not known" in str(trouble)


async def test_a_slow_node_is_asked_for_less_the_next_time(
    world: EvmWorld, reader: ChainReader, start: Cursor
) -> None:
    with world.node.answering(refusing_logs(-32603, "Internal error")):
        await trouble_of(reader, start)
    asked: list[int] = []

    def note(call: Call, reply: Reply) -> Reply:
        if call["method"] == "eth_getLogs":
            asked.append(blocks_asked_for(call))
        return reply

    with world.node.answering(note):
        first = await reader.read(start)
    head = Position.read((await drain(world.reader(), start))[1]).last
    assert asked == [(head - Position.read(start).last) // 2]
    assert first.more


@pytest.mark.parametrize(
    "cursor", ["", "12", "{}", '{"last":1}', '{"last":-1,"hash":"","time":0}', "[]", "\0"]
)
async def test_a_cursor_of_another_reader_is_a_gap(reader: ChainReader, cursor: str) -> None:
    assert isinstance(await trouble_of(reader, Cursor(cursor)), ChainGap)


async def test_a_reader_without_any_node_is_misconfigured(world: EvmWorld) -> None:
    with pytest.raises(ChainMisconfigured, match="YTMARKET_POLYGON_RPC"):
        world.reader_of()


async def test_a_pause_costs_one_batch_and_a_page_one_more(world: EvmWorld, start: Cursor) -> None:
    reader = world.reader()
    world.node.calls.clear()
    page = await reader.read(start)
    assert world.node.calls == [
        *("eth_chainId", "eth_getCode", "eth_call"),  # once for each node
        *("eth_getBlockByNumber", "eth_getBlockByNumber"),  # the newest block, and the last final one
        *("eth_getBlockByNumber", "eth_getBlockByNumber", "eth_getLogs"),  # from the first to the last
        "eth_getBlockByNumber",  # the one with the payment, between them
    ]
    world.node.calls.clear()
    assert (await reader.read(page.cursor)).cursor == page.cursor
    assert world.node.calls == ["eth_getBlockByNumber"] * 2


async def test_all_of_one_reading_comes_from_one_node(world: EvmWorld, start: Cursor) -> None:
    reader = world.reader_with_spare()
    world.node.calls.clear()
    with world.node.answering(refusing_logs(-32603, "Internal error")):
        assert amounts((await drain(reader, start))[0]) == [Usdt.of(5)]
    # It told its head, and failed to give the logs; nothing of the rest was asked of it.
    assert world.node.calls.count("eth_getLogs") == 1
    assert world.node.calls[-1] == "eth_getLogs"


async def test_some_of_the_chain_can_be_read_once_more(world: EvmWorld, start: Cursor) -> None:
    reader = world.reader()
    deposits, end = await drain(reader, start)
    again, same_end = await drain(reader, await reader.cursor_at(deposits[0].height))
    assert (again, same_end) == (deposits, end)
    later, _ = await drain(reader, await reader.cursor_at(deposits[0].height + 1))
    assert later == []


async def test_readings_that_are_cancelled_stop_nobody(world: EvmWorld, start: Cursor) -> None:
    """As all networks of a process are when another one takes over, whatever each was just waiting for."""
    readers = [world.reader() for _ in range(20)]
    for steps in range(40):
        readings = [asyncio.ensure_future(reader.read(start)) for reader in readers]
        for _ in range(steps):
            await asyncio.sleep(0)
        for reading in readings:
            reading.cancel()
        await asyncio.wait(readings)
    async with asyncio.timeout(30):
        for reader in readers:
            assert amounts((await drain(reader, start))[0]) == [Usdt.of(5)]


async def test_a_reader_and_its_auditor_that_begin_together_both_listen_to_the_node(world: EvmWorld) -> None:
    readers = [world.reader() for _ in range(10)]
    await asyncio.gather(*(ask() for reader in readers for ask in (reader.start, reader.auditor.holding)))
    world.node.respond = lambda _body: web.Response(status=429, headers={"Retry-After": "9"})
    for reader in readers:
        trouble = await trouble_of(reader, None)
        assert isinstance(trouble, ChainRateLimited)
        assert trouble.retry_after == 9


async def test_answers_to_a_batch_may_come_in_any_order(world: EvmWorld, start: Cursor) -> None:
    world.node.arrange = lambda replies: replies[::-1]
    assert amounts((await drain(world.reader(), start))[0]) == [Usdt.of(5)]


@pytest.mark.parametrize("status", [403, 429, 503])
async def test_a_time_to_come_back_is_kept_whatever_the_status(
    world: EvmWorld, reader: ChainReader, start: Cursor, status: int
) -> None:
    world.node.respond = lambda _body: web.Response(status=status, headers={"Retry-After": "120"})
    trouble = await trouble_of(reader, start)
    assert isinstance(trouble, ChainRateLimited)
    assert trouble.retry_after == 120


def jsonrpc_error(message: str) -> str:
    return json.dumps({"jsonrpc": "2.0", "id": None, "error": {"code": -32000, "message": message}})


@pytest.mark.parametrize(
    ("status", "text", "waits"),  # how often it is waited for: half of some 30 blocks, a quarter, an eighth
    [
        (503, "", 3),
        (504, "upstream timed out", 3),
        (502, jsonrpc_error("Internal error"), 3),
        (403, "", 3),
        (400, "Bad Request", 0),
        (413, "Payload Too Large", 0),
        (503, jsonrpc_error("query returned more than 10000 results"), 0),
    ],
)
async def test_a_node_that_names_a_time_is_asked_for_fewer_blocks_after_it(
    world: EvmWorld, reader: ChainReader, start: Cursor, status: int, text: str, waits: int
) -> None:
    """What is too much for it stays so however long one waits."""
    await world.anvil.mine(20)

    def respond(body: bytes) -> web.Response | None:
        calls = json.loads(body)
        if all(call["method"] != "eth_getLogs" or blocks_asked_for(call) <= 5 for call in calls):
            return None
        return web.Response(status=status, text=text, headers={"Retry-After": "60"})

    world.node.respond = respond
    for _ in range(waits):
        trouble = await trouble_of(reader, start)
        assert isinstance(trouble, ChainRateLimited)
        assert trouble.retry_after == 60
        world.pass_time(timedelta(seconds=60))
    page = await reader.read(start)
    assert page.span is not None
    assert page.span.last - page.span.first < 5
    world.node.respond = None
    assert amounts((await drain(reader, start))[0]) == [Usdt.of(5)]


@pytest.mark.parametrize(
    ("status", "text", "raised"),
    [
        (503, jsonrpc_error("missing trie node: archive needed"), ChainGap),
        (503, jsonrpc_error("header not found"), ChainBehind),
        (503, jsonrpc_error("batch too large"), ChainUnavailable),
        (503, jsonrpc_error("daily quota exceeded"), ChainRateLimited),
    ],
)
async def test_what_a_node_says_counts_more_than_the_time_it_names(
    world: EvmWorld, reader: ChainReader, start: Cursor, status: int, text: str, raised: type[Exception]
) -> None:
    world.node.respond = lambda _body: web.Response(status=status, text=text, headers={"Retry-After": "60"})
    trouble = await trouble_of(reader, start)
    assert isinstance(trouble, raised)
    assert isinstance(trouble, ChainRateLimited) is (raised is ChainRateLimited)


@pytest.mark.parametrize(("status", "text"), [(429, ""), (503, jsonrpc_error("daily quota exceeded"))])
async def test_a_rate_limit_with_a_time_narrows_nothing(
    world: EvmWorld, reader: ChainReader, start: Cursor, status: int, text: str
) -> None:
    def respond(body: bytes) -> web.Response | None:
        of_logs = any(call["method"] == "eth_getLogs" for call in json.loads(body))
        return web.Response(status=status, text=text, headers={"Retry-After": "60"}) if of_logs else None

    world.node.respond = respond
    assert isinstance(await trouble_of(reader, start), ChainRateLimited)
    world.node.respond = None
    world.pass_time(timedelta(seconds=60))
    world.node.calls.clear()
    assert amounts((await drain(reader, start))[0]) == [Usdt.of(5)]
    assert world.node.calls.count("eth_getLogs") == 1


async def test_an_endless_answer_is_not_waited_for(
    world: EvmWorld, reader: ChainReader, start: Cursor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(node, "ANSWER_BYTES_MAX", 10_000)
    world.node.respond = lambda _body: web.Response(body=b"[" + b" " * 10_000)
    assert "more than 10000 bytes" in str(await trouble_of(reader, start))
    world.node.respond = None
    chatty, refused = every_log(note="x" * 20_000), "refuses even one block"
    with world.node.answering(chatty), pytest.raises(ChainUnavailable, match=refused):
        await drain(world.reader(), start)
    assert amounts((await drain(world.reader(), start))[0]) == [Usdt.of(5)]


@pytest.mark.parametrize("status", [200, 500])
async def test_an_answer_nested_without_end_is_none(
    world: EvmWorld, reader: ChainReader, start: Cursor, status: int
) -> None:
    world.node.respond = lambda _body: web.Response(status=status, body=b'{"result":' + b"[" * 100_000)
    assert isinstance(await trouble_of(reader, start), ChainUnavailable)
