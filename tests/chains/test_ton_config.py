"""Wallets and configurations as operators give them to the TON reader: files, URLs, and mistakes."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.chains.optional import require

require("pytonlib", "ton")
require("aiohttp", "evm")

from aiohttp import web

from ytmarket.adapters.chains.ton.address import Address
from ytmarket.adapters.chains.ton.chain import MASTER
from ytmarket.adapters.inmemory.database import InMemoryDatabase
from ytmarket.application.deposits import ScanService
from ytmarket.application.paying import Payees
from ytmarket.application.ports.chain_reader import (
    ChainMisconfigured,
    ChainRateLimited,
    ChainUnavailable,
)
from ytmarket.domain.further_networks import source_of
from ytmarket.domain.money import Usdt
from ytmarket.domain.networks import Network
from ytmarket.domain.times import epoch_seconds
from ytmarket.testing.chains.faults import HASTY, Fault
from ytmarket.testing.chains.ton import FAULTY_PORT, SPARE_PORT, TonWorld, config_of, new_ton_world
from ytmarket.testing.chains.ton_sandbox import TonSandbox
from ytmarket.testing.chains.ton_wire import Answer, Query
from ytmarket.testing.contracts.chain_reader import amounts, drain
from ytmarket.testing.contracts.node_reader import trouble_of

pytestmark = pytest.mark.anyio

KEY = "k3y-of-mine"
TESTNET = {
    "root_hash": "gj+B8wb/AmlPk1z1AhVI484rhrUpgSr2oSFIh56VoSg=",
    "file_hash": "Z+IKwYS54DmmJmesw/nAD5DzadnOCMzee+kdgSYDOg8=",
}
SOMEBODY = Address(0, "ab" * 32)
TESTNET_SPELLING = "0QCrq6urq6urq6urq6urq6urq6urq6urq6urq6urq6urqyNr"


@pytest.fixture
async def world(ton_sandbox: TonSandbox) -> AsyncIterator[TonWorld]:
    async with new_ton_world(ton_sandbox) as world:
        yield world


Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@asynccontextmanager
async def served(handler: Handler) -> AsyncIterator[str]:
    """The URL at which this answers, with a key in its path."""
    app = web.Application()
    app.router.add_get(f"/{KEY}/global.config.json", handler)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    host, port = runner.addresses[0][:2]
    try:
        yield f"http://{host}:{port}/{KEY}/global.config.json"
    finally:
        await runner.cleanup()


async def test_a_configuration_may_be_fetched(world: TonWorld) -> None:
    fetched = 0

    async def answer(_: web.Request) -> web.Response:
        nonlocal fetched
        fetched += 1
        return web.json_response(config_of(FAULTY_PORT))

    async with served(answer) as url:
        reader = world.reader_of(url)
        start = await reader.start()
        await world.pay(Usdt.of(5))
        await world.settle()
        assert amounts((await drain(reader, start))[0]) == [Usdt.of(5)]
    assert fetched == 1


UNAVAILABLE = {
    "not there": lambda: web.Response(status=404),
    "broken": lambda: web.Response(status=503, text=f"no access with {KEY}"),
    "elsewhere": lambda: web.Response(status=302, headers={"Location": "http://127.0.0.1:9/"}),
    "a web page": lambda: web.Response(text="<h1>Welcome</h1>", content_type="text/html"),
    "nothing": lambda: web.Response(text=""),
    "an error in JSON": lambda: web.json_response({"error": "temporarily unavailable"}),
    "a list": lambda: web.Response(text='{"liteservers":[[]]}'),
    "no lite server": lambda: web.json_response(config_of()),
    "nests of lists": lambda: web.Response(text='{"":' + "[" * 100_000),
    "too much": lambda: web.Response(body=b"{" + b" " * 2**20),
}


@pytest.mark.parametrize("response", UNAVAILABLE.values(), ids=UNAVAILABLE.keys())
async def test_a_configuration_that_cannot_be_had_now_may_be_had_later(
    world: TonWorld, response: Callable[[], web.Response]
) -> None:
    given = response

    async def answer(_: web.Request) -> web.Response:
        return given()

    async with served(answer) as url:
        reader = world.reader_of(url)
        trouble = await trouble_of(reader, None)
        assert type(trouble) is ChainUnavailable
        assert KEY not in str(trouble)
        given = lambda: web.json_response(config_of(FAULTY_PORT))  # noqa: E731 - what is given next
        await reader.start()


async def test_a_url_that_gives_another_network_s_configuration_is_refused(world: TonWorld) -> None:
    async def answer(_: web.Request) -> web.Response:
        return web.json_response(of_testnet(Path()))

    async with served(answer) as url:
        trouble = await trouble_of(world.reader_of(url, world.config(SPARE_PORT)), None)
    assert isinstance(trouble, ChainMisconfigured)


async def test_who_gives_configurations_is_left_alone_as_long_as_it_asks(world: TonWorld) -> None:
    async def answer(_: web.Request) -> web.Response:
        return web.Response(status=429, headers={"Retry-After": "7"})

    async with served(answer) as url:
        trouble = await trouble_of(world.reader_of(url), None)
    assert isinstance(trouble, ChainRateLimited)
    assert trouble.retry_after == 7


async def test_a_configuration_that_comes_byte_by_byte_is_given_up(world: TonWorld) -> None:
    world.timeout = HASTY
    over = asyncio.Event()

    async def answer(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        while not over.is_set():
            await response.write(b" ")
            await asyncio.sleep(0.05)
        return response

    async with served(answer) as url:
        trouble = await trouble_of(world.reader_of(url), None)
        over.set()
    assert type(trouble) is ChainUnavailable
    assert "in time" in str(trouble)


async def test_nobody_listens_at_the_url(world: TonWorld) -> None:
    trouble = await trouble_of(world.reader_of(f"http://127.0.0.1:1/{KEY}"), None)
    assert type(trouble) is ChainUnavailable
    assert KEY not in str(trouble)


async def test_another_configuration_is_used_while_one_cannot_be_had(world: TonWorld) -> None:
    reader = world.reader_of("http://127.0.0.1:1/", world.config(SPARE_PORT))
    await reader.start()
    assert (world.wire.opened, world.spare.opened) == (0, 1)


@pytest.mark.parametrize(
    "text",
    [
        "nowhere",
        "http://",
        "http://[::1",
        "http://127.0.0.1:0/",
        f"ftp://127.0.0.1/{KEY}",
        "liteserver:1.2.3.4:5",
        f"http://node.example/{KEY}",
        f"http://192.0.2.1/{KEY}",
        f"http://localhost.node.example/{KEY}",
    ],
)
async def test_what_is_neither_a_file_nor_a_safe_url_is_refused_at_once(world: TonWorld, text: str) -> None:
    with pytest.raises(ChainMisconfigured, match="YTMARKET_TON_RPC") as caught:
        world.reader_of(text)
    assert KEY not in str(caught.value)


@pytest.mark.parametrize("url", ["https://node.example/x", "http://localhost:1/", "http://[::1]:1/"])
async def test_an_encrypted_url_and_one_of_this_machine_are_safe(world: TonWorld, url: str) -> None:
    world.reader_of(url)


async def test_without_any_configuration_there_is_no_reader(world: TonWorld) -> None:
    with pytest.raises(ChainMisconfigured, match="YTMARKET_TON_RPC"):
        world.reader_of()


def of_testnet(_: Path) -> Any:
    config = config_of(FAULTY_PORT)
    return {**config, "validator": {**config["validator"], "zero_state": TESTNET}}


WRONG_FILES: dict[str, Callable[[Path], Any]] = {
    "the test network": of_testnet,
    "the test network by its file alone": lambda _: {
        **config_of(FAULTY_PORT),
        "validator": {
            "zero_state": {**config_of()["validator"]["zero_state"], "file_hash": TESTNET["file_hash"]}
        },
    },
    "no lite server": lambda _: config_of(),
    "no beginning": lambda _: {**config_of(FAULTY_PORT), "validator": {}},
    "no port": lambda _: {**config_of(FAULTY_PORT), "liteservers": [{"ip": 1, "port": 0, "id": {}}]},
    "a list": lambda _: [config_of(FAULTY_PORT)],
}


@pytest.mark.parametrize("content", WRONG_FILES.values(), ids=WRONG_FILES.keys())
async def test_a_configuration_that_does_not_fit_is_refused(
    world: TonWorld, content: Callable[[Path], Any]
) -> None:
    path = world.folder / "config.json"
    path.write_text(json.dumps(content(path)))
    trouble = await trouble_of(world.reader_of(str(path)), None)
    assert isinstance(trouble, ChainMisconfigured)
    assert "YTMARKET_TON_RPC" in str(trouble)
    assert world.wire.opened == 0, "nothing is sent to anybody by a wrong configuration"


@pytest.mark.parametrize("name", ["missing.json", ".", "large.json", "garbage.json"])
async def test_a_file_that_cannot_be_read_is_told_of_without_its_path(world: TonWorld, name: str) -> None:
    (world.folder / "large.json").write_bytes(b"{" + b" " * 2**20 + b"}")
    (world.folder / "garbage.json").write_bytes(b"\xff\x00")
    trouble = await trouble_of(world.reader_of(str(world.folder / name)), None)
    assert isinstance(trouble, ChainMisconfigured)
    assert "a local file (no. 1 of YTMARKET_TON_RPC)" in str(trouble)
    assert str(world.folder) not in str(trouble)


def let_time_pass_for_the_chain_too(world: TonWorld) -> None:
    def edit(_query: Query, answer: Answer) -> Answer:
        is_head = "sync_utime" in answer
        return {**answer, "sync_utime": epoch_seconds(world.clock.now())} if is_head else answer

    world.wire.edit = world.spare.edit = edit


async def test_a_configuration_is_got_anew_once_all_its_servers_are_gone(world: TonWorld) -> None:
    let_time_pass_for_the_chain_too(world)
    path = world.folder / "config.json"
    path.write_text(json.dumps(config_of(FAULTY_PORT)))
    reader = world.reader_of(str(path))
    start = await reader.start()
    await world.pay(Usdt.of(5))
    await world.settle()
    path.write_text(json.dumps(config_of(SPARE_PORT)))
    with world.wire.having(Fault.HANGS_UP):
        assert isinstance(await trouble_of(reader, start), ChainUnavailable)
        assert isinstance(await trouble_of(reader, start), ChainUnavailable), "it is young"
        world.clock.advance(timedelta(hours=1, seconds=1))
        assert isinstance(await trouble_of(reader, start), ChainUnavailable)
        assert world.wire.opened == 0
        assert amounts((await drain(reader, start))[0]) == [Usdt.of(5)]


async def test_a_configuration_whose_servers_served_a_moment_ago_is_kept(world: TonWorld) -> None:
    let_time_pass_for_the_chain_too(world)
    reader = world.reader_of(world.config(FAULTY_PORT))
    start = await reader.start()
    world.clock.advance(timedelta(hours=2))
    await world.pay(Usdt.of(5))
    await world.settle()
    _, end = await drain(reader, start)
    with world.wire.having(Fault.HANGS_UP):
        assert isinstance(await trouble_of(reader, end), ChainUnavailable)
        assert world.wire.opened == 1, "nor is it proved anew"
        world.clock.advance(timedelta(hours=1, seconds=1))
        assert isinstance(await trouble_of(reader, end), ChainUnavailable)
        assert world.wire.opened == 0


async def test_what_tonlib_has_proved_is_kept_for_the_next_client_and_then_removed(world: TonWorld) -> None:
    reader = world.reader_of(world.config(FAULTY_PORT, SPARE_PORT))
    await reader.start()
    folders = set(world.wire.folders)
    with world.wire.having(Fault.BREAKS_OFF):
        await reader.start()
    folders |= set(world.spare.folders)
    assert len(folders) == 1
    (folder,) = folders
    assert folder.is_dir()
    await reader.close()
    assert not folder.exists()


@pytest.mark.parametrize(
    "text",
    [
        "",
        "EQ",
        "nonsense",
        SOMEBODY.raw,
        SOMEBODY.account,
        TESTNET_SPELLING,
        str(SOMEBODY)[:-1] + "l",  # one letter mistyped
        str(SOMEBODY) + "A",
        str(Address(-1, "ab" * 32)),
        str(Address(0, "0" * 64)),
        str(MASTER),
        MASTER.friendly,
    ],
)
async def test_a_wallet_that_is_none_is_refused_by_its_setting(world: TonWorld, text: str) -> None:
    with pytest.raises(ChainMisconfigured, match="YTMARKET_TON_WALLET"):
        world.reader_of(world.config(1), wallet=text or " ")


async def test_a_jetton_wallet_is_not_a_wallet(world: TonWorld) -> None:
    """Explorers show it first, and money that is sent to it by hand is lost."""
    await world.pay(Usdt.of(1))
    await world.settle()
    workchain, account = world.shop.account.split(":")
    theirs = str(Address(int(workchain), account))
    trouble = await trouble_of(world.reader_of(world.config(FAULTY_PORT), wallet=theirs), None)
    assert isinstance(trouble, ChainMisconfigured)
    assert "YTMARKET_TON_WALLET" in str(trouble)


def test_an_address_has_many_spellings() -> None:
    assert Address.of_text(SOMEBODY.friendly) == Address.of_text(str(SOMEBODY)) == SOMEBODY
    assert (SOMEBODY.friendly[:2], str(SOMEBODY)[:2]) == ("UQ", "EQ")
    spelled = Address(0, "f" * 64).friendly
    assert {"-", "_"} & set(spelled)
    assert Address.of_text(spelled.replace("-", "+").replace("_", "/")) == Address(0, "f" * 64)
    with pytest.raises(ValueError, match="test network"):
        Address.of_text(TESTNET_SPELLING)


async def test_another_spelling_of_the_wallet_is_read_on(world: TonWorld) -> None:
    uq = world.shop.address
    eq = str(Address.of_text(uq))
    spellings = {uq, eq, eq.replace("-", "+").replace("_", "/")}
    assert {source_of(Network.TON, spelling) for spelling in spellings} == {uq}
    database = InMemoryDatabase()
    scanner = ScanService(new_unit_of_work=database.unit_of_work, clock=world.clock)
    for number, spelling in enumerate([eq, uq, eq], start=1):
        reader = world.reader_of(world.config(FAULTY_PORT), wallet=spelling)
        await scanner.watch([reader])
        assert await scanner.scan(reader) == (1 if number > 1 else 0)
        payees = Payees(wallets={Network.TON: spelling}, only_read=True)
        async with database.unit_of_work() as uow:
            assert await payees.address(uow, Network.TON) == spelling, "clients are told it as it was set"
        await world.pay(Usdt.of(number))
        await world.settle()
    (state,) = await database.queries.network_states()
    assert state.wallet == uq
    assert len(await database.queries.coverage(Network.TON, state.wallet)) == 1


def test_what_is_no_address_is_kept_as_it_is() -> None:
    mistyped = str(SOMEBODY)[:-1] + "l"
    for text in ("", "devnet", mistyped, TESTNET_SPELLING, "é" * 48):
        assert source_of(Network.TON, text) == text
    assert source_of(Network.TRON, str(SOMEBODY)) == str(SOMEBODY)
