"""What the Solana reader makes of nodes that answer, but wrongly, partly, or in their own way."""

import asyncio
import base64
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from typing import Any

import pytest

from tests.chains.optional import require

require("solana", "solana")
require("aiohttp", "evm")

from aiohttp import web
from hypothesis import given
from hypothesis import strategies as st
from solders.clock import Clock
from solders.keypair import Keypair

from ytmarket.adapters.chains.solana.chain import CLOCK, MINT, TOKEN_PROGRAM_2022
from ytmarket.adapters.chains.solana.refusals import Meaning, meaning_of
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
from ytmarket.testing.chains.faulty_node import SECRET, Call, Edit, Reply
from ytmarket.testing.chains.solana import SolanaWorld, instead, new_solana_world
from ytmarket.testing.contracts.chain_reader import amounts, drain
from ytmarket.testing.contracts.node_reader import trouble_of

pytestmark = pytest.mark.anyio

OTHER = str(Keypair().pubkey())
SIGNATURE = str(Keypair().sign_message(b""))


@pytest.fixture
async def world() -> AsyncIterator[SolanaWorld]:
    async with new_solana_world() as world:
        yield world


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


def editing(method: str, change: Callable[[Any], Any]) -> Edit:
    """Change what this method answers, in a copy."""

    def edit(call: Call, reply: Reply) -> Reply:
        return {**reply, "result": change(reply["result"])} if call["method"] == method else reply

    return edit


def listed(**fields: Any) -> Edit:
    """List transactions with these fields changed."""
    return editing("getSignaturesForAddress", lambda rows: [{**row, **fields} for row in rows])


def executed(**fields: Any) -> Edit:
    """Answer transactions with these fields changed."""
    return editing("getTransaction", lambda found: {**found, **fields})


def outcome(**fields: Any) -> Edit:
    """Answer transactions with these fields of their outcome changed."""
    return editing("getTransaction", lambda found: {**found, "meta": {**found["meta"], **fields}})


def balances(**fields: Any) -> Edit:
    """Answer transactions with these fields of every balance after them changed."""

    def change(found: Any) -> Any:
        rows = [{**row, **fields} for row in found["meta"]["postTokenBalances"]]
        return {**found, "meta": {**found["meta"], "postTokenBalances": rows}}

    return editing("getTransaction", change)


def message(**fields: Any) -> Edit:
    """Answer transactions with these fields of their message changed."""

    def change(found: Any) -> Any:
        body = found["transaction"]
        return {**found, "transaction": {**body, "message": {**body["message"], **fields}}}

    return editing("getTransaction", change)


def data(*content: str) -> Edit:
    """Answer accounts with this content."""

    def change(found: Any) -> Any:
        return {**found, "value": [{**account, "data": list(content)} for account in found["value"]]}

    return editing("getMultipleAccounts", change)


def clock(**fields: int) -> Edit:
    """Show another time."""
    shown = {"slot": 2_000, "unix_timestamp": 1_700_000_000} | fields
    cluster = Clock(shown["slot"], 0, 0, 0, shown["unix_timestamp"])
    return data(base64.b64encode(bytes(cluster)).decode(), "base64")


def refusing(code: int, message: str, method: str = "getSignaturesForAddress") -> Edit:
    """Refuse this method."""

    def edit(call: Call, reply: Reply) -> Reply:
        if call["method"] != method:
            return reply
        return {"jsonrpc": "2.0", "id": reply["id"], "error": {"code": code, "message": message}}

    return edit


def amount(**fields: Any) -> dict[str, Any]:
    return {"uiTokenAmount": {"amount": "5", "decimals": 6, "uiAmount": None, "uiAmountString": "5"} | fields}


