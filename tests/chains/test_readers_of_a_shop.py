"""Wallets and nodes in the settings become the readers of a shop."""

import subprocess
import sys
from datetime import timedelta
from typing import Any

import pytest

from ytmarket.adapters.chains.evm.chains import Finality
from ytmarket.adapters.system.clock import SystemClock
from ytmarket.application.ports.chain_reader import ChainMisconfigured, ChainReader, Cursor
from ytmarket.domain.money import Usdt
from ytmarket.domain.networks import Network, WalletFamily
from ytmarket.entrypoints.readers import LOADERS, readers_of, wallets_of
from ytmarket.entrypoints.settings import Settings, SettingsError

pytestmark = pytest.mark.needs(modules=["web3", "tronpy", "pytonlib", "solana"])

EVM = "0x52908400098527886E0F7030069857D2E4169EE7"
NODE = ("http://127.0.0.1:9",)
SHIPPED = tuple(Network)


async def test_each_network_with_a_wallet_and_a_node_is_read() -> None:
    settings = Settings(
        tron_wallet="TR7NHqjeKQxGTCi8q8ZY4pL8otSzgjLj6t",
        evm_wallet=EVM,
        ton_wallet="UQCxE6mUtQJKFnGfaROTKOt1lZbDiiX1kCixRv7Nw2Id_pxp",
        solana_wallet="9WzDXwBbmkg8ZTbNMqUxvQRAyrZzDsGYdLVL9zYtAWWM",
        tron_rpc=NODE,
        polygon_rpc=NODE,
        arbitrum_rpc=NODE,
        ton_rpc=("/etc/ton/global.config.json", "https://node.example/global.config.json"),
        solana_rpc=NODE,
    )
    readers = readers_of(settings, SystemClock())
    read = {reader.network for reader in readers}
    for reader in readers:
        await reader.close()
    assert read == {Network.TRON, Network.POLYGON, Network.ARBITRUM, Network.TON, Network.SOLANA}


def test_a_wallet_that_is_no_address_is_told_of_by_its_setting() -> None:
    with pytest.raises(ChainMisconfigured, match="YTMARKET_EVM_WALLET"):
        readers_of(Settings(evm_wallet="0x1", polygon_rpc=NODE), SystemClock())


async def test_a_network_whose_settings_make_no_sense_keeps_no_other_from_being_read() -> None:
    settings = Settings(tron_wallet="nonsense", evm_wallet=EVM, tron_rpc=NODE, polygon_rpc=NODE)
    readers = {reader.network: reader for reader in readers_of(settings, SystemClock())}
    assert set(readers) == {Network.TRON, Network.POLYGON}
    assert wallets_of(readers.values()) == {Network.POLYGON: EVM}
    for ask in (readers[Network.TRON].start(), readers[Network.TRON].read(Cursor("0"))):
        with pytest.raises(ChainMisconfigured, match="YTMARKET_TRON_WALLET"):
            await ask
    for reader in readers.values():
        await reader.close()


async def test_a_library_that_fails_in_its_own_way_stops_its_own_network_alone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def fail(*_: object) -> ChainReader:
        raise ZeroDivisionError

    monkeypatch.setitem(LOADERS, WalletFamily.TRON, lambda: fail)
    settings = Settings(tron_wallet="T", evm_wallet=EVM, tron_rpc=NODE, polygon_rpc=NODE)
    readers = readers_of(settings, SystemClock())
    assert wallets_of(readers) == {Network.POLYGON: EVM}
    with pytest.raises(ChainMisconfigured, match="ZeroDivisionError"):
        await next(reader for reader in readers if reader.network is Network.TRON).start()


@pytest.mark.parametrize("mode", ["blocks", "logs"])
async def test_tron_is_read_as_the_setting_says(mode: str) -> None:
    environ = {
        "YTMARKET_TRON_WALLET": "TR7NHqjeKQxGTCi8q8ZY4pL8otSzgjLj6t",
        "YTMARKET_TRON_RPC": NODE[0],
        "YTMARKET_TRON_MODE": mode,
    }
    (reader,) = readers_of(Settings.from_environment(environ), SystemClock())
    assert vars(reader)["_by_lists"] is (mode == "logs")
    await reader.close()


def test_tron_is_read_in_no_other_way() -> None:
    with pytest.raises(SettingsError, match="YTMARKET_TRON_MODE: say blocks or logs"):
        Settings.from_environment({"YTMARKET_TRON_MODE": "guesses"})


SOLANA = "9WzDXwBbmkg8ZTbNMqUxvQRAyrZzDsGYdLVL9zYtAWWM"
TON = "EQABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4fIP8B"


