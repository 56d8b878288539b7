"""TRON by lists of events: the same deposits as by blocks, and blocks wherever a list cannot be trusted."""

import logging
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import attrs
import pytest

from tests.chains.optional import require

require("tronpy", "tron")

from ytmarket.adapters.chains.tron import listing
from ytmarket.application.ports.chain_reader import ChainGap, ChainRateLimited, ChainUnavailable, Cursor
from ytmarket.testing.chains.evm_contracts import STRANGER
from ytmarket.testing.chains.faults import HASTY, Fault
from ytmarket.testing.chains.faulty_node import Call, Edit
from ytmarket.testing.chains.tron import TOKEN, TronWorld, editing, new_tron_world
from ytmarket.testing.contracts import NodeReaderContract
from ytmarket.testing.contracts.chain_reader import drain
from ytmarket.testing.contracts.node_reader import trouble_of

pytestmark = pytest.mark.anyio

BLOCKS = "walletsolidity/getblockbynum"
INFOS = "walletsolidity/gettransactioninfobyblocknum"


@pytest.fixture
async def chain(request: pytest.FixtureRequest, anvil_program: Path) -> AsyncIterator[TronWorld]:
    async with new_tron_world(anvil_program) as world:
        world.by_lists = True
        if Fault.IS_SILENT.value in request.node.name:
            world.timeout = HASTY
        yield world


async def others_pay(world: TronWorld, *, times: int = 1) -> None:
    """Somebody pays somebody else, as happens in nearly every block."""
    for _ in range(times):
        await world.send(TOKEN.call("transfer", STRANGER, 1))


def refusing_lists(words: str) -> Edit:
    """Answer every request for a list with this error."""

    def edit(call: Call, reply: Any) -> Any:
        if not call["method"].endswith("eth_getLogs"):
            return reply
        return {"jsonrpc": "2.0", "id": call["id"], "error": {"code": -32005, "message": words}}

    return edit


