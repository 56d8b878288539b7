"""What a TRON reader makes of nodes that answer, but wrongly, partly, or in their own way."""

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from tests.chains.optional import require

require("tronpy", "tron")

from ytmarket.adapters.chains.tron import node as tron_node
from ytmarket.adapters.chains.tron import view as tron_view
from ytmarket.adapters.chains.tron.position import Position
from ytmarket.adapters.chains.tron.wire import TRANSFER
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
from ytmarket.testing.chains.faulty_node import SECRET, Call, Edit
from ytmarket.testing.chains.tron import TronWorld, as_of_genesis, editing, new_tron_world
from ytmarket.testing.contracts.chain_reader import amounts, drain
from ytmarket.testing.contracts.node_reader import trouble_of

pytestmark = pytest.mark.anyio

BLOCK, INFOS, HEAD = "getblockbynum", "gettransactioninfobyblocknum", "getnowblock"


@pytest.fixture
async def world(anvil_program: Path) -> AsyncIterator[TronWorld]:
    async with new_tron_world(anvil_program) as world:
        yield world


@pytest.fixture
async def reader(world: TronWorld) -> ChainReader:
    return world.reader()


@pytest.fixture
async def start(world: TronWorld, reader: ChainReader) -> Cursor:
    """The cursor before a payment of 5 USDT that is solid, in the first block behind it."""
    start = await reader.start()
    await world.pay(Usdt.of(5))
    await world.settle()
    return start


def every_info(**fields: Any) -> Edit:
    """Answer receipts with these fields changed."""
    return editing(INFOS, lambda infos: [{**info, **fields} for info in infos])


def every_log(**fields: Any) -> Edit:
    """Answer events with these fields changed."""
    return editing(
        INFOS,
        lambda infos: [{**info, "log": [{**log, **fields} for log in info.get("log", [])]} for info in infos],
    )


def in_header(**fields: Any) -> Edit:
    """Answer blocks with these fields changed."""

    def change(block: Any) -> Any:
        raw = {**block["block_header"]["raw_data"], **fields}
        return {**block, "block_header": {"raw_data": raw}}

    return editing(BLOCK, change)


def both(*edits: Edit) -> Edit:
    def edit(call: Call, reply: Any) -> Any:
        for one in edits:
            reply = one(call, reply)
        return reply

    return edit


def ended(outcome: str) -> Edit:
    """Tell in blocks that their transactions ended so."""

    def change(block: Any) -> Any:
        told = [{**one, "ret": [{"contractRet": outcome}]} for one in block.get("transactions", [])]
        return {**block, "transactions": told} if told else block

    return editing(BLOCK, change)


OTHER = "ab" * 32
NONSENSE = {
    "receipts of other transactions": every_info(id=OTHER),
    "receipts of another block": every_info(blockNumber=7),
    "receipts without an id": every_info(id=None),
    "receipts of failures that the block calls successes": every_info(receipt={"result": "REVERT"}),
    "receipts without an outcome": every_info(receipt={}),
    "receipts marked as failed": every_info(result="FAILED"),
    "blocks that call a success a failure": ended("OUT_OF_TIME"),
    "blocks without outcomes": ended(""),
    "no list of receipts": editing(INFOS, lambda infos: {"infos": infos}),
    "addresses in base58": every_log(address="TR7NHqjeKQxGTCi8q8ZY4pL8otSzgjLj6t"),
    "addresses of 19 bytes": every_log(address="ab" * 19),
    "topics in words": every_log(topics=["Transfer"]),
    "a transfer of four topics": every_log(topics=[TRANSFER, OTHER, OTHER, OTHER]),
    "a transfer without a recipient": every_log(topics=[TRANSFER, OTHER]),
    "an amount of 33 bytes": every_log(data="00" * 32 + "01"),
    "no amount": every_log(data=""),
    "an amount in words": every_log(data="a lot"),
    "an amount with a newline": every_log(data="00" * 32 + "\n"),
    "another block than asked for": editing(
        BLOCK, lambda block: {**block, "blockID": f"{2**40:016x}{block['blockID'][16:]}"}
    ),
    "another block's number": in_header(number=2**40),
    "a block without a parent": in_header(parentHash=None),
    "a block of the far future": in_header(timestamp=2**60),
    "a block before all time": in_header(timestamp=-1),
    "a block in words": editing(BLOCK, lambda _block: "the newest"),
    "a head in words": editing(HEAD, lambda _block: "the newest"),
    "a head whose id is another's": editing(
        HEAD, lambda block: {**block, "blockID": f"{5:016x}{block['blockID'][16:]}"}
    ),
    "another head than its block": editing(
        HEAD, lambda block: {**block, "blockID": block["blockID"][:16] + "ab" * 24}
    ),
    "an error in another's words": editing(BLOCK, lambda _block: {"Error": "class java.lang.Exception : x"}),
    "an error that is no text": editing(BLOCK, lambda _block: {"Error": {"code": 7}}),
    "numbers for answers": lambda _call, _reply: 7,
}


