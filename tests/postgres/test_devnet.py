"""Devnet in the shop's database: what only several writers, or several processes, can break."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta

import anyio
import attrs
import psycopg
import pytest

from tests.contract.conftest import OpenDatabase
from ytmarket.adapters.postgres.database import PostgresDatabase
from ytmarket.adapters.postgres.devnet import SEND, PostgresDevnet
from ytmarket.adapters.postgres.devnet_reader import ONE_AT_A_TIME
from ytmarket.adapters.postgres.settings import WrongDatabase, claim_database
from ytmarket.application.ports.chain_reader import ChainGap, Cursor, Page
from ytmarket.application.ports.devnet import DevnetTransfer
from ytmarket.domain.money import Usdt
from ytmarket.domain.networks import Network

pytestmark = pytest.mark.anyio


@pytest.fixture
def devnet(postgres: OpenDatabase) -> PostgresDevnet:
    return PostgresDevnet(postgres.store)


@pytest.fixture
async def another_process(postgres: OpenDatabase) -> AsyncIterator[PostgresDatabase]:
    store = await PostgresDatabase.open(postgres.dsn, durable=False)
    yield store
    await store.close()


async def test_a_reader_beside_eight_writers_misses_nothing(devnet: PostgresDevnet) -> None:
    """Numbers are given in the order of commits; otherwise a slow writer's transfer stays unread."""
    network, sent, pages = Network.POLYGON, set[str](), list[Page]()
    reader = attrs.evolve(devnet.reader(network), page_size=7)
    writing = 8

    async def write(number: int) -> None:
        nonlocal writing
        for cents in range(25):
            amount = Usdt.of(1 + number) + Usdt.cents(cents)
            sent.add(await devnet.send(DevnetTransfer(network=network, amount=amount)))
        writing -= 1

    async def read(cursor: Cursor) -> None:
        while writing or pages[-1].more:
            pages.append(await reader.read(cursor))
            cursor = pages[-1].cursor
        pages.append(await reader.read(cursor))

    start = await reader.start()
    async with anyio.create_task_group() as group:
        for number in range(8):
            group.start_soon(write, number)
        group.start_soon(read, start)
    deposits = [deposit for page in pages for deposit in page.deposits]
    assert len(deposits) == len(sent) == 200
    assert {deposit.tx_hash for deposit in deposits} == sent
    assert [d.height for d in deposits] == sorted(d.height for d in deposits)
    for number, page in enumerate(pages):
        later = [deposit for other in pages[number + 1 :] for deposit in other.deposits]
        assert all(deposit.at >= page.read_until for deposit in later)


async def test_a_transfer_under_way_holds_up_those_after_it_and_the_readers(
    postgres: OpenDatabase, devnet: PostgresDevnet
) -> None:
    network, reader = Network.TRON, devnet.reader(Network.TRON)
    start, pages, happened = await reader.start(), list[Page](), list[str]()

    async def send() -> None:
        await devnet.send(DevnetTransfer(network=network, amount=Usdt.of(2)))
        happened.append("sent")

    async def read() -> None:
        pages.append(await reader.read(start))
        happened.append("read")

    slow = await psycopg.AsyncConnection.connect(postgres.dsn)
    async with anyio.create_task_group() as group, slow:
        await slow.execute(ONE_AT_A_TIME)
        await slow.execute(SEND, (network, Usdt.of(1).micros, None, None, timedelta(0)))
        group.start_soon(send)
        group.start_soon(read)
        await anyio.sleep(0.1)
        happened.append("committed")
    assert happened[0] == "committed"
    pages.append(await reader.read(pages[0].cursor))
    assert [deposit.amount for page in pages for deposit in page.deposits] == [Usdt.of(1), Usdt.of(2)]


async def test_a_backlog_is_not_called_read_before_it_is(devnet: PostgresDevnet) -> None:
    reader = attrs.evolve(devnet.reader(Network.TRON), page_size=1)
    start = await reader.start()
    for age in (0, 7_200, 3_600):
        await devnet.send(DevnetTransfer(network=Network.TRON, amount=Usdt.of(1), age_seconds=age))
    first = await reader.read(start)
    second = await reader.read(first.cursor)
    third = await reader.read(second.cursor)
    assert first.read_until == second.deposits[0].at  # the oldest of those to come
    assert second.read_until == third.deposits[0].at
    assert third.read_until >= first.deposits[0].at
    assert [page.more for page in (first, second, third)] == [True, True, False]


@pytest.mark.parametrize("cursor", ["", "-1", "1e3", "٣", "block 17", "0x10", "9" * 30, "1"])
async def test_a_cursor_that_is_not_devnets_is_no_place_to_go_on_from(
    devnet: PostgresDevnet, cursor: str
) -> None:
    with pytest.raises(ChainGap, match="devnet"):
        await devnet.reader(Network.TRON).read(Cursor(cursor))


async def test_wallets_look_like_addresses_and_no_chain_has_them(devnet: PostgresDevnet) -> None:
    wallets = {network: devnet.reader(network).wallet for network in Network}
    assert wallets == {network: devnet.wallet(network) for network in Network}
    assert {network.facts.family: len(wallet) for network, wallet in wallets.items()} == {
        "tron": 34,
        "evm": 42,
        "ton": 48,
        "solana": 44,
    }
    assert wallets[Network.TRON].startswith("T")
    assert int(wallets[Network.BSC], 16) > 0
    base58 = set("123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz")
    assert set(wallets[Network.TRON]) | set(wallets[Network.SOLANA]) <= base58


@pytest.mark.parametrize("devnet_first", [True, False])
async def test_a_database_is_devnets_or_not_since_its_first_start(
    postgres: OpenDatabase, another_process: PostgresDatabase, *, devnet_first: bool
) -> None:
    await claim_database(postgres.store, devnet=devnet_first)
    await claim_database(another_process, devnet=devnet_first)
    with pytest.raises(WrongDatabase) as refused:
        await claim_database(another_process, devnet=not devnet_first)
    said = str(refused.value)
    for name in ("YTMARKET_TRON_WALLET", "YTMARKET_DATABASE_URL", "YTMARKET_DATA_DIR"):
        assert name in said
    assert ("unset" in said) is devnet_first
    await claim_database(postgres.store, devnet=devnet_first)


async def test_of_two_first_starts_one_decides(
    postgres: OpenDatabase, another_process: PostgresDatabase
) -> None:
    outcomes = list[bool]()

    async def start(store: PostgresDatabase, *, devnet: bool) -> None:
        try:
            await claim_database(store, devnet=devnet)
        except WrongDatabase:
            outcomes.append(False)
        else:
            outcomes.append(True)

    async with anyio.create_task_group() as group:
        group.start_soon(lambda: start(postgres.store, devnet=True))
        group.start_soon(lambda: start(another_process, devnet=False))
    assert sorted(outcomes) == [False, True]