class TestTronReaderByLists(NodeReaderContract):
    async def test_both_ways_give_the_same_deposits(self, chain: TronWorld) -> None:
        start = await chain.reader().start()
        for amount in range(1, 6):
            await chain.pay_raw(amount, 10 * amount)
            await chain.make_noise()
        await chain.pay_raw(7)
        await chain.settle()
        listed, end = await drain(chain.reader(), start)
        asked = set(chain.node.calls)
        chain.by_lists = False
        read, same = await drain(chain.reader(), start)
        assert [deposit.raw for deposit in listed] == [1, 10, 2, 20, 3, 30, 4, 40, 5, 50, 7]
        assert (listed, end) == (read, same)
        assert "eth_getLogs" in asked

    async def test_a_poll_costs_three_calls_however_many_blocks_there_are(self, chain: TronWorld) -> None:
        reader, cursor = await self._trusted(chain)
        await chain.anvil.mine(60)
        chain.node.calls.clear()
        page = await reader.read(cursor)
        assert not page.more
        assert sorted(chain.node.calls) == ["eth_getLogs", BLOCKS, "walletsolidity/getnowblock"]

    async def test_a_hole_in_the_index_is_read_by_blocks(
        self, chain: TronWorld, caplog: pytest.LogCaptureFixture
    ) -> None:
        reader = chain.reader()
        start = await reader.start()
        await chain.pay_raw(5)
        with chain.tron.without_index(await chain.anvil.number()):
            await chain.settle()
            with caplog.at_level(logging.WARNING):
                deposits, _ = await drain(reader, start)
        assert [deposit.raw for deposit in deposits] == [5]
        assert "blocks are read instead" in caplog.text
        assert chain.secret not in caplog.text

    async def test_a_node_without_json_rpc_is_read_by_blocks(self, chain: TronWorld) -> None:
        reader = chain.reader()
        start = await reader.start()
        await chain.pay_raw(5)
        await chain.settle()
        with chain.tron.without_index():
            deposits, _ = await drain(reader, start)
        assert [deposit.raw for deposit in deposits] == [5]
        assert INFOS in chain.node.calls

    async def test_a_backlog_is_tried_at_its_old_end_as_well(
        self, chain: TronWorld, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        reader, cursor = await self._trusted(chain)
        await chain.pay_raw(5)
        hole = await chain.anvil.number()
        await chain.anvil.mine(listing.SHORT_BLOCKS + 20)
        await others_pay(chain)
        await chain.settle()
        monkeypatch.setattr(listing, "CANARY_BLOCKS", 30)
        with chain.tron.without_index(hole):
            deposits, _ = await drain(reader, cursor)
        assert [deposit.raw for deposit in deposits] == [5]

    async def test_a_long_backlog_is_listed_in_one_page(
        self, chain: TronWorld, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(listing, "CANARY_BLOCKS", 30)  # blocks here are emptier than TRON's
        reader, cursor = await self._trusted(chain)
        await chain.pay_raw(5)
        await chain.anvil.mine(listing.SHORT_BLOCKS + 20)
        await others_pay(chain)
        await chain.settle()
        page = await reader.read(cursor)
        assert [deposit.raw for deposit in page.deposits] == [5]
        assert not page.more

    async def test_an_index_is_tried_again_after_an_hour(self, chain: TronWorld) -> None:
        reader, cursor = await self._trusted(chain)
        await others_pay(chain)
        hole = await chain.anvil.number()
        await chain.settle()
        (node,) = reader._rotation.nodes
        assert node.index is not None
        node.index = attrs.evolve(node.index, until=chain.clock.now())
        with chain.tron.without_index(hole):
            _, cursor = await drain(reader, cursor)
            assert node.index is not None
            assert not node.index.is_sound
        chain.node.calls.clear()
        await others_pay(chain)
        await chain.settle()
        await drain(reader, cursor)
        assert "eth_getLogs" not in chain.node.calls  # once found wanting, not believed for an hour

    async def test_a_page_ends_with_a_block(self, chain: TronWorld) -> None:
        _, cursor = await self._trusted(chain)
        reader = chain.hasty_reader()
        await chain.pay_raw(1, 2)
        await chain.pay_raw(3, 4)
        await chain.pay_raw(5)
        await chain.settle()
        first = await reader.read(cursor)
        assert [deposit.raw for deposit in first.deposits] == [1, 2, 3, 4]
        assert first.more
        rest, _ = await drain(reader, first.cursor)
        assert [deposit.raw for deposit in rest] == [5]

    @pytest.mark.parametrize(
        "change",
        [
            lambda _info: {},
            lambda info: {**info, "blockNumber": info["blockNumber"] - 1},
            lambda info: {**info, "receipt": {"result": "REVERT"}},
            lambda info: {**info, "log": [{**log, "data": f"{9:064x}"} for log in info["log"]]},
            lambda info: {**info, "log": info["log"] * 2},
            lambda info: {**info, "log": [{**log, "data": "09"} for log in info["log"]]},
        ],
        ids=["unknown", "another block", "failed", "another amount", "another count", "another form"],
    )
    async def test_what_the_receipt_does_not_say_is_not_believed(self, chain: TronWorld, change: Any) -> None:
        reader, cursor = await self._trusted(chain)
        await chain.pay_raw(5)
        await chain.settle()
        lies = editing("gettransactioninfobyid", change)
        with chain.node.answering(lies), pytest.raises(ChainUnavailable):
            await reader.read(cursor)
        assert [deposit.raw for deposit in (await drain(reader, cursor))[0]] == [5]

    @pytest.mark.parametrize(
        "words",
        ["Request rate limit exceeded", "Exceeded the quota usage", "too many requests: limit exceeded"],
    )
    async def test_a_rate_limit_on_lists_is_no_matter_of_their_length(
        self, chain: TronWorld, words: str
    ) -> None:
        start = await chain.reader().start()
        await chain.pay_raw(5)
        await chain.settle()
        with chain.node.answering(refusing_lists(words)):
            read, _ = await drain(chain.reader_with_spare(), start)
            assert [deposit.raw for deposit in read] == [5]
            assert chain.node.calls.count("eth_getLogs") == 1
            assert isinstance(await trouble_of(chain.reader(), start), ChainRateLimited)
        reader, cursor = await self._trusted(chain)
        await chain.anvil.mine(60)
        chain.node.calls.clear()
        with chain.node.answering(refusing_lists(words)):
            assert isinstance(await trouble_of(reader, cursor), ChainRateLimited)
        assert chain.node.calls.count("eth_getLogs") == 1

    async def test_a_node_that_lists_not_even_one_block_is_read_by_blocks(self, chain: TronWorld) -> None:
        start = await chain.reader().start()
        await chain.pay_raw(5)
        await chain.settle()
        with chain.node.answering(refusing_lists("query returned more than 0 results")):
            deposits, _ = await drain(chain.reader(), start)
        assert [deposit.raw for deposit in deposits] == [5]

    async def test_another_branch_is_a_gap(self, chain: TronWorld) -> None:
        reader, cursor = await self._trusted(chain)
        await others_pay(chain)
        await chain.settle()
        elsewhere = Cursor(cursor.replace(cursor[20:24], "ffff"))
        with pytest.raises(ChainGap, match="another block"):
            await reader.read(elsewhere)

    async def _trusted(self, chain: TronWorld) -> tuple[Any, Cursor]:
        """A reader that has seen the node's list hold what its blocks hold."""
        reader = chain.reader()
        cursor = await reader.start()
        await others_pay(chain)
        await chain.settle()
        page = await reader.read(cursor)
        assert "eth_getLogs" in chain.node.calls
        return reader, page.cursor