@pytest.mark.parametrize("edit", NONSENSE.values(), ids=NONSENSE.keys())
async def test_an_answer_that_makes_no_sense_is_none(
    world: TronWorld, reader: ChainReader, start: Cursor, edit: Edit
) -> None:
    with world.node.answering(edit):
        trouble = await trouble_of(reader, start)
    assert type(trouble) is ChainUnavailable
    assert amounts((await drain(reader, start))[0]) == [Usdt.of(5)]


async def test_where_reading_starts_is_checked_as_well(world: TronWorld) -> None:
    with world.node.answering(
        editing(HEAD, lambda block: {**block, "blockID": f"{5:016x}{block['blockID'][16:]}"})
    ):
        assert type(await trouble_of(world.reader(), None)) is ChainUnavailable
    first = in_header(number=1)
    other = both(first, editing(BLOCK, lambda block: {**block, "blockID": f"{1:016x}{OTHER[16:]}"}))
    reader = world.reader()
    await reader.start()
    with (
        world.node.answering(other),
        pytest.raises(ChainUnavailable, match="asked for block 2 and answered 1"),
    ):
        await reader.cursor_at(3)


async def test_events_of_a_transaction_that_failed_are_no_deposits(
    world: TronWorld, reader: ChainReader, start: Cursor
) -> None:
    for outcome in ("REVERT", "OUT_OF_ENERGY", "OUT_OF_TIME"):
        edit = both(ended(outcome), every_info(receipt={"result": outcome}, result="FAILED"))
        with world.node.answering(edit):
            assert (await drain(reader, start))[0] == []


async def test_an_event_is_known_by_its_contract_alone(
    world: TronWorld, reader: ChainReader, start: Cursor
) -> None:
    with world.node.answering(every_log(address="fa" * 20)):
        assert (await drain(reader, start))[0] == []
    # Other contracts may emit whatever they like.
    with world.node.answering(every_log(address="fa" * 20, topics=[], data="00")):
        assert (await drain(reader, start))[0] == []


async def test_other_events_of_the_token_are_no_deposits(
    world: TronWorld, reader: ChainReader, start: Cursor
) -> None:
    with world.node.answering(every_log(topics=[OTHER, OTHER], data="")):
        assert (await drain(reader, start))[0] == []


async def test_an_address_is_the_last_twenty_bytes_of_its_topic(
    world: TronWorld, reader: ChainReader, start: Cursor
) -> None:
    # The byte that TRON puts before addresses changes nothing about whose they are.
    sender, recipient = "ab" * 20, world.address.body
    topics = [TRANSFER, f"{'0' * 22}41{sender}", f"{'0' * 22}41{recipient}"]
    with world.node.answering(every_log(topics=topics)):
        assert amounts((await drain(reader, start))[0]) == [Usdt.of(5)]


async def test_the_order_of_receipts_is_the_order_of_the_block(world: TronWorld, reader: ChainReader) -> None:
    start = await reader.start()
    await world.tron.add_native("TransferContract", {})
    await world.settle()
    await world.pay(Usdt.of(5))
    height = await world.anvil.number()
    world.tron.natives[height] = [{**world.tron.natives[height - 20][0], "txID": OTHER}]
    await world.settle()
    plain, _ = await drain(reader, start)
    with world.node.answering(editing(INFOS, lambda infos: infos[::-1])):
        assert await drain(reader, start) == (plain, (await drain(reader, start))[1])
    assert amounts(plain) == [Usdt.of(5)]


@pytest.mark.parametrize(
    "part",
    [lambda _infos: [], lambda infos: infos[1:], lambda infos: infos * 2],
    ids=["none", "without the first", "twice"],
)
async def test_a_block_without_all_its_receipts_is_not_read(
    world: TronWorld, reader: ChainReader, start: Cursor, part: Any
) -> None:
    with world.node.answering(editing(INFOS, part)):
        assert type(await trouble_of(reader, start)) is ChainBehind
    assert amounts((await drain(reader, start))[0]) == [Usdt.of(5)]


