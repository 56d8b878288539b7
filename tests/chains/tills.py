"""Local chains as a running shop meets them, and a gate that lets only so many of its readings through."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Protocol

import attrs
from solders.sysvar import CLOCK

from ytmarket.adapters.chains.evm.chains import CHAINS, EvmChain
from ytmarket.adapters.chains.evm.wallet import wallet_of
from ytmarket.application.ports.chain_reader import ChainReader
from ytmarket.domain.money import Usdt
from ytmarket.domain.networks import Network
from ytmarket.testing.chains.anvil import running_anvil
from ytmarket.testing.chains.evm import EvmWorld, lay_out
from ytmarket.testing.chains.faulty_node import Call, FaultyNode, Reply, faulty_node
from ytmarket.testing.chains.solana import new_solana_world
from ytmarket.testing.chains.tron import new_tron_world


class Payable(Protocol):
    """A chain that can be paid on, with its node behind a hop."""

    @property
    def node(self) -> FaultyNode: ...

    def reader(self) -> ChainReader: ...

    async def pay(self, *amounts: Usdt) -> str: ...

    async def settle(self) -> None: ...


@attrs.define
class Gate:
    """Counts the readings that a node is asked for, and refuses those that are too many."""

    begins_reading: Callable[[Call], bool]
    begun: int = 0
    left: int | None = None
    """How many more are answered; None for all of them."""

    _began: asyncio.Event = attrs.field(factory=asyncio.Event, init=False)

    def edit(self, call: Call, reply: Reply) -> Reply:
        if not self.begins_reading(call):
            return reply
        if self.left == 0:
            refusal = {"code": -32000, "message": "no more of this"}
            return {"jsonrpc": "2.0", "id": call.get("id"), "error": refusal, "Error": refusal["message"]}
        self.begun += 1
        self.left = None if self.left is None else self.left - 1
        self._began.set()
        return reply

    async def readings(self, count: int) -> None:
        """Wait until so many more have begun, which means that one less has ended."""
        wanted = self.begun + count
        async with asyncio.timeout(60):
            while self.begun < wanted:
                self._began.clear()
                await self._began.wait()


@attrs.frozen(kw_only=True)
class Till:
    """One network of a shop that is open."""

    network: Network
    world: Payable
    gate: Gate

    @classmethod
    def of(cls, network: Network, world: Payable, begins_reading: Callable[[Call], bool]) -> Till:
        gate = Gate(begins_reading)
        world.node.edit = gate.edit
        return cls(network=network, world=world, gate=gate)

    @property
    def settings(self) -> Mapping[str, str]:
        """What the shop's environment has to say to read it."""
        family = self.network.facts.family
        return {
            f"YTMARKET_{family.name}_WALLET": self.world.reader().wallet,
            f"YTMARKET_{self.network.name}_RPC": self.world.node.url,
        }


def evm_begins(call: Call) -> bool:
    return call["method"] == "eth_getBlockByNumber" and str(call["params"][0]) in {"latest", "finalized"}


def tron_begins(call: Call) -> bool:
    return str(call["method"]).endswith("/getnowblock")


def solana_begins(call: Call) -> bool:
    return call["method"] == "getMultipleAccounts" and list(call["params"][0]) == [str(CLOCK)]


@asynccontextmanager
async def evm_till(program: Path, chain: EvmChain, wallet: str) -> AsyncIterator[Till]:
    """Anvil under this chain's name. The three networks share one wallet, as in a real shop."""
    async with running_anvil(program, chain_id=chain.chain_id) as anvil:
        await lay_out(anvil, chain)
        await anvil.mine((chain.finality.depth or 0) + 5)
        async with faulty_node(anvil.url) as node:
            world = EvmWorld(chain=chain, anvil=anvil, node=node, wallet=wallet)
            yield Till.of(chain.network, world, evm_begins)
            await world.close()


@asynccontextmanager
async def tron_till(program: Path) -> AsyncIterator[Till]:
    async with new_tron_world(program) as world:
        yield Till.of(Network.TRON, world, tron_begins)


@asynccontextmanager
async def solana_till() -> AsyncIterator[Till]:
    async with new_solana_world() as world:
        yield Till.of(Network.SOLANA, world, solana_begins)


def tills(program: Path) -> dict[Network, Any]:
    """How to open each network that has an engine; every one is an asynchronous context manager."""
    wallet = wallet_of(f"0x{secrets.token_hex(20)}")
    evm = {network: evm_till(program, chain, wallet) for network, chain in CHAINS.items()}
    return evm | {Network.TRON: tron_till(program), Network.SOLANA: solana_till()}