NONSENSE = {
    "no list": instead("getSignaturesForAddress", None),
    "a list of numbers": instead("getSignaturesForAddress", [1, 2]),
    "oldest first": editing("getSignaturesForAddress", lambda rows: rows[::-1]),
    "the same transaction twice": editing("getSignaturesForAddress", lambda rows: [rows[0], *rows]),
    "more than was asked for": editing(
        "getSignaturesForAddress",
        lambda rows: rows + [{**rows[-1], "signature": str(Keypair().sign_message(b""))} for _ in range(50)],
    ),
    "signatures in hexadecimal": listed(signature="0x" + "0" * 64),
    "slots in words": listed(slot="the newest"),
    "slots below 0": listed(slot=-1),
    "slots of no size": listed(slot=2**70),
    "a list that does not say what failed": editing(
        "getSignaturesForAddress",
        lambda rows: [{name: value for name, value in row.items() if name != "err"} for row in rows],
    ),
    "a time in words": listed(blockTime="noon"),
    "another transaction": editing(
        "getTransaction",
        lambda found: {**found, "transaction": {**found["transaction"], "signatures": [SIGNATURE]}},
    ),
    "a transaction of another slot": executed(slot=7),
    "a transaction of the far future": executed(blockTime=2**40),
    "a transaction in base 64": executed(transaction=["AQ==", "base64"]),
    "a transaction without signatures": editing(
        "getTransaction",
        lambda found: {**found, "transaction": {**found["transaction"], "signatures": []}},
    ),
    "a transaction that failed after all": outcome(err={"InstructionError": [0, {"Custom": 1}]}),
    "a transaction of others": message(accountKeys=[OTHER] * 8),
    "accounts in no base": message(accountKeys=["0OIl" * 10]),
    "an amount in words": balances(**amount(amount="a lot")),
    "an amount below 0": balances(**amount(amount="-5")),
    "an amount in full": balances(**amount(amount=5)),
    "an amount with a point": balances(**amount(amount="5.0")),
    "other decimals": balances(**amount(decimals=9)),
    "an unheard-of account of the clock": data("AQ==", "base64"),
    "a clock in base 58": data("11", "base58"),
    "a clock in no base": data("*", "base64"),
    "a clock that shows 1970": clock(unix_timestamp=0),
    "a clock that shows the time before": clock(unix_timestamp=-1),
    "a clock that shows the far future": clock(unix_timestamp=2**40),
    "no clock": editing("getMultipleAccounts", lambda found: {**found, "value": [None]}),
    "more accounts than asked for": editing(
        "getMultipleAccounts", lambda found: {**found, "value": found["value"] * 2}
    ),
    "no accounts": instead("getMultipleAccounts", {"context": {"slot": 1}}),
    "answers with other ids": lambda _call, reply: {**reply, "id": reply["id"] + 1},
    "answers without ids": lambda _call, reply: {**reply, "id": None},
    "answers without a result": lambda _call, reply: {"jsonrpc": "2.0", "id": reply["id"]},
    "an internal error": refusing(-32603, "oops"),
    "an error in words": lambda _call, reply: {"id": reply["id"], "error": "oops"},
    "an error in store": refusing(-32019, "Failed to query long-term storage; please try again"),
    "numbers for answers": lambda _call, _reply: 7,
}


@pytest.mark.parametrize("edit", NONSENSE.values(), ids=NONSENSE.keys())
async def test_an_answer_that_makes_no_sense_is_none(
    world: SolanaWorld, reader: ChainReader, start: Cursor, edit: Edit
) -> None:
    with world.node.answering(edit):
        assert type(await trouble_of(reader, start)) is ChainUnavailable
    assert amounts((await drain(reader, start))[0]) == [Usdt.of(5)]


BEHIND = {
    "no outcome yet": executed(meta=None),
    "no time yet": executed(blockTime=None),
    "no transaction yet": instead("getTransaction", None),
    "an unhealthy node": refusing(-32005, "Node is behind by 42 slots"),
    "a block to come": refusing(-32004, "Block not available for slot 2000"),
    "an unknown place in the list": refusing(-32020, "Transaction not found"),
}


@pytest.mark.parametrize("edit", BEHIND.values(), ids=BEHIND.keys())
async def test_a_node_that_does_not_know_yet_is_behind(
    world: SolanaWorld, reader: ChainReader, start: Cursor, edit: Edit
) -> None:
    with world.node.answering(edit):
        assert isinstance(await trouble_of(reader, start), ChainBehind)
    assert amounts((await drain(reader, start))[0]) == [Usdt.of(5)]


