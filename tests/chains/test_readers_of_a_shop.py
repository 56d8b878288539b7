"""Wallets and nodes in the settings become the readers of a shop."""

import pytest

from ytmarket.adapters.system.clock import SystemClock
from ytmarket.application.ports.chain_reader import ChainMisconfigured, ChainReader, Cursor
from ytmarket.domain.networks import Network, WalletFamily
from ytmarket.entrypoints.readers import LOADERS, readers_of, wallets_of
from ytmarket.entrypoints.settings import Settings

pytestmark = pytest.mark.needs(modules=["web3", "tronpy", "pytonlib", "solana"])

EVM = "0x52908400098527886E0F7030069857D2E4169EE7"
NODE = ("http://127.0.0.1:9",)


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
