"""Wallets and nodes in the settings become the readers of a shop."""

import pytest

from ytmarket.adapters.system.clock import SystemClock
from ytmarket.application.ports.chain_reader import ChainMisconfigured
from ytmarket.domain.networks import Network
from ytmarket.entrypoints.readers import readers_of
from ytmarket.entrypoints.settings import Settings

pytestmark = pytest.mark.needs(modules=["web3", "tronpy", "solana"])

EVM = "0x52908400098527886E0F7030069857D2E4169EE7"
NODE = ("http://127.0.0.1:9",)


async def test_each_network_with_a_wallet_and_a_node_is_read() -> None:
    settings = Settings(
        tron_wallet="TR7NHqjeKQxGTCi8q8ZY4pL8otSzgjLj6t",
        evm_wallet=EVM,
        solana_wallet="9WzDXwBbmkg8ZTbNMqUxvQRAyrZzDsGYdLVL9zYtAWWM",
        tron_rpc=NODE,
        polygon_rpc=NODE,
        arbitrum_rpc=NODE,
        solana_rpc=NODE,
    )
    readers = readers_of(settings, SystemClock())
    read = {reader.network for reader in readers}
    for reader in readers:
        await reader.close()
    assert read == {Network.TRON, Network.POLYGON, Network.ARBITRUM, Network.SOLANA}


def test_a_wallet_that_is_no_address_is_told_of_by_its_setting() -> None:
    with pytest.raises(ChainMisconfigured, match="YTMARKET_EVM_WALLET"):
        readers_of(Settings(evm_wallet="0x1", polygon_rpc=NODE), SystemClock())
