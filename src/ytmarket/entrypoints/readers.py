"""Which networks this shop reads, by its wallets and nodes; a chain's library is loaded only here."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Final

from ytmarket.application.ports.chain_reader import ChainReader
from ytmarket.application.ports.clock import Clock
from ytmarket.domain.networks import Network, WalletFamily
from ytmarket.entrypoints.settings import PREFIX, Settings, SettingsError

EXTRAS: Final = {WalletFamily.TRON: "tron", WalletFamily.EVM: "evm", WalletFamily.SOLANA: "solana"}
"""The families that can be read, with the extra that brings their library."""


def readers_of(settings: Settings, clock: Clock) -> Sequence[ChainReader]:
    """A reader for every network that has a wallet and a node; none is asked anything yet.

    Raises `SettingsError` for a wallet that cannot be read, naming what to set or to install.
    """
    readers = [
        _reader(network, wallet, settings, clock)
        for network in Network
        if (wallet := settings.wallets.get(network.facts.family)) is not None and settings.endpoints(network)
    ]
    read = {reader.network.facts.family for reader in readers}
    for family in settings.wallets:
        if family not in read:
            names = [f"{PREFIX}{network.name}_RPC" for network in Network if network.facts.family is family]
            raise SettingsError(
                f"{PREFIX}{family.name}_WALLET is set, but no node to read it from: set {' or '.join(names)}"
            )
    return readers


def _reader(network: Network, wallet: str, settings: Settings, clock: Clock) -> ChainReader:
    family = network.facts.family
    if family not in EXTRAS:
        raise SettingsError(
            f"this version does not read {network.facts.title} yet; unset {PREFIX}{family.name}_WALLET"
        )
    try:
        connect = _LOADERS[family]()
    except ImportError:
        raise SettingsError(
            f"{network.facts.title} needs a library: pip install 'ytmarket[{EXTRAS[family]}]'"
        ) from None
    return connect(network, wallet, settings.endpoints(network), clock)


Connect = Callable[[Network, str, Sequence[str], Clock], ChainReader]


def _evm() -> Connect:
    from ytmarket.adapters.chains.evm.chains import CHAINS  # noqa: PLC0415 - web3 takes a second and 65 MiB
    from ytmarket.adapters.chains.evm.reader import EvmReader  # noqa: PLC0415 - see above

    def connect(network: Network, wallet: str, urls: Sequence[str], clock: Clock) -> ChainReader:
        return EvmReader.connect(CHAINS[network], wallet, urls, clock)

    return connect


def _tron() -> Connect:
    from ytmarket.adapters.chains.tron.chain import MAINNET  # noqa: PLC0415 - a second and 53 MiB
    from ytmarket.adapters.chains.tron.reader import TronReader  # noqa: PLC0415 - see above

    def connect(_: Network, wallet: str, urls: Sequence[str], clock: Clock) -> ChainReader:
        return TronReader.connect(MAINNET, wallet, urls, clock)

    return connect


def _solana() -> Connect:
    from ytmarket.adapters.chains.solana.reader import SolanaReader  # noqa: PLC0415 - 57 MiB

    def connect(_: Network, wallet: str, urls: Sequence[str], clock: Clock) -> ChainReader:
        return SolanaReader.connect(wallet, urls, clock)

    return connect


_LOADERS: Final[dict[WalletFamily, Callable[[], Connect]]] = {
    WalletFamily.TRON: _tron,
    WalletFamily.EVM: _evm,
    WalletFamily.SOLANA: _solana,
}
