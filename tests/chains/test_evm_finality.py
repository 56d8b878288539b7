"""When deposits on Arbitrum are returned: small ones by depth, large ones when the node says final."""

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import attrs
import pytest
from aiohttp import web

from tests.chains.optional import require
from tests.http.shop import open_world

require("web3", "evm")

from ytmarket.adapters.chains.evm import reading
from ytmarket.adapters.chains.evm.chains import ARBITRUM_FINALITY, CHAINS, FINALIZED, EvmChain, Finality
from ytmarket.adapters.chains.evm.position import Position
from ytmarket.application.coverage import Rereading
from ytmarket.application.ports.chain_reader import ChainBehind, ChainGap, Cursor
from ytmarket.domain.further_networks import source_of
from ytmarket.domain.money import Usdt
from ytmarket.domain.networks import Network
from ytmarket.domain.times import from_epoch
from ytmarket.testing.chains.anvil import running_anvil
from ytmarket.testing.chains.evm import EvmWorld, evm_world, lay_out
from ytmarket.testing.chains.faulty_node import Call, Reply
from ytmarket.testing.contracts.chain_reader import amounts, drain
from ytmarket.testing.contracts.node_reader import trouble_of

# Arbitrum in small: 4 blocks instead of 120, and the node calls final what is 20 blocks deep.
DEPTH, FINAL = 4, 20
SMALL, LARGE = Usdt.of(1_000), Usdt.of("1000.000001")
CHAIN = attrs.evolve(CHAINS[Network.ARBITRUM], finality=Finality(depth=DEPTH, deep_above=SMALL))

pytestmark = pytest.mark.anyio


@pytest.fixture
async def world(anvil_program: Path) -> AsyncIterator[EvmWorld]:
    async with running_anvil(anvil_program, chain_id=CHAIN.chain_id, blocks_to_final=FINAL) as anvil:
        await lay_out(anvil, CHAIN)
        await anvil.mine(2 * FINAL)
        async with evm_world(anvil, CHAIN) as world:
            yield world


def with_rule(world: EvmWorld, finality: Finality) -> EvmChain:
    return attrs.evolve(world.chain, finality=finality)


def test_arbitrum_trusts_half_a_minute_with_a_thousand() -> None:
    assert Finality(depth=120, deep_above=Usdt.of(1_000)) == ARBITRUM_FINALITY
    assert CHAINS[Network.ARBITRUM].finality == ARBITRUM_FINALITY
    assert CHAINS[Network.BSC].finality == CHAINS[Network.POLYGON].finality == FINALIZED


@pytest.mark.parametrize("most", [8, 3])
async def test_what_waited_is_asked_for_in_batches_that_the_node_takes(world: EvmWorld, most: int) -> None:
    reader = world.reader()
    start = await reader.start()
    for _ in range(6):
        await world.pay(LARGE)
    await world.settle_soon()
    early, cursor = await drain(reader, start)
    assert early == []
    await world.anvil.mine(2 * FINAL)
    asked: list[int] = []

    def respond(body: bytes) -> web.Response | None:
        asked.append(len(json.loads(body)))
        error = {"jsonrpc": "2.0", "id": None, "error": {"code": -32600, "message": "batch too large"}}
        return web.json_response(error) if asked[-1] > most else None

    world.node.respond = respond
    assert amounts((await drain(reader, cursor))[0]) == [LARGE] * 6
    assert max(asked) > most


async def test_a_small_deposit_comes_at_the_depth_and_not_before(world: EvmWorld) -> None:
    reader = world.reader()
    start = await reader.start()
    await world.pay(SMALL)
    await world.anvil.mine(DEPTH - 1)
    early, cursor = await drain(reader, start)
    assert early == []
    await world.anvil.mine(1)
    assert amounts((await drain(reader, cursor))[0]) == [SMALL]


async def test_a_large_deposit_comes_when_the_node_calls_it_final_and_not_before(world: EvmWorld) -> None:
    reader = world.reader()
    start = cursor = await reader.start()
    await world.pay(LARGE)
    for blocks in (DEPTH, FINAL - 1 - DEPTH):
        await world.anvil.mine(blocks)
        early, cursor = await drain(reader, cursor)
        assert early == []
    await world.anvil.mine(1)
    assert amounts((await drain(reader, cursor))[0]) == [LARGE]
    assert amounts((await drain(world.reader(), start))[0]) == [LARGE]


