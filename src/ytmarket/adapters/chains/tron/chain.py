"""TRON: by what it is told from its test networks, and which token is read."""

from __future__ import annotations

from datetime import timedelta
from typing import Final, Self

import attrs

from ytmarket.domain.networks import Network

STALE_AFTER: Final = timedelta(minutes=15)

MAINNET_GENESIS: Final = "00000000000000001ebf88508a03865c71d452e25f4d51194196a1d22b6653dc"
"""The id of the first block. Its last four bytes are the chain id of the JSON-RPC, 0x2b6653dc."""


@attrs.frozen(kw_only=True)
class TronChain:
    """One TRON network, and the name of the setting that lists its nodes."""

    network: Network
    genesis: str
    token: str
    decimals: int
    setting: str
    stale_after: timedelta = STALE_AFTER

    @classmethod
    def of(cls, network: Network, genesis: str, setting: str) -> Self:
        """A network whose token the domain knows."""
        facts = network.facts
        return cls(
            network=network, genesis=genesis, token=facts.token, decimals=facts.decimals, setting=setting
        )


MAINNET: Final = TronChain.of(Network.TRON, MAINNET_GENESIS, "YTMARKET_TRON_RPC")
