"""What exactly is credited: every unit of every transfer, however many come at once."""

import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.chains.optional import require

require("web3", "evm")

from ytmarket.adapters.chains.evm import reading
from ytmarket.adapters.chains.evm.chains import CHAINS
from ytmarket.adapters.chains.evm.library import Web3
from ytmarket.adapters.chains.evm.reader import EvmReader
from ytmarket.application.ports.chain_reader import Page
from ytmarket.domain.money import ZERO, Usdt
from ytmarket.domain.networks import Network
from ytmarket.testing.chains.evm import TOKEN, EvmWorld, new_evm_world
from ytmarket.testing.chains.evm_contracts import PAYER, PAYMASTER, STRANGER
from ytmarket.testing.contracts.chain_reader import amounts, drain

pytestmark = pytest.mark.anyio


@pytest.fixture
async def world(anvil_program: Path) -> AsyncIterator[EvmWorld]:
    async with new_evm_world(anvil_program, CHAINS[Network.BSC]) as world:
        yield world


async def test_eighteen_decimals_are_kept_and_floored_to_the_micro(world: EvmWorld) -> None:
    reader = world.reader()
    start = await reader.start()
    micro = 10**12
    sent = {
        1: ZERO,
        micro - 1: ZERO,
        micro: Usdt(1),
        2 * micro - 1: Usdt(1),
        99_999_999_999_999_999_999: Usdt.of("99.999999"),
        123_456_789_012_345_678_901_234_567: Usdt.of("123456789.012345"),
    }
    for raw in sent:
        await world.pay_raw(raw)
    await world.settle()
    deposits, _ = await drain(reader, start)
    assert {deposit.raw: deposit.amount for deposit in deposits} == sent
    assert {deposit.decimals for deposit in deposits} == {18}


async def test_the_largest_amount_that_a_token_can_hold_is_read(world: EvmWorld) -> None:
    reader = world.reader()
    start = await reader.start()
    await world.deal(STRANGER, 2**256 - 1)
    await world.send(TOKEN.call("transfer", world.wallet, 2**256 - 1), sender=STRANGER)
    await world.settle()
    (deposit,), _ = await drain(reader, start)
    assert deposit.raw == 2**256 - 1


async def test_hundreds_of_transfers_in_one_transaction_are_as_many_deposits(world: EvmWorld) -> None:
    reader = world.reader()
    start = await reader.start()
    tx_hash = await world.drip(500)
    await world.settle()
    deposits, _ = await drain(reader, start)
    assert [deposit.raw for deposit in deposits] == list(range(1, 501))
    assert [deposit.event_index for deposit in deposits] == list(range(500))
    assert {deposit.tx_hash for deposit in deposits} == {tx_hash}


async def test_a_page_ends_after_so_many_blocks_with_payments(
    world: EvmWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading, "PAGE_BLOCKS_MAX", 3)
    reader = world.reader()
    cursor = await reader.start()
    sent = [Usdt.of(number) for number in range(1, 9)]
    for amount in sent:
        await world.pay(amount, amount)
    await world.settle()
    pages = list[Page]()
    while not pages or pages[-1].more:
        pages.append(await reader.read(cursor))
        cursor = pages[-1].cursor
    assert [len(page.deposits) for page in pages] == [6, 6, 4]
    assert [deposit.amount for page in pages for deposit in page.deposits] == [
        amount for amount in sent for _ in range(2)
    ]


async def test_a_fee_on_transfers_is_not_credited(world: EvmWorld) -> None:
    reader = world.reader()
    start = await reader.start()
    await world.send(TOKEN.call("setFee", 100))
    await world.pay(Usdt.of(100))
    await world.settle()
    assert amounts((await drain(reader, start))[0]) == [Usdt.of(99)]


async def test_what_the_issuer_makes_for_us_is_a_deposit(world: EvmWorld) -> None:
    reader = world.reader()
    start = await reader.start()
    await world.send(TOKEN.call("mint", world.wallet, 10**18))
    await world.settle()
    (deposit,), _ = await drain(reader, start)
    assert (deposit.amount, deposit.sender) == (Usdt.of(1), f"0x{'0' * 40}")


async def test_a_deposit_names_who_paid_and_where_it_stands(world: EvmWorld) -> None:
    reader = world.reader()
    start = await reader.start()
    single, many = await world.pay(Usdt.of(1)), await world.pay(Usdt.of(2), Usdt.of(3))
    await world.settle()
    deposits, _ = await drain(reader, start)
    assert [deposit.sender for deposit in deposits] == [
        PAYER,
        *(2 * [Web3.to_checksum_address(PAYMASTER)]),
    ]
    for deposit in deposits:
        receipt = await world.anvil.call("eth_getTransactionReceipt", deposit.tx_hash)
        block = await world.anvil.block(receipt["blockNumber"])
        assert (hex(deposit.height), deposit.block_ref) == (block["number"], block["hash"])
        assert int(deposit.at.timestamp()) == int(block["timestamp"], 16)
    assert [deposit.tx_hash for deposit in deposits] == [single, many, many]


async def test_no_node_is_asked_more_often_than_it_may_be(world: EvmWorld) -> None:
    reader = EvmReader.connect(world.chain, world.wallet, [world.node.url], world.clock, calls_per_second=20)
    cursor = await reader.start()
    began = time.monotonic()
    for _ in range(40):
        await reader.read(cursor)
    assert time.monotonic() - began >= 1
    await reader.close()