async def test_a_large_deposit_holds_up_no_small_one(world: EvmWorld) -> None:
    reader = world.reader()
    start = await reader.start()
    await world.pay(LARGE)
    await world.pay(SMALL)
    await world.anvil.mine(DEPTH)
    soon, cursor = await drain(reader, start)
    assert amounts(soon) == [SMALL]
    await world.pay(Usdt.of(7))
    await world.anvil.mine(FINAL)
    assert amounts((await drain(reader, cursor))[0]) == [LARGE, Usdt.of(7)]


async def test_of_one_transaction_only_the_large_transfers_wait(world: EvmWorld) -> None:
    reader = world.reader()
    start = await reader.start()
    await world.pay(Usdt.of(1), LARGE, Usdt.of(2), LARGE)
    await world.anvil.mine(DEPTH)
    soon, cursor = await drain(reader, start)
    await world.anvil.mine(FINAL)
    late, _ = await drain(reader, cursor)
    assert amounts(soon) == [Usdt.of(1), Usdt.of(2)]
    assert amounts(late) == [LARGE, LARGE]
    assert len({deposit.key for deposit in [*soon, *late]}) == 4


async def test_time_stands_still_before_what_waits(world: EvmWorld) -> None:
    await world.anvil.call("anvil_setBlockTimestampInterval", 1)
    reader = world.reader()
    cursor = await reader.start()
    await world.pay(LARGE)
    await world.pay(SMALL)
    await world.anvil.mine(DEPTH)
    waiting = await reader.read(cursor)
    await world.anvil.mine(FINAL)
    late = await reader.read(waiting.cursor)
    (large,), (small,) = late.deposits, waiting.deposits
    assert waiting.read_until <= large.at < small.at
    assert late.read_until > small.at


@pytest.mark.parametrize(
    "rule",
    [
        Finality(depth=DEPTH, deep_above=Usdt.of(5_000)),
        Finality(depth=DEPTH, deep_above=None),
        Finality(depth=DEPTH, deep_above=Usdt.of(1)),
        FINALIZED,
    ],
)
async def test_what_waits_is_not_lost_when_the_rule_changes(world: EvmWorld, rule: Finality) -> None:
    start = await world.reader().start()
    await world.pay(Usdt.of(2), LARGE)
    await world.anvil.mine(DEPTH)
    soon, cursor = await drain(world.reader(), start)
    other = world.reader_of(world.node.url, chain=with_rule(world, rule))
    if rule.depth is None:
        assert isinstance(await trouble_of(other, cursor), ChainBehind)  # it has read further than is final
    await world.anvil.mine(FINAL)
    late, _ = await drain(other, cursor)
    assert [*amounts(soon), *amounts(late)] == [Usdt.of(2), LARGE]


async def test_when_many_wait_reading_goes_no_further_than_what_is_final(
    world: EvmWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading, "HELD_MAX", 3)
    monkeypatch.setattr(reading, "RELEASED_MAX", 2)
    reader = world.reader()
    start = await reader.start()
    for _ in range(4):
        await world.pay(LARGE)
    await world.anvil.mine(DEPTH)
    none, full = await drain(reader, start)
    await world.pay(Usdt.of(9))
    await world.anvil.mine(DEPTH)
    assert await drain(reader, full) == (none, full) == ([], full)
    await world.anvil.mine(FINAL)
    late, end = await drain(reader, full)
    assert amounts(late) == [*(4 * [LARGE]), Usdt.of(9)]
    assert Position.read(end).held == ()


async def test_what_is_read_once_more_waits_for_its_own_large_deposits_and_for_no_later_one(
    world: EvmWorld,
) -> None:
    """In a busy shop a large deposit waits at any time."""
    services, reader = open_world().services, world.reader()
    await world.pay(LARGE)
    first = last = await world.anvil.number()
    await world.anvil.mine(DEPTH)
    rereading = Rereading(scan=services.scan, reader=reader, first=first, last=last)
    assert await rereading.step() == 0
    assert rereading.waits
    async with asyncio.timeout(60):
        while not rereading.is_done:
            await world.pay(LARGE)
            await world.anvil.mine(DEPTH)
            await rereading.step()
            assert await world.anvil.number() < first + 3 * FINAL, "what is final has come"
    assert rereading.found == 1
    source = source_of(reader.network, reader.wallet)
    (one,) = await services.queries.coverage(reader.network, source)
    assert one.span.first == first
    assert one.span.last < rereading.reached
    assert await services.coverage.gaps(reader.network, reader.wallet) == []


