"""Which networks this shop reads, by its wallets and nodes; a chain's library is loaded only here."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Final

import attrs

from ytmarket.application.ports.chain_reader import ChainMisconfigured, ChainReader, Cursor, Page
from ytmarket.application.ports.clock import Clock
from ytmarket.domain.networks import ADDED, Network, WalletFamily
from ytmarket.entrypoints.settings import PREFIX, Settings, SettingsError

SHIPPED_EVM: Final = (Network.BSC, Network.POLYGON, Network.ARBITRUM)

EXTRAS: Final = {
    WalletFamily.TRON: "tron",
    WalletFamily.EVM: "evm",
    WalletFamily.TON: "ton",
    WalletFamily.SOLANA: "solana",
}
"""Each family's extra, which brings its library."""


def readers_of(settings: Settings, clock: Clock) -> Sequence[ChainReader]:
    """A reader for every network that has a wallet and a node; none is asked anything yet.

    A network whose settings make no sense keeps none of the others from being read: its reader raises
    what is wrong whenever it is asked. Raises that at once where there is no other network, and
    `SettingsError` for a wallet that cannot be read, naming what to set or to install.
    """
    readers = [
        _reader(network, wallet, settings, clock)
        for network in Network
        if (wallet := settings.wallets.get(network.facts.family)) is not None and settings.endpoints(network)
    ]
    read = {reader.network.facts.family for reader in readers}
    for family in settings.wallets:
        if family not in read:
            names = [
                f"{PREFIX}{network.name}_RPC"
                for network in Network
                if network.facts.family is family and network.value not in ADDED
            ]
            raise SettingsError(
                f"{PREFIX}{family.name}_WALLET is set, but no node to read it from: set {' or '.join(names)}"
            )
    unreadable = [reader for reader in readers if isinstance(reader, UnreadableNetwork)]
    if unreadable and len(unreadable) == len(readers):
        raise unreadable[0].trouble
    return readers


def wallets_of(readers: Iterable[ChainReader]) -> dict[Network, str]:
    """Where each network's money goes; nobody is told to pay where it could not be seen."""
    return {r.network: r.wallet for r in readers if not isinstance(r, UnreadableNetwork)}


@attrs.frozen
class UnreadableNetwork:
    """The `ChainReader` of a network whose settings make no sense: it says so instead of reading."""

    network: Network
    wallet: str
    trouble: ChainMisconfigured

    async def start(self) -> Cursor:
        raise self.trouble

    async def read(self, cursor: Cursor) -> Page:  # noqa: ARG002 - there is nothing to go on from
        raise self.trouble

    async def cursor_at(self, height: int) -> Cursor:  # noqa: ARG002 - there is nothing to begin from
        raise self.trouble

    async def close(self) -> None:
        """Nothing was opened."""


def _reader(network: Network, wallet: str, settings: Settings, clock: Clock) -> ChainReader:
    family = network.facts.family
    try:
        connect = LOADERS[family]()
    except ImportError:
        raise SettingsError(
            f"{network.facts.title} needs a library: pip install 'ytmarket[{EXTRAS[family]}]'"
        ) from None
    try:
        return connect(network, wallet, settings, clock)
    except ChainMisconfigured as trouble:
        return UnreadableNetwork(network, wallet, trouble)
    except Exception as error:  # noqa: BLE001 - whatever one library does, the other networks are read
        why = f"{network.facts.title} cannot be read as it is set: unexpected {type(error).__name__}"
        return UnreadableNetwork(network, wallet, ChainMisconfigured(why))


Connect = Callable[[Network, str, Settings, Clock], ChainReader]


def _evm() -> Connect:
    from ytmarket.adapters.chains.evm.chains import (  # noqa: PLC0415 - web3 takes a second and 65 MiB
        CHAINS,
        FINALIZED,
        Finality,
    )
    from ytmarket.adapters.chains.evm.reader import EvmReader  # noqa: PLC0415 - see above

    def connect(network: Network, wallet: str, settings: Settings, clock: Clock) -> ChainReader:
        chain = CHAINS[network]
        if network in SHIPPED_EVM:
            chain = attrs.evolve(chain, stale_after=settings.stale_head)
        if network is Network.ARBITRUM:
            depth, above = settings.arbitrum_depth, settings.arbitrum_finalized_above
            finality = FINALIZED if depth is None else Finality(depth=depth, deep_above=above)
            chain = attrs.evolve(chain, finality=finality)
        return EvmReader.connect(
            chain,
            wallet,
            settings.endpoints(network),
            clock,
            calls_per_second=settings.rpc_calls_per_second,
        )

    return connect


def _tron() -> Connect:
    from ytmarket.adapters.chains.tron.chain import MAINNET  # noqa: PLC0415 - a second and 53 MiB
    from ytmarket.adapters.chains.tron.reader import TronReader  # noqa: PLC0415 - see above

    def connect(network: Network, wallet: str, settings: Settings, clock: Clock) -> ChainReader:
        return TronReader.connect(
            attrs.evolve(MAINNET, stale_after=settings.stale_head),
            wallet,
            settings.endpoints(network),
            clock,
            calls_per_second=settings.rpc_calls_per_second,
            by_lists=settings.tron_mode == "logs",
        )

    return connect


def _ton() -> Connect:
    from ytmarket.adapters.chains.ton.reader import TonReader  # noqa: PLC0415 - 26 MiB and a native library

    def connect(network: Network, wallet: str, settings: Settings, clock: Clock) -> ChainReader:
        return TonReader.connect(
            wallet,
            settings.endpoints(network),
            clock,
            calls_per_second=settings.rpc_calls_per_second,
            stale_after=settings.stale_head,
        )

    return connect


def _solana() -> Connect:
    from ytmarket.adapters.chains.solana.reader import SolanaReader  # noqa: PLC0415 - 57 MiB

    def connect(network: Network, wallet: str, settings: Settings, clock: Clock) -> ChainReader:
        return SolanaReader.connect(
            wallet,
            settings.endpoints(network),
            clock,
            calls_per_second=settings.rpc_calls_per_second,
            stale_after=settings.stale_head,
        )

    return connect


LOADERS: Final[dict[WalletFamily, Callable[[], Connect]]] = {
    WalletFamily.TRON: _tron,
    WalletFamily.EVM: _evm,
    WalletFamily.TON: _ton,
    WalletFamily.SOLANA: _solana,
}
