"""A node of an EVM network on this machine, and a wallet on it to which the demo really sends the token."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import attrs
import httpx2

from ytmarket.adapters.chains.evm.chains import CHAINS
from ytmarket.domain.money import Usdt
from ytmarket.domain.networks import Network
from ytmarket.entrypoints.demo_ground import Payment
from ytmarket.entrypoints.settings import SettingsError
from ytmarket.testing.chains.anvil import AnvilError, find_anvil
from ytmarket.testing.chains.evm import EvmWorld, new_evm_world


@attrs.frozen
class LocalNode:
    """The `Ground` of an EVM network: chain id, token and decimals are those of the real one."""

    world: EvmWorld

    @property
    def network(self) -> Network:
        return self.world.chain.network

    @property
    def settings(self) -> Mapping[str, Any]:
        nodes = f"{self.network.name.lower()}_rpc"
        return {"evm_wallet": self.world.wallet, nodes: (self.world.anvil.url,)}

    async def pay(self, shop: httpx2.AsyncClient, amount: Usdt) -> Payment:  # noqa: ARG002 - the shop is not asked
        anvil, chain = self.world.anvil, self.world.chain
        tx_hash = await self.world.pay(amount)
        sent = await anvil.call("eth_getTransactionByHash", tx_hash)
        receipt = await anvil.call("eth_getTransactionReceipt", tx_hash)
        await self.world.settle()
        tag = "finalized" if chain.finality.depth is None else "latest"
        last = await anvil.block(tag)
        return Payment(
            title=f"The payment, an ERC-20 transfer that anvil executes as chain {chain.chain_id}",
            steps={
                "eth_sendTransaction": _only(sent, "from", "to", "input"),
                "eth_getTransactionReceipt": _only(
                    receipt, "transactionHash", "blockNumber", "status", "logs"
                ),
                f"eth_getBlockByNumber {tag}": _only(last, "number", "hash"),
            },
        )


@asynccontextmanager
async def local_node(network: Network, checkout: Path) -> AsyncIterator[LocalNode]:
    """A chain of its own with USDT at its real address. Raises `SettingsError` without anvil."""
    program = find_anvil(checkout)
    if program is None:
        raise SettingsError(
            f"{network} needs anvil, a node for this machine: in a checkout, with node installed,"
            " npm install --prefix tests/node brings it; or put Foundry's anvil on the PATH"
        )
    try:
        async with new_evm_world(program, CHAINS[network]) as world:
            yield LocalNode(world)
    except AnvilError as trouble:
        raise SettingsError(f"{program} cannot be used: {trouble}") from None


def _only(answer: Mapping[str, Any], *names: str) -> dict[str, Any]:
    """What is worth showing of an answer."""
    return {name: answer[name] for name in names}
