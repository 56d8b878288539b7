"""Where the demo's top-up is paid: on devnet, or by a transfer that a local chain really executes."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final

import attrs
import httpx2

from ytmarket.domain.money import Usdt
from ytmarket.domain.networks import Network, WalletFamily
from ytmarket.entrypoints.demo_ground import Ground, Payment
from ytmarket.entrypoints.settings import SettingsError

PLAYED_ON_DEVNET: Final = Network.TRON
LOCAL: Final = tuple(network for network in Network if network.facts.family is WalletFamily.EVM)
"""The networks that a node on this machine can stand in for."""


@attrs.frozen
class Devnet:
    """The chain that is built into the shop."""

    network: Network = PLAYED_ON_DEVNET
    settings: Mapping[str, Any] = attrs.field(factory=dict)

    async def pay(self, shop: httpx2.AsyncClient, amount: Usdt) -> Payment:
        body = {"network": self.network, "amount_usdt": str(amount)}
        answer = await shop.post("/api/devnet/transfers", json=body)
        steps = {"POST /api/devnet/transfers": answer.raise_for_status().json()}
        return Payment(title="The payment, played on devnet", steps=steps)


@asynccontextmanager
async def ground_for(network: Network | None) -> AsyncIterator[Ground]:
    """Devnet where no network is named, otherwise a node of that network on this machine.

    Raises `SettingsError` for a network that none can be had of, saying what to do.
    """
    if network is None:
        yield Devnet()
        return
    if network not in LOCAL:
        raise SettingsError(
            f"no local node plays {network}; name {', '.join(LOCAL[:-1])} or {LOCAL[-1]},"
            " or no network at all for devnet"
        )
    try:
        from ytmarket.entrypoints.demo_evm import local_node  # noqa: PLC0415 - needs the network's extra
    except ImportError:
        raise SettingsError(
            f"{network} needs a library: make demo NETWORK={network}, or pip install 'ytmarket[evm]'"
        ) from None
    async with local_node(network, Path.cwd()) as ground:
        yield ground
