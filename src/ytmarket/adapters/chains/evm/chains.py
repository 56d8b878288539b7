"""The EVM networks we read: by what one is told from another, and when its blocks are final."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

import attrs

from ytmarket.domain.money import Usdt
from ytmarket.domain.networks import Network

STALE_AFTER: Final = timedelta(minutes=15)


@attrs.frozen(kw_only=True)
class Finality:
    """When a transfer is final: by the node's own `finalized`, or *depth* blocks below its newest.

    With a depth, a deposit of more than *deep_above* waits for the node's own word all the same;
    None lets every amount go by the depth.
    """

    depth: int | None = None
    deep_above: Usdt | None = None


FINALIZED: Final = Finality()

# `finalized` on Arbitrum follows Ethereum, a quarter of an hour behind. 120 blocks are half a minute:
# that long we trust the sequencer, with no more than this amount at a time.
ARBITRUM_FINALITY: Final = Finality(depth=120, deep_above=Usdt.of(1_000))


@attrs.frozen(kw_only=True)
class EvmChain:
    """One network, and the name of the setting that lists its nodes."""

    network: Network
    chain_id: int
    token: str
    decimals: int
    setting: str
    finality: Finality = FINALIZED
    stale_after: timedelta = STALE_AFTER

    @classmethod
    def of(cls, network: Network, chain_id: int, setting: str, *, finality: Finality = FINALIZED) -> EvmChain:
        """A network whose token the domain knows."""
        facts = network.facts
        return cls(
            network=network,
            chain_id=chain_id,
            token=facts.token,
            decimals=facts.decimals,
            setting=setting,
            finality=finality,
        )


CHAINS: Final[dict[Network, EvmChain]] = {
    chain.network: chain
    for chain in (
        EvmChain.of(Network.BSC, 56, "YTMARKET_BSC_RPC"),
        EvmChain.of(Network.POLYGON, 137, "YTMARKET_POLYGON_RPC"),
        EvmChain.of(Network.ARBITRUM, 42_161, "YTMARKET_ARBITRUM_RPC", finality=ARBITRUM_FINALITY),
    )
}


def add_chain(chain: EvmChain) -> None:
    """Read a network that the domain has been told of as one of those here."""
    CHAINS[chain.network] = chain