async def test_a_block_that_was_replaced_while_a_deposit_waited_is_a_gap(world: EvmWorld) -> None:
    reader = world.reader()
    start = await reader.start()
    before = await world.anvil.number()
    await world.pay(LARGE)
    await world.anvil.mine(DEPTH)
    none, cursor = await drain(reader, start)
    assert none == []
    await world.anvil.call("anvil_reorg", await world.anvil.number() - before, [])
    await world.anvil.mine(FINAL)
    assert isinstance(await trouble_of(reader, cursor), ChainGap)


async def test_a_block_that_was_replaced_below_the_depth_is_a_gap(world: EvmWorld) -> None:
    reader = world.reader()
    start = await reader.start()
    await world.pay(SMALL)
    await world.anvil.mine(DEPTH)
    _, cursor = await drain(reader, start)
    await world.anvil.call("anvil_reorg", DEPTH + 1, [])
    await world.anvil.mine(1)
    trouble = await trouble_of(reader, cursor)
    assert isinstance(trouble, ChainGap)
    assert str(Position.read(cursor).last) in str(trouble)


async def test_a_node_on_another_branch_is_left_for_one_on_ours(world: EvmWorld) -> None:
    reader = world.reader_with_spare()
    start = await reader.start()
    await world.pay(SMALL)
    await world.anvil.mine(DEPTH)
    _, cursor = await drain(reader, start)
    await world.pay(Usdt.of(3))
    await world.anvil.mine(DEPTH)

    def branch(call: Call, reply: Reply) -> Reply:
        if call["method"] != "eth_getBlockByNumber":
            return reply
        return {**reply, "result": {**reply["result"], "parentHash": "0x" + "ab" * 32}}

    with world.node.answering(branch):
        assert amounts((await drain(reader, cursor))[0]) == [Usdt.of(3)]


async def test_a_final_block_that_is_not_the_one_read_is_noticed_in_a_pause(world: EvmWorld) -> None:
    reader = world.reader_of(world.node.url, chain=with_rule(world, FINALIZED))
    cursor = await reader.start()
    forged = Position.read(cursor)
    other = Position(last=forged.last, hash="0x" + "ab" * 32, time=forged.time)
    assert isinstance(await trouble_of(reader, other.write()), ChainGap)
    assert (await reader.read(cursor)).cursor == Cursor(cursor)


async def test_a_network_read_by_finalized_may_be_late_as_long_as_its_newest_block_is_fresh(
    world: EvmWorld,
) -> None:
    """As on every rollup: what is final follows Ethereum there."""
    await world.anvil.call("anvil_setBlockTimestampInterval", 60)
    chain = with_rule(world, FINALIZED)
    reader = world.reader_of(world.node.url, chain=chain)

    async def mine() -> timedelta:
        """Add blocks up to the present; how old the last final one is then."""
        await world.anvil.mine(FINAL)
        newest, final = [
            from_epoch(int((await world.anvil.block(tag))["timestamp"], 16))
            for tag in ("latest", "finalized")
        ]
        world.pass_time(newest - world.clock.now())
        return newest - final

    assert await mine() > chain.stale_after
    start = await reader.start()
    opening = await reader.auditor.holding()
    await world.pay(Usdt.of(5))
    assert await mine() > chain.stale_after
    deposits, end = await drain(reader, start)
    assert amounts(deposits) == [Usdt.of(5)]
    assert (await drain(reader, end)) == ([], end)
    assert (await reader.auditor.statement(opening)).incoming == Usdt.of(5).micros
    world.pass_time(chain.stale_after + timedelta(minutes=1))
    for cursor in (None, start, end):
        assert isinstance(await trouble_of(reader, cursor), ChainBehind)
    with pytest.raises(ChainBehind):
        await reader.auditor.holding()


async def test_a_transfer_that_a_node_has_lost_while_it_waited_is_not_given_up(world: EvmWorld) -> None:
    reader = world.reader()
    start = await reader.start()
    await world.pay(LARGE)
    await world.anvil.mine(DEPTH)
    _, cursor = await drain(reader, start)
    await world.anvil.mine(FINAL)

    def forget(call: Call, reply: Reply) -> Reply:
        return {**reply, "result": []} if call["method"] == "eth_getLogs" else reply

    with world.node.answering(forget):
        assert "lost" in str(await trouble_of(reader, cursor))
    assert amounts((await drain(reader, cursor))[0]) == [LARGE]
