"""What exactly is credited on TRON: every unit of every transfer, where and when it happened."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.chains.optional import require

require("tronpy", "tron")

from ytmarket.adapters.chains.tron.position import Position
from ytmarket.adapters.chains.tron.reader import TronReader
from ytmarket.adapters.chains.tron.wallet import Address
from ytmarket.application.ports.chain_reader import Page
from ytmarket.domain.money import Usdt
from ytmarket.testing.chains.evm_contracts import FORGER, PAYER, PAYMASTER, STRANGER
from ytmarket.testing.chains.java_tron import BLOCKS_TO_SOLID
from ytmarket.testing.chains.tron import BATCH, FORGED, TOKEN, TronWorld, new_tron_world
from ytmarket.testing.contracts.chain_reader import amounts, drain

pytestmark = pytest.mark.anyio


@pytest.fixture
async def world(anvil_program: Path) -> AsyncIterator[TronWorld]:
    async with new_tron_world(anvil_program) as world:
        yield world


async def test_a_payment_appears_with_the_nineteenth_block_on_top(world: TronWorld) -> None:
    reader = world.reader()
    cursor = await reader.start()
    await world.pay(Usdt.of(5))
    for _ in range(BLOCKS_TO_SOLID - 1):
        await world.anvil.mine(1)
        deposits, cursor = await drain(reader, cursor)
        assert deposits == []
    await world.anvil.mine(1)
    assert amounts((await drain(reader, cursor))[0]) == [Usdt.of(5)]


async def test_hundreds_of_transfers_in_one_transaction_are_as_many_deposits(world: TronWorld) -> None:
    reader = world.reader()
    start = await reader.start()
    tx_id = await world.drip(500)
    await world.settle()
    deposits, _ = await drain(reader, start)
    assert [deposit.raw for deposit in deposits] == list(range(1, 501))
    assert [deposit.event_index for deposit in deposits] == list(range(500))
    assert {deposit.tx_hash for deposit in deposits} == {tx_id}


async def test_events_are_numbered_among_all_of_their_block(world: TronWorld) -> None:
    reader = world.reader()
    start = await reader.start()
    everybody = [STRANGER, world.wallet, STRANGER, world.wallet]
    calls = [
        BATCH.call("pay", world.token, everybody, [1, 2, 3, 4]),
        BATCH.call("payAndFail", world.token, world.wallet, 5),
        BATCH.call("pay", world.token, everybody, [6, 7, 8, 9]),
    ]
    transactions = [{"from": PAYER, "to": PAYMASTER, "data": data, "gas": hex(10**7)} for data in calls]
    forged = FORGED.call("forge", PAYER, world.wallet, 10)
    transactions.insert(0, {"from": PAYER, "to": FORGER, "data": forged, "gas": hex(10**7)})
    # One block: another contract's event, two payments, one that fails between them, and some TRX.
    await world.anvil.batch([*(("eth_sendTransaction", [one]) for one in transactions)])
    await world.tron.add_native("TransferContract", {"amount": 1})
    receipts = await world.anvil.call("eth_getBlockReceipts", hex(await world.anvil.number()))
    assert len(receipts) == 4
    theirs = {
        int(log["data"], 16): int(log["logIndex"], 16) for receipt in receipts for log in receipt["logs"]
    }
    await world.settle()
    for reader_again in (reader, world.hasty_reader()):
        deposits, _ = await drain(reader_again, start)
        assert [(deposit.raw, deposit.event_index) for deposit in deposits] == [
            (raw, theirs[raw]) for raw in (2, 4, 7, 9)
        ]


async def test_the_largest_amount_that_a_token_can_hold_is_read(world: TronWorld) -> None:
    reader = world.reader()
    start = await reader.start()
    await world.deal(STRANGER, 2**256 - 1)
    await world.send(TOKEN.call("transfer", world.wallet, 2**256 - 1), sender=STRANGER)
    await world.settle()
    (deposit,), _ = await drain(reader, start)
    assert deposit.raw == 2**256 - 1


async def test_a_fee_on_transfers_is_not_credited(world: TronWorld) -> None:
    reader = world.reader()
    start = await reader.start()
    await world.send(TOKEN.call("setFee", 100))
    await world.pay(Usdt.of(100))
    await world.settle()
    assert amounts((await drain(reader, start))[0]) == [Usdt.of(99)]


async def test_a_deposit_names_who_paid_and_where_it_stands(world: TronWorld) -> None:
    reader = world.reader()
    start = await reader.start()
    single, many = await world.pay(Usdt.of(1)), await world.pay(Usdt.of(2), Usdt.of(3))
    await world.settle()
    deposits, _ = await drain(reader, start)
    payer, paymaster = (Address.of_body(one[2:].lower()).text for one in (PAYER, PAYMASTER))
    assert [deposit.sender for deposit in deposits] == [payer, paymaster, paymaster]
    assert [deposit.tx_hash for deposit in deposits] == [single, many, many]
    for deposit in deposits:
        receipt = await world.anvil.call("eth_getTransactionReceipt", f"0x{deposit.tx_hash}")
        block = await world.anvil.block(receipt["blockNumber"])
        assert deposit.height == int(block["number"], 16)
        assert deposit.block_ref == f"{deposit.height:016x}{block['hash'][18:]}"
        assert deposit.at == datetime.fromtimestamp(int(block["timestamp"], 16), UTC)
        assert deposit.recipient == world.address.text


async def test_a_page_ends_after_so_many_blocks(world: TronWorld) -> None:
    start = await world.reader().start()
    sent = [Usdt.of(number) for number in range(1, 8)]
    for amount in sent:
        await world.pay(amount)
    await world.settle()
    became_solid = await world.tron.solid() - Position.read(start).last
    for blocks in (1, 3, 13, 10_000):
        pages, cursor = list[Page](), start
        reader = world.reader_of(world.node.url, blocks_per_page=blocks)
        while not pages or pages[-1].more:
            pages.append(await reader.read(cursor))
            cursor = pages[-1].cursor
        found = [deposit.amount for page in pages for deposit in page.deposits]
        assert (found, len(pages)) == (sent, -(-became_solid // blocks))


async def test_what_was_read_reaches_to_the_time_of_the_last_solid_block(world: TronWorld) -> None:
    reader = world.reader()
    page = await reader.read(await reader.start())
    await world.anvil.call("evm_increaseTime", 60)
    await world.settle()
    await world.anvil.mine(1)
    later = await reader.read(page.cursor)
    block = await world.anvil.block(hex(await world.tron.solid()))
    assert later.deposits == ()
    assert later.read_until == datetime.fromtimestamp(int(block["timestamp"], 16), UTC)
    assert later.read_until > page.read_until


async def test_a_poll_costs_one_call_and_each_block_two(world: TronWorld) -> None:
    reader = world.reader()
    cursor = await reader.start()
    assert world.node.calls == [
        *("walletsolidity/getblockbynum", "walletsolidity/triggerconstantcontract"),  # once for each node
        "walletsolidity/getnowblock",
    ]
    await world.anvil.mine(2)
    world.node.calls.clear()
    page = await reader.read(cursor)
    assert sorted(world.node.calls) == [
        *(["walletsolidity/getblockbynum"] * 2),
        "walletsolidity/getnowblock",
        *(["walletsolidity/gettransactioninfobyblocknum"] * 2),
    ]
    world.node.calls.clear()
    assert (await reader.read(page.cursor)).cursor == page.cursor
    assert world.node.calls == ["walletsolidity/getnowblock"]


async def test_some_of_the_chain_can_be_read_once_more(world: TronWorld) -> None:
    reader: TronReader = world.reader()
    start = await reader.start()
    await world.pay(Usdt.of(5))
    await world.settle()
    deposits, end = await drain(reader, start)
    assert await drain(reader, await reader.cursor_at(deposits[0].height)) == (deposits, end)
    assert (await drain(reader, await reader.cursor_at(deposits[0].height + 1)))[0] == []
    assert amounts((await drain(reader, await reader.cursor_at(0)))[0]) == [Usdt.of(5)]
