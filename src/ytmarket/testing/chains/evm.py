"""A local EVM chain with USDT at its real address, and a shop's wallet on it that can be paid to."""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

import attrs

from ytmarket.adapters.chains.evm.chains import EvmChain
from ytmarket.adapters.chains.evm.reader import EvmReader
from ytmarket.adapters.chains.evm.wallet import wallet_of
from ytmarket.domain.money import Usdt
from ytmarket.testing.chains.anvil import BLOCKS_TO_FINAL, Anvil, running_anvil
from ytmarket.testing.chains.faults import DAY, Fault
from ytmarket.testing.chains.faulty_node import Call, Edit, Reply, faulty_node
from ytmarket.testing.chains.token_world import BATCH, FORGED, NO_PACE, TOKEN, TokenWorld, lay_down

__all__ = [
    "BATCH",
    "FORGED",
    "TOKEN",
    "EvmWorld",
    "as_of_genesis",
    "evm_world",
    "instead",
    "lay_out",
    "new_evm_world",
]

HASTY_SPAN: Final = 2


@attrs.define(kw_only=True)
class EvmWorld(TokenWorld[EvmReader]):
    """The `NodeUnderTest` of the contract, for any EVM network."""

    chain: EvmChain
    wallet: str
    blocks_to_final: int = BLOCKS_TO_FINAL

    @property
    def account(self) -> str:
        return self.wallet

    @property
    def token(self) -> str:
        return self.chain.token

    @property
    def decimals(self) -> int:
        return self.chain.decimals

    @property
    def setting(self) -> str:
        return self.chain.setting

    def reader(self) -> EvmReader:
        return self.reader_of(self.node.url)

    def hasty_reader(self) -> EvmReader:
        return self.reader_of(self.node.url, span=HASTY_SPAN)

    def reader_with_spare(self) -> EvmReader:
        return self.reader_of(self.node.url, self.anvil.url)

    def reader_of(self, *urls: str, span: int = 2_000, chain: EvmChain | None = None) -> EvmReader:
        """A reader of these nodes. It is closed with the world."""
        return self._closed_with_us(
            EvmReader.connect(
                chain or self.chain,
                self.wallet,
                urls,
                self.clock,
                calls_per_second=NO_PACE,
                timeout=self.timeout,
                span=span,
            )
        )

    async def settle(self) -> None:
        await self.anvil.mine(max((self.chain.finality.depth or 0) + 5, self.blocks_to_final + 1))

    @property
    def waits_above(self) -> Usdt | None:
        return self.chain.finality.deep_above

    async def settle_soon(self) -> None:
        await self.anvil.mine(self.chain.finality.depth or self.blocks_to_final)

    async def _edit_for(self, fault: Fault) -> Edit | None:
        match fault:
            case Fault.LAGS:
                return as_of_genesis(await self.anvil.block("0x0"))
            case Fault.STANDS_STILL:
                return a_day_older
            case Fault.IS_OF_ANOTHER_CHAIN:
                return instead("eth_chainId", "0x1")
            case Fault.LACKS_THE_TOKEN:
                return instead("eth_getCode", "0x")
            case Fault.HAS_OTHER_DECIMALS:
                return instead("eth_call", f"0x{self.chain.decimals - 1:064x}")
            case _:
                return None


def instead(method: str, result: Any) -> Edit:
    """Answer this method with this result."""

    def edit(call: Call, reply: Reply) -> Reply:
        return {**reply, "result": result} if call["method"] == method else reply

    return edit


def a_day_older(call: Call, reply: Reply) -> Reply:
    """Date every block a day back."""
    block = reply.get("result")
    if call["method"] != "eth_getBlockByNumber" or block is None:
        return reply
    seconds = int(block["timestamp"], 16) - DAY // timedelta(seconds=1)
    return {**reply, "result": {**block, "timestamp": hex(seconds)}}


def as_of_genesis(genesis: Any) -> Edit:
    """Know the first block and no other, which the chain's own nodes say nothing about in their logs."""

    def edit(call: Call, reply: Reply) -> Reply:
        match call["method"]:
            case "eth_getBlockByNumber":
                knows = call["params"][0] in {"latest", "finalized", "0x0"}
                return {**reply, "result": genesis if knows else None}
            case "eth_getLogs":
                return {"jsonrpc": "2.0", "id": call["id"], "result": []}
            case _:
                return reply

    return edit


async def lay_out(anvil: Anvil, chain: EvmChain) -> None:
    """Put the token at its real address, a counterfeit beside it, and money into payers' hands."""
    await lay_down(anvil, chain.token, chain.decimals)


@asynccontextmanager
async def evm_world(
    anvil: Anvil, chain: EvmChain, *, blocks_to_final: int = BLOCKS_TO_FINAL
) -> AsyncIterator[EvmWorld]:
    """A wallet of its own on a chain that was laid out before."""
    wallet = wallet_of(f"0x{secrets.token_hex(20)}")
    async with faulty_node(anvil.url) as node:
        world = EvmWorld(chain=chain, anvil=anvil, node=node, wallet=wallet, blocks_to_final=blocks_to_final)
        try:
            yield world
        finally:
            await world.close()


@asynccontextmanager
async def new_evm_world(
    program: Path, chain: EvmChain, *, blocks_to_final: int = BLOCKS_TO_FINAL
) -> AsyncIterator[EvmWorld]:
    """A chain of its own, laid out, and a wallet on it."""
    async with running_anvil(program, chain_id=chain.chain_id, blocks_to_final=blocks_to_final) as anvil:
        await lay_out(anvil, chain)
        async with evm_world(anvil, chain, blocks_to_final=blocks_to_final) as world:
            yield world
