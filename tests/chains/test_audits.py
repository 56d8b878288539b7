"""Audits of a wallet on BSC, Polygon, Arbitrum and TRON, and of what nodes may keep to themselves."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from functools import partial
from pathlib import Path
from typing import Any, TypeAlias

import pytest

from tests.chains.optional import require

require("web3", "evm")
require("tronpy", "tron")

from ytmarket.adapters.chains.evm.chains import CHAINS
from ytmarket.adapters.chains.tron import auditor as tron_auditor
from ytmarket.application.ports.chain_reader import ChainBehind, ChainUnavailable
from ytmarket.domain.networks import Network
from ytmarket.testing.chains.evm import EvmWorld, new_evm_world
from ytmarket.testing.chains.token_world import editing
from ytmarket.testing.chains.tron import TronWorld, new_tron_world
from ytmarket.testing.contracts import ChainAuditorContract
from ytmarket.testing.contracts.chain_auditor import opened

pytestmark = pytest.mark.anyio

World: TypeAlias = EvmWorld | TronWorld
Start: TypeAlias = Callable[[Path], AbstractAsyncContextManager[World]]

WORLDS: dict[str, Start] = {
    str(network): partial(new_evm_world, chain=chain) for network, chain in CHAINS.items()
} | {str(Network.TRON): new_tron_world}


@pytest.fixture(params=WORLDS.values(), ids=list(WORLDS))
async def chain(request: pytest.FixtureRequest, anvil_program: Path) -> AsyncIterator[World]:
    async with request.param(anvil_program) as world:
        yield world


@pytest.fixture
async def evm(anvil_program: Path) -> AsyncIterator[EvmWorld]:
    async with new_evm_world(anvil_program, CHAINS[Network.BSC]) as world:
        yield world


@pytest.fixture
async def tron(anvil_program: Path) -> AsyncIterator[TronWorld]:
    async with new_tron_world(anvil_program) as world:
        yield world


class TestAuditors(ChainAuditorContract):
    async def test_the_doubted_node_is_asked_no_more_while_another_serves(self, chain: World) -> None:
        _, opening = await opened(chain)
        reader = chain.reader_with_spare()
        await reader.auditor.statement(opening)
        reader.auditor.doubt()
        chain.node.calls.clear()
        await reader.auditor.statement(opening)
        assert chain.node.calls == []


async def test_blocks_are_asked_for_as_many_at_once_as_the_node_allows(evm: EvmWorld) -> None:
    _, opening = await opened(evm)
    for amount in range(1, 8):
        await evm.pay_raw(amount)
        await evm.withdraw(amount)
    await evm.settle()
    statement = await evm.hasty_reader().auditor.statement(opening)
    assert (statement.incoming, statement.outgoing, statement.unexplained) == (28, 28, 0)
    assert evm.node.calls.count("eth_getLogs") > 10


@pytest.mark.parametrize("direction", [1, 2], ids=["outgoing", "incoming"])
async def test_a_transfer_that_an_evm_node_keeps_to_itself_is_missed(evm: EvmWorld, direction: int) -> None:
    reader, opening = await opened(evm)
    await evm.pay_raw(40)
    await evm.withdraw(4)
    await evm.settle()

    def lists_nothing(call: dict[str, Any], reply: dict[str, Any]) -> dict[str, Any]:
        is_kept = call["method"] == "eth_getLogs" and call["params"][0]["topics"][direction]
        return {**reply, "result": []} if is_kept else reply

    with evm.node.answering(lists_nothing):
        statement = await reader.auditor.statement(opening)
    assert statement.unexplained == (40 if direction == 2 else -4)


async def test_a_balance_that_an_evm_node_makes_up_is_unexplained(evm: EvmWorld) -> None:
    reader, opening = await opened(evm)
    await evm.settle()

    def is_richer(call: dict[str, Any], reply: dict[str, Any]) -> dict[str, Any]:
        if call["method"] != "eth_call" or not call["params"][0]["data"].startswith("0x70a08231"):
            return reply
        return {**reply, "result": f"0x{int(reply['result'], 16) + 1:064x}"}

    with evm.node.answering(is_richer):
        assert (await reader.auditor.statement(opening)).unexplained == 1


async def test_what_is_held_is_asked_as_of_the_final_block(evm: EvmWorld) -> None:
    reader, opening = await opened(evm)
    await evm.pay_raw(9)  # in the newest block, which is not final
    holding = await reader.auditor.holding()
    assert holding.balance == opening.balance
    assert holding.point.height == await evm.anvil.number("finalized")


async def test_a_node_that_does_not_know_the_balance_so_far_back_names_the_setting(evm: EvmWorld) -> None:
    reader, _ = await opened(evm)

    def forgets(call: dict[str, Any], reply: dict[str, Any]) -> dict[str, Any]:
        if call["method"] != "eth_call":
            return reply
        refusal = {"code": -32000, "message": "missing trie node 5f0c (path )"}
        return {"jsonrpc": "2.0", "id": call["id"], "error": refusal}

    with evm.node.answering(forgets), pytest.raises(Exception, match=evm.setting):
        await reader.auditor.holding()


async def test_tron_is_audited_by_lists_which_cost_next_to_nothing(tron: TronWorld) -> None:
    reader, opening = await opened(tron)
    await tron.pay_raw(40)
    await tron.withdraw(4)
    await tron.anvil.mine(60)
    tron.node.calls.clear()
    statement = await reader.auditor.statement(opening)
    assert (statement.incoming, statement.outgoing, statement.unexplained) == (40, 4, 0)
    assert len(tron.node.calls) < 10


@pytest.mark.parametrize("what", ["no index of a block", "no JSON-RPC at all"])
async def test_where_tron_has_no_list_the_blocks_tell(tron: TronWorld, what: str) -> None:
    reader, opening = await opened(tron)
    await tron.pay_raw(40)
    paid = await tron.anvil.number()
    await tron.withdraw(4)
    await tron.settle()
    with tron.tron.without_index(*([paid] if what == "no index of a block" else [])):
        statement = await reader.auditor.statement(opening)
    assert (statement.incoming, statement.outgoing, statement.unexplained) == (40, 4, 0)
    assert "walletsolidity/gettransactioninfobyblocknum" in tron.node.calls


async def test_blocks_of_long_ago_are_not_fetched_for_a_list_that_does_not_add_up(
    tron: TronWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tron_auditor, "PROOF_BLOCKS_MAX", 10)
    reader, opening = await opened(tron)
    await tron.pay_raw(40)
    with tron.tron.without_index(await tron.anvil.number()):
        await tron.settle()
        statement = await reader.auditor.statement(opening)
    assert (statement.incoming, statement.unexplained) == (0, 40)


async def test_a_long_list_is_asked_for_in_halves(tron: TronWorld) -> None:
    reader, opening = await opened(tron)
    for amount in (1, 2, 3, 4, 5):
        await tron.pay_raw(amount)
    await tron.settle()

    def takes_four_blocks(call: dict[str, Any], reply: dict[str, Any]) -> dict[str, Any]:
        if call["method"] != "eth_getLogs":
            return reply
        first, last = (int(call["params"][0][name], 16) for name in ("fromBlock", "toBlock"))
        if last - first < 4:
            return reply
        words = "query returned more than 4 results. Try with smaller block range."
        return {"jsonrpc": "2.0", "id": 1, "error": {"code": -32005, "message": words}}

    with tron.node.answering(takes_four_blocks):
        statement = await reader.auditor.statement(opening)
    assert (statement.incoming, statement.unexplained) == (15, 0)
    assert "walletsolidity/gettransactioninfobyblocknum" not in tron.node.calls


async def test_a_list_that_nobody_asked_for_is_not_believed(tron: TronWorld) -> None:
    reader, opening = await opened(tron)
    await tron.pay_raw(40)
    await tron.settle()
    for change in (
        lambda reply: {**reply, "result": [{**one, "address": f"0x{'57' * 20}"} for one in reply["result"]]},
        lambda reply: {**reply, "result": reply["result"] * 2},
        lambda reply: {**reply, "result": [{**one, "blockNumber": "0x1"} for one in reply["result"]]},
    ):
        with tron.node.answering(editing("eth_getLogs", change)):
            statement = await reader.auditor.statement(opening)  # the blocks tell
        assert (statement.incoming, statement.unexplained) == (40, 0)


async def test_a_tron_balance_is_of_the_block_that_stood_all_the_while(tron: TronWorld) -> None:
    reader, opening = await opened(tron)

    async def moves_on() -> None:
        await tron.pay_raw(1)

    tron.node.before = moves_on
    with pytest.raises(ChainUnavailable, match="faster than it answers"):
        await reader.auditor.statement(opening)
    tron.node.before = None
    await tron.settle()
    assert (await reader.auditor.statement(opening)).unexplained == 0


async def test_a_tron_node_that_stands_still_is_behind(tron: TronWorld) -> None:
    reader, opening = await opened(tron)
    tron.pass_time(tron.chain.stale_after * 2)
    with pytest.raises(ChainBehind, match="stands at"):
        await reader.auditor.statement(opening)


async def test_blocks_that_do_not_follow_on_each_other_tell_nothing(tron: TronWorld) -> None:
    reader, opening = await opened(tron)
    await tron.settle()

    def is_astray(block: dict[str, Any]) -> dict[str, Any]:
        raw = block["block_header"]["raw_data"]
        if raw.get("number") != opening.point.height + 3:
            return block
        return {**block, "block_header": {"raw_data": {**raw, "parentHash": "57" * 32}}}

    lies, refusal = editing("getblockbynum", is_astray), pytest.raises(ChainUnavailable, match="not follow")
    with tron.tron.without_index(), tron.node.answering(lies), refusal:
        await reader.auditor.statement(opening)