GAPS = {
    "no history at all": refusing(-32011, "Transaction history is not available from this node"),
    "a slot that is missing": refusing(-32009, "Slot 1 was skipped, or missing in long-term storage"),
    "an account without an index": refusing(-32010, "excluded from account secondary indexes"),
    "no balances before": outcome(preTokenBalances=None),
    "no balances after": outcome(postTokenBalances=None),
}


@pytest.mark.parametrize("edit", GAPS.values(), ids=GAPS.keys())
async def test_a_node_that_will_never_know_is_a_gap(
    world: SolanaWorld, reader: ChainReader, start: Cursor, edit: Edit
) -> None:
    with world.node.answering(edit):
        trouble = await trouble_of(reader, start)
    assert isinstance(trouble, ChainGap)
    assert "YTMARKET_SOLANA_RPC" in str(trouble)
    assert amounts((await drain(reader, start))[0]) == [Usdt.of(5)]


async def test_a_transaction_of_a_later_version_is_not_passed_over(
    world: SolanaWorld, reader: ChainReader, start: Cursor
) -> None:
    refusal = refusing(-32015, "Transaction version (1) is not supported", "getTransaction")
    with world.node.answering(refusal):
        trouble = await trouble_of(reader, start)
    assert isinstance(trouble, ChainGap)
    assert "a release that knows this version" in str(trouble)


async def test_errors_that_this_reader_has_never_heard_of_are_errors(
    world: SolanaWorld, reader: ChainReader, start: Cursor
) -> None:
    def fail_first(rows: Any) -> Any:
        return [{**rows[0], "err": {"BrandNew": {"of": 2031}}}, *rows[1:]]

    with world.node.answering(editing("getSignaturesForAddress", fail_first)):
        assert (await drain(reader, start))[0] == []


async def test_nobody_else_s_balance_counts(world: SolanaWorld, reader: ChainReader, start: Cursor) -> None:
    for edit in (balances(owner=OTHER), balances(owner=None), balances(mint=OTHER)):
        with world.node.answering(edit):
            assert (await drain(reader, start))[0] == []


@pytest.mark.parametrize(
    ("status", "text", "raised"),
    [
        (400, '{"id":1,"error":{"code":-32600,"message":"Invalid request"}}', ChainUnavailable),
        (413, "Payload Too Large", ChainUnavailable),
        (500, '{"id":null,"error":{"code":-32005,"message":"Node is unhealthy"}}', ChainBehind),
        (403, '{"id":1,"error":{"code":-32001,"message":"API key quota exceeded"}}', ChainRateLimited),
        (200, '{"id":1,"error":{"code":429,"message":"slow down"}}', ChainRateLimited),
        (200, '{"id":1,"error":{"code":-32429,"message":"slow down"}}', ChainRateLimited),
        (429, "", ChainRateLimited),
        (404, "Not Found", ChainUnavailable),
        (307, "elsewhere", ChainUnavailable),
        (200, "", ChainUnavailable),
        (200, "[]", ChainUnavailable),
    ],
)
async def test_what_an_http_error_says_is_listened_to(
    world: SolanaWorld, reader: ChainReader, start: Cursor, status: int, text: str, raised: type[Exception]
) -> None:
    world.node.respond = lambda _body: web.Response(status=status, text=text, headers={"Location": world.url})
    assert type(await trouble_of(reader, start)) is raised
    world.node.respond = None
    assert amounts((await drain(reader, start))[0]) == [Usdt.of(5)]


@pytest.mark.parametrize(
    ("status", "body", "said"),
    [
        (200, b'{"id":1,"result":' + b"[" * 100_000, "did not answer in JSON-RPC"),
        (500, b'{"id":1,"result":' + b"[" * 100_000, "answered HTTP 500"),
        (500, b'{"id":1,"result":"\xff"}', "answered HTTP 500"),
    ],
    ids=["nested without end", "an error nested without end", "an error that is no text"],
)
async def test_bytes_that_are_no_json_are_no_answer(
    world: SolanaWorld, reader: ChainReader, start: Cursor, status: int, body: bytes, said: str
) -> None:
    world.node.respond = lambda _body: web.Response(status=status, body=body)
    trouble = await trouble_of(reader, start)
    assert type(trouble) is ChainUnavailable
    assert said in str(trouble)