def readers_with(**given: str) -> dict[Network, Any]:
    """The readers of all networks under these settings, as the environment holds them."""
    environ = {
        "TRON_WALLET": "TR7NHqjeKQxGTCi8q8ZY4pL8otSzgjLj6t",
        "EVM_WALLET": EVM,
        "SOLANA_WALLET": SOLANA,
        "TON_WALLET": TON,
        "TON_RPC": "/nowhere/config.json",
        **{f"{name}_RPC": NODE[0] for name in ("TRON", "BSC", "POLYGON", "ARBITRUM", "SOLANA")},
        **given,
    }
    settings = Settings.from_environment({f"YTMARKET_{name}": value for name, value in environ.items()})
    return {reader.network: reader for reader in readers_of(settings, SystemClock())}


def stale_limit(reader: Any) -> timedelta:
    limit: timedelta = getattr(reader, "_stale_after", None) or reader._chain.stale_after
    return limit


def test_what_endpoints_are_spared_and_heads_are_allowed_comes_from_the_settings() -> None:
    usual = readers_with()
    given = readers_with(STALE_HEAD_SECONDS="60", RPC_CALLS_PER_SECOND="3")
    assert set(usual) == set(given) == set(SHIPPED)
    assert {stale_limit(reader) for reader in usual.values()} == {timedelta(minutes=15)}
    assert {stale_limit(reader) for reader in given.values()} == {timedelta(minutes=1)}
    for readers, calls in ((usual, 10), (given, 3)):
        for network in set(readers) - {Network.TON}:
            (node,) = readers[network]._rotation.nodes
            assert node._pace.per_second == calls, network
        (servers,) = readers[Network.TON]._rotation.nodes
        assert servers._calls_per_second == calls


def test_arbitrums_finality_is_a_setting_and_no_other_networks() -> None:
    def finality(network: Network, **given: str) -> Finality:
        found: Finality = readers_with(**given)[network]._chain.finality
        return found

    arbitrum = Network.ARBITRUM
    assert finality(arbitrum) == Finality(depth=120, deep_above=Usdt.of(1_000))
    given = {"ARBITRUM_DEPTH": "40", "ARBITRUM_FINALIZED_ABOVE_USDT": "0.5"}
    assert finality(arbitrum, **given) == Finality(depth=40, deep_above=Usdt.of("0.5"))
    assert finality(arbitrum, ARBITRUM_FINALIZED_ABOVE_USDT="0").deep_above == Usdt(0)
    assert finality(arbitrum, ARBITRUM_DEPTH="finalized") == Finality()
    assert finality(Network.BSC, **given) == finality(Network.POLYGON, **given) == Finality()


@pytest.mark.parametrize(
    ("name", "value", "complaint"),
    [
        ("ARBITRUM_DEPTH", "0", "or `finalized`"),
        ("ARBITRUM_DEPTH", "soon", "or `finalized`"),
        ("ARBITRUM_FINALIZED_ABOVE_USDT", "-1", "above 0"),
        ("ARBITRUM_FINALIZED_ABOVE_USDT", "0.0000001", "from 0.000001"),
        ("ARBITRUM_FINALIZED_ABOVE_USDT", "much", "decimal number"),
        ("RPC_CALLS_PER_SECOND", "0", "from 1 to"),
        ("RPC_CALLS_PER_SECOND", "2.5", "whole number"),
        ("STALE_HEAD_SECONDS", "0", "above 0"),
    ],
)
def test_what_cannot_be_meant_is_refused_by_its_name(name: str, value: str, complaint: str) -> None:
    with pytest.raises(SettingsError, match=f"YTMARKET_{name}: .*{complaint}"):
        Settings.from_environment({f"YTMARKET_{name}": value})


@pytest.mark.parametrize("order", ["sorted", "reversed"])
def test_readers_leave_the_limit_of_recursion_as_it_was(order: str) -> None:
    """A library of theirs raises it, and deep JSON would end the process: hence one of its own."""
    program = (
        "import sys; before = sys.getrecursionlimit()\n"
        "from ytmarket.entrypoints.readers import LOADERS\n"
        f"for family in {order}(LOADERS): LOADERS[family]()\n"
        "from ytmarket.adapters.chains.evm import auditor, library, reader\n"
        "assert 'py_ecc' in sys.modules, 'nothing has raised it'\n"
        "assert sys.getrecursionlimit() == before, sys.getrecursionlimit()\n"
        "import msgspec\n"
        "try: msgspec.json.decode(b'[' * 65_531)\n"
        "except RecursionError: print('refused')\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout.strip()) == (0, "refused"), done.stderr