async def test_a_block_that_is_not_known_yet_is_waited_for(
    world: TronWorld, reader: ChainReader, start: Cursor
) -> None:
    def lag(call: Call, reply: Any) -> Any:
        return {} if call["method"].endswith(BLOCK) and call["num"] > 0 else reply

    with world.node.answering(lag):
        assert type(await trouble_of(reader, start)) is ChainBehind
    assert amounts((await drain(reader, start))[0]) == [Usdt.of(5)]


async def test_what_a_node_lacks_far_below_its_head_is_a_gap(
    world: TronWorld, reader: ChainReader, start: Cursor, monkeypatch: pytest.MonkeyPatch
) -> None:
    await world.anvil.mine(10)
    monkeypatch.setattr(tron_view, "LAG_BLOCKS_MAX", 5)
    with world.node.answering(editing(INFOS, lambda _infos: [])):
        trouble = await trouble_of(reader, start)
    assert type(trouble) is ChainGap
    assert "YTMARKET_TRON_RPC" in str(trouble)


async def test_a_node_that_still_fetches_the_chain_is_behind_and_not_misconfigured(
    world: TronWorld, start: Cursor
) -> None:
    words = b"Contract validate error : Smart contract is not exist.".hex()
    lack = {"result": {"code": "CONTRACT_VALIDATE_ERROR", "message": words}}
    is_young = both(
        editing("triggerconstantcontract", lambda _answer: lack), as_of_genesis(world.chain.genesis)
    )
    with world.node.answering(is_young):
        assert type(await trouble_of(world.reader(), start)) is ChainBehind
        assert amounts((await drain(world.reader_with_spare(), start))[0]) == [Usdt.of(5)]


async def test_a_node_without_any_solid_block_is_behind(world: TronWorld) -> None:
    with world.node.answering(editing(HEAD, lambda _block: {})):
        assert type(await trouble_of(world.reader(), None)) is ChainBehind


@pytest.mark.parametrize(("status", "headers"), [(200, {}), (403, {}), (503, {"Retry-After": "120"})])
async def test_a_light_node_says_in_plain_words_that_history_is_gone(
    world: TronWorld, reader: ChainReader, start: Cursor, status: int, headers: dict[str, str]
) -> None:
    world.node.respond = lambda _body: web.Response(
        text="this API is closed because this node is a lite fullnode\n", status=status, headers=headers
    )
    trouble = await trouble_of(reader, start)
    assert type(trouble) is ChainGap
    assert "YTMARKET_TRON_RPC" in str(trouble)


@pytest.mark.parametrize(
    ("status", "text", "wait"),
    [
        (
            200,
            '{"Error":"class java.lang.IllegalAccessException : lack of computing resources"}',
            "some time",
        ),
        (403, '{"Error":"Exceed the user daily usage (100000), once a second"}', "some time"),
        (429, '{"Error":"exceeds the frequency limit(15), the server is suspended for 30s"}', 30),
        (429, "", "some time"),
        (401, '{"Error":"ApiKey not exists"}', None),
        (405, "HTTP method POST is not supported by this URL", None),
        (404, "Not Found", None),
        (307, "elsewhere", None),
        (200, "", None),
        (200, "\ufeff", None),
    ],
)
async def test_what_a_refusal_says_is_listened_to(
    world: TronWorld, reader: ChainReader, start: Cursor, status: int, text: str, wait: int | str | None
) -> None:
    headers = {"Location": f"{world.tron.url}/walletsolidity/getnowblock"}
    world.node.respond = lambda _body: web.Response(status=status, text=text, headers=headers)
    trouble = await trouble_of(reader, start)
    assert type(trouble) is (ChainUnavailable if wait is None else ChainRateLimited)
    if isinstance(trouble, ChainRateLimited):
        assert (trouble.retry_after or "some time") == wait
    elif status != 200:
        assert f"HTTP {status}" in str(trouble)


async def test_bytes_that_are_no_text_are_no_answer(
    world: TronWorld, reader: ChainReader, start: Cursor
) -> None:
    world.node.respond = lambda _body: web.Response(body=b'{"blockID": "\xff\xfe"}')
    assert type(await trouble_of(reader, start)) is ChainUnavailable


@pytest.mark.parametrize("status", [200, 500])
async def test_an_answer_nested_without_end_is_none(
    world: TronWorld, reader: ChainReader, start: Cursor, status: int
) -> None:
    world.node.respond = lambda _body: web.Response(status=status, body=b'{"a":' + b"[" * 100_000)
    assert type(await trouble_of(reader, start)) is ChainUnavailable


@pytest.mark.parametrize("status", [403, 429, 503])
async def test_a_time_to_come_back_is_kept_whatever_the_status(
    world: TronWorld, reader: ChainReader, start: Cursor, status: int
) -> None:
    world.node.respond = lambda _body: web.Response(status=status, headers={"Retry-After": "120"})
    trouble = await trouble_of(reader, start)
    assert isinstance(trouble, ChainRateLimited)
    assert trouble.retry_after == 120


