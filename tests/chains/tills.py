"""Local chains as a running shop meets them, and a gate that lets only so many of its readings through."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Protocol

import attrs

from ytmarket.adapters.chains.evm.chains import CHAINS, EvmChain
from ytmarket.adapters.chains.evm.wallet import wallet_of
from ytmarket.adapters.chains.evm.wire import BALANCE_SELECTOR
from ytmarket.application.ports.chain_reader import ChainReader
from ytmarket.application.ports.clock import Clock
from ytmarket.domain.money import Usdt
from ytmarket.domain.networks import Network, WalletFamily
from ytmarket.entrypoints.readers import LOADERS
from ytmarket.entrypoints.settings import Settings
from ytmarket.testing.chains.anvil import running_anvil
from ytmarket.testing.chains.evm import EvmWorld, lay_out
from ytmarket.testing.chains.faulty_node import Call, Reply, faulty_node
from ytmarket.testing.chains.solana import new_solana_world
from ytmarket.testing.chains.ton import FAULTY_PORT, new_ton_world
from ytmarket.testing.chains.ton_sandbox import TonSandbox
from ytmarket.testing.chains.tron import new_tron_world

REFUSAL = {
    "jsonrpc": "2.0",
    "error": {"code": -32000, "message": "no more of this"},
    "Error": "no more of this",  # as java-tron says it
    "@type": "error",  # and a lite server
    "code": 500,
    "message": "LITE_SERVER_NETWORK",
}


class Payable(Protocol):
    """A chain that can be paid on."""

    def reader(self) -> ChainReader: ...

    async def pay(self, *amounts: Usdt) -> str: ...

    async def settle(self) -> None: ...


@attrs.define
class Gate:
    """Counts the readings that a node is asked for, and refuses those that are too many."""

    begins_reading: Callable[[Call], bool]
    is_audit: Callable[[Call], bool] = lambda _call: False
    begun: int = 0
    left: int | None = None
    """How many more are answered; None for all of them."""

    _began: asyncio.Event = attrs.field(factory=asyncio.Event, init=False)

    def edit(self, call: Call, reply: Reply) -> Reply:
        if self.left is not None and self.is_audit(call):
            self.left += 1  # an audit begins as a reading does, and reads no deposits
        if not self.begins_reading(call):
            return reply
        if self.left == 0:
            return {"id": call.get("id"), **REFUSAL}
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
    """One network of a shop that is open, and how the settings name its nodes."""

    network: Network
    world: Payable
    gate: Gate
    nodes: str

    @property
    def settings(self) -> Mapping[str, str]:
        """What the shop's environment has to say to read it."""
        return {
            f"YTMARKET_{self.network.facts.family.name}_WALLET": self.world.reader().wallet,
            f"YTMARKET_{self.network.name}_RPC": self.nodes,
        }


def till_of(network: Network, world: Any, gate: Gate) -> Till:
    """Of a chain whose node is behind a hop."""
    world.node.edit = gate.edit
    return Till(network=network, world=world, gate=gate, nodes=world.node.url)


def evm_begins(call: Call) -> bool:
    return call["method"] == "eth_getBlockByNumber" and str(call["params"][0]) in {"latest", "finalized"}


def evm_audits(call: Call) -> bool:
    return call["method"] == "eth_call" and str(call["params"][0]["data"]).startswith(BALANCE_SELECTOR)


def tron_audits(call: Call) -> bool:
    return str(call.get("function_selector")).startswith("balanceOf(")


def tron_begins(call: Call) -> bool:
    return str(call["method"]).endswith("/getnowblock")


def solana_begins(call: Call) -> bool:
    return call["method"] == "getSignaturesForAddress" and "before" not in call["params"][1]  # the first page


def ton_begins(query: Call) -> bool:
    return str(query["@type"]) == "raw.getAccountState"


@asynccontextmanager
async def evm_till(program: Path, chain: EvmChain, wallet: str) -> AsyncIterator[Till]:
    """Anvil under this chain's name. The three networks share one wallet, as in a real shop."""
    async with running_anvil(program, chain_id=chain.chain_id) as anvil:
        await lay_out(anvil, chain)
        await anvil.mine((chain.finality.depth or 0) + 5)
        async with faulty_node(anvil.url) as node:
            world = EvmWorld(chain=chain, anvil=anvil, node=node, wallet=wallet)
            yield till_of(chain.network, world, Gate(evm_begins, evm_audits))
            await world.close()


@asynccontextmanager
async def tron_till(program: Path) -> AsyncIterator[Till]:
    async with new_tron_world(program) as world:
        yield till_of(Network.TRON, world, Gate(tron_begins, tron_audits))


@asynccontextmanager
async def solana_till() -> AsyncIterator[Till]:
    async with new_solana_world() as world:
        yield till_of(Network.SOLANA, world, Gate(solana_begins))


@asynccontextmanager
async def ton_till(sandbox: TonSandbox) -> AsyncIterator[Till]:
    """In the place of tonlib, which believes no chain but the real one: only this process can read it."""
    async with new_ton_world(sandbox) as world:
        gate = Gate(ton_begins)
        world.wire.edit = gate.edit

        def reader_of(network: Network, wallet: str, settings: Settings, _clock: Clock) -> ChainReader:
            return world.reader_of(*settings.endpoints(network), wallet=wallet)

        before = LOADERS[WalletFamily.TON]
        LOADERS[WalletFamily.TON] = lambda: reader_of
        try:
            yield Till(network=Network.TON, world=world, gate=gate, nodes=world.config(FAULTY_PORT))
        finally:
            LOADERS[WalletFamily.TON] = before


def tills(program: Path) -> dict[Network, Any]:
    """How to open the networks that a server process can read; each is an asynchronous context manager."""
    wallet = wallet_of(f"0x{secrets.token_hex(20)}")
    evm = {network: evm_till(program, chain, wallet) for network, chain in CHAINS.items()}
    return evm | {Network.TRON: tron_till(program), Network.SOLANA: solana_till()}