async def test_a_failure_is_not_retried_in_secret(
    world: SolanaWorld, reader: ChainReader, start: Cursor
) -> None:
    asked = 0

    def count(_body: bytes) -> None:
        nonlocal asked
        asked += 1

    world.node.respond = count
    with world.node.having(Fault.HANGS_UP):
        await trouble_of(reader, start)
    assert asked == 1


async def test_a_node_that_answers_byte_by_byte_is_given_up(world: SolanaWorld) -> None:
    over = asyncio.Event()

    async def drip(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n")
        with suppress(ConnectionError):
            while not writer.is_closing():
                writer.write(b" ")
                await writer.drain()
                await asyncio.sleep(0.05)
        writer.close()
        over.set()

    server = await asyncio.start_server(drip, "127.0.0.1", 0)
    host, port = server.sockets[0].getsockname()
    world.timeout = HASTY
    trouble = await trouble_of(world.reader_of(f"http://{host}:{port}/"), None)
    await world.close()
    await over.wait()
    server.close()
    assert isinstance(trouble, ChainUnavailable)
    assert "in time" in str(trouble)


@pytest.mark.parametrize(
    "url", ["http://", "nowhere", "http://[::1", "http://127.0.0.1:1/k3y-of-mine", "ftp://a/b"]
)
async def test_a_url_that_leads_nowhere_is_unavailable(world: SolanaWorld, url: str) -> None:
    trouble = await trouble_of(world.reader_of(url), None)
    assert isinstance(trouble, ChainUnavailable)
    assert "k3y-of-mine" not in str(trouble)


async def test_a_key_that_a_node_repeats_is_not_passed_on(
    world: SolanaWorld, reader: ChainReader, start: Cursor
) -> None:
    with world.node.answering(refusing(-32001, f"the key {SECRET} is not known")):
        trouble = await trouble_of(reader, start)
    assert "the key [redacted] is not known" in str(trouble)


async def test_a_reader_without_any_node_is_misconfigured(world: SolanaWorld) -> None:
    with pytest.raises(ChainMisconfigured, match="YTMARKET_SOLANA_RPC"):
        world.reader_of()


async def test_a_token_of_another_program_is_not_ours(world: SolanaWorld) -> None:
    mint = world.ledger.account(MINT)
    assert mint is not None
    world.ledger.put(MINT, TOKEN_PROGRAM_2022, mint.data)
    trouble = await trouble_of(world.reader(), None)
    assert isinstance(trouble, ChainMisconfigured)
    assert "YTMARKET_SOLANA_RPC" in str(trouble)


async def test_a_clock_tells_what_was_read_even_if_accounts_are_older(world: SolanaWorld) -> None:
    assert str(CLOCK) == "SysvarC1ock11111111111111111111111111111111"
    page = await world.reader().read(await world.reader().start())
    assert int(page.read_until.timestamp()) == world.ledger.time_of(world.ledger.final)


@pytest.mark.parametrize(
    ("code", "said", "meaning"),
    [
        (-32005, "Node is behind by 42 slots", Meaning.BEHIND),
        (-32005, "Node is unhealthy", Meaning.BEHIND),
        (-32005, "rate limit exceeded", Meaning.TOO_OFTEN),
        (-32016, "Minimum context slot has not been reached", Meaning.BEHIND),
        (-32011, "Transaction history is not available from this node", Meaning.GONE),
        (-32015, "Transaction version (1) is not supported", Meaning.UNREADABLE),
        (-32602, "Invalid param: Invalid", Meaning.TROUBLE),
        (-32603, "Too many requests for a specific RPC call", Meaning.TOO_OFTEN),
        (-32003, "You have used all of your credits", Meaning.TOO_OFTEN),
        (-32007, "50 requests per second", Meaning.TOO_OFTEN),
        (429, "", Meaning.TOO_OFTEN),
    ],
)
def test_what_refusals_mean(code: int, said: str, meaning: Meaning) -> None:
    assert meaning_of(code, said) is meaning


@given(st.integers(), st.text())
def test_every_refusal_means_something(code: int, said: str) -> None:
    assert isinstance(meaning_of(code, said), Meaning)