async def test_an_answer_without_an_end_is_not_waited_for(
    world: TronWorld, reader: ChainReader, start: Cursor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tron_node, "ANSWER_BYTES_MAX", 1_000)
    world.node.respond = lambda _body: web.Response(text=" " * 2_000)
    assert "more than 1000 bytes" in str(await trouble_of(reader, start))


async def test_a_key_that_a_node_repeats_is_not_passed_on(
    world: TronWorld, reader: ChainReader, start: Cursor
) -> None:
    with world.node.answering(lambda _call, _reply: {"Error": f"the key {SECRET} is not known"}):
        assert "the key [redacted] is not known" in str(await trouble_of(reader, start))


async def test_a_key_is_sent_with_every_request(world: TronWorld) -> None:
    with world.tron.wanting("a-key-of-our-own"):
        reader = world.reader_of(world.tron.url.replace("//", "//a-key-of-our-own@"))
        assert (await reader.read(await reader.start())).deposits == ()
        trouble = await trouble_of(world.reader_of(world.tron.url.replace("//", "//another-key@")), None)
    assert type(trouble) is ChainUnavailable
    assert "HTTP 401, saying 'ApiKey not exists'" in str(trouble)
    assert "another-key" not in str(trouble)


async def test_a_key_is_hidden_as_it_is_sent_too(world: TronWorld) -> None:
    said = '{"Error":"K3y+very/secret= is not known"}'
    world.node.respond = lambda _body: web.Response(status=401, text=said)
    url = world.node.url.replace("//", "//K3y%2Bvery%2Fsecret%3D@")
    trouble = await trouble_of(world.reader_of(url), None)
    assert "[redacted] is not known" in str(trouble)


async def test_a_node_that_cannot_be_asked_for_decimals_is_unavailable(world: TronWorld) -> None:
    words = b"this node does not support constant".hex()
    answer = {"result": {"code": "CONTRACT_VALIDATE_ERROR", "message": words}}
    with world.node.answering(editing("triggerconstantcontract", lambda _answer: answer)):
        trouble = await trouble_of(world.reader(), None)
    assert type(trouble) is ChainUnavailable
    assert "does not support constant" in str(trouble)


async def test_a_test_network_is_refused(world: TronWorld) -> None:
    world.tron.genesis = "0000000000000000de1aa88295e1fcf982742f773e0419c5a9c134c994a9059e"  # Shasta
    trouble = await trouble_of(world.reader(), None)
    assert type(trouble) is ChainMisconfigured
    assert "YTMARKET_TRON_RPC" in str(trouble)


async def test_another_branch_below_what_was_read_is_a_gap(reader: ChainReader, start: Cursor) -> None:
    position = Position.read(start)
    rewritten = Position(position.next, position.hash[:16] + "ab" * 24, position.time).write()
    assert type(await trouble_of(reader, rewritten)) is ChainGap
    head = Position.read((await drain(reader, start))[1])
    at_head = Position(head.next, head.hash[:16] + "ab" * 24, head.time).write()
    assert type(await trouble_of(reader, at_head)) is ChainGap


async def test_blocks_that_do_not_build_on_each_other_are_unavailable(
    world: TronWorld, reader: ChainReader, start: Cursor
) -> None:
    await world.anvil.mine(3)
    second = Position.read(start).next + 1

    def fork(call: Call, reply: Any) -> Any:
        if call["method"].endswith(BLOCK) and call["num"] == second:
            reply["block_header"]["raw_data"]["parentHash"] = OTHER
        return reply

    with world.node.answering(fork):
        assert type(await trouble_of(reader, start)) is ChainUnavailable
    assert amounts((await drain(reader, start))[0]) == [Usdt.of(5)]


@pytest.mark.parametrize(
    "cursor",
    [
        "",
        "12",
        "{}",
        "[]",
        "\0",
        '{"next":1}',
        '{"next":0,"hash":"' + OTHER + '","time":0}',
        '{"next":1,"hash":"","time":0}',
        '{"last":1,"hash":"0x' + OTHER + '","time":0}',
    ],
)
async def test_a_cursor_of_another_reader_is_a_gap(reader: ChainReader, cursor: str) -> None:
    assert type(await trouble_of(reader, Cursor(cursor))) is ChainGap


async def test_a_cursor_is_plain_json(start: Cursor) -> None:
    assert set(json.loads(start)) == {"next", "hash", "time"}
