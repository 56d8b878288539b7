"""A local TRON chain with USDT at its real address, and a shop's wallet on it that can be paid to."""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

import attrs

from ytmarket.adapters.chains.tron.chain import MAINNET, TronChain
from ytmarket.adapters.chains.tron.listing import PAYMENTS_PER_PAGE
from ytmarket.adapters.chains.tron.reader import BLOCKS_PER_PAGE, TronReader
from ytmarket.adapters.chains.tron.wallet import Address
from ytmarket.testing.chains.anvil import Anvil, running_anvil
from ytmarket.testing.chains.evm_contracts import PAYER
from ytmarket.testing.chains.faults import DAY, Fault
from ytmarket.testing.chains.faulty_node import Call, Edit, faulty_node
from ytmarket.testing.chains.java_tron import BLOCKS_TO_SOLID, JavaTron, java_tron
from ytmarket.testing.chains.token_world import (
    BATCH,
    FORGED,
    NO_PACE,
    TOKEN,
    TokenWorld,
    editing,
    lay_down,
)

__all__ = [
    "BATCH",
    "FORGED",
    "TOKEN",
    "TronWorld",
    "as_of_genesis",
    "editing",
    "lay_out",
    "new_tron_world",
    "token_of",
    "tron_world",
]

HASTY_BLOCKS: Final = 5
HASTY_PAYMENTS: Final = 3
CHAIN_ID: Final = 0x2B6653DC
TOO_LITTLE_ENERGY: Final = 30_000


@attrs.define(kw_only=True)
class TronWorld(TokenWorld[TronReader]):
    """The `NodeUnderTest` of the contract."""

    tron: JavaTron
    address: Address
    chain: TronChain = MAINNET
    by_lists: bool = False

    @property
    def account(self) -> str:
        return f"0x{self.address.body}"

    @property
    def wallet(self) -> str:
        return self.account

    @property
    def token(self) -> str:
        return token_of(self.chain)

    @property
    def decimals(self) -> int:
        return self.chain.decimals

    @property
    def setting(self) -> str:
        return self.chain.setting

    def reader(self) -> TronReader:
        return self.reader_of(self.node.url)

    def hasty_reader(self) -> TronReader:
        return self.reader_of(self.node.url, blocks_per_page=HASTY_BLOCKS, payments_per_page=HASTY_PAYMENTS)

    def reader_with_spare(self) -> TronReader:
        return self.reader_of(self.node.url, self.tron.url)

    def reader_of(
        self,
        *urls: str,
        blocks_per_page: int = BLOCKS_PER_PAGE,
        payments_per_page: int = PAYMENTS_PER_PAGE,
    ) -> TronReader:
        """A reader of these nodes. It is closed with the world."""
        return self._closed_with_us(
            TronReader.connect(
                self.chain,
                self.address.text,
                urls,
                self.clock,
                calls_per_second=NO_PACE,
                timeout=self.timeout,
                blocks_per_page=blocks_per_page,
                by_lists=self.by_lists,
                payments_per_page=payments_per_page,
            )
        )

    async def send(self, data: str, *, to: str | None = None, sender: str = PAYER) -> str:
        return (await super().send(data, to=to, sender=sender)).removeprefix("0x")

    async def run_out_of_energy(self, amount: int) -> None:
        """A transfer that ends before it is done."""
        data = TOKEN.call("transfer", self.account, amount)
        transaction = {"from": PAYER, "to": self.token, "data": data, "gas": hex(TOO_LITTLE_ENERGY)}
        await self.anvil.call("eth_sendTransaction", transaction)
        await self.anvil.mine(1)

    async def make_noise(self) -> None:
        """What `TokenWorld` does; and TRX, and a TRC-10 token that calls itself USDT."""
        await super().make_noise()
        amount = 5 * 10**self.decimals
        await self.run_out_of_energy(amount)
        owner = {"owner_address": f"41{PAYER[2:].lower()}", "to_address": self.address.full, "amount": amount}
        await self.tron.add_native("TransferContract", owner)
        await self.tron.add_native("TransferAssetContract", owner | {"asset_name": b"USDT".hex()})

    async def settle(self) -> None:
        await self.anvil.mine(BLOCKS_TO_SOLID)

    async def _edit_for(self, fault: Fault) -> Edit | None:
        match fault:
            case Fault.LAGS:
                return as_of_genesis(self.chain.genesis)
            case Fault.STANDS_STILL:
                return editing("getnowblock", a_day_older)
            case Fault.IS_OF_ANOTHER_CHAIN:
                nile = "0000000000000000d698d4192c56cb6be724a558448e2684802de4d6cd8690dc"
                return editing("getblockbynum", lambda block: {**block, "blockID": nile})
            case Fault.LACKS_THE_TOKEN:
                words = b"Contract validate error : Smart contract is not exist.".hex()
                lack = {"result": {"code": "CONTRACT_VALIDATE_ERROR", "message": words}}
                return editing("triggerconstantcontract", lambda _answer: lack)
            case Fault.HAS_OTHER_DECIMALS:
                places = f"{self.chain.decimals - 1:064x}"
                return editing(
                    "triggerconstantcontract", lambda answer: {**answer, "constant_result": [places]}
                )
            case _:
                return None


def a_day_older(block: Any) -> Any:
    """Date this block a day back."""
    header = block["block_header"]
    raw = header["raw_data"]
    earlier = {**raw, "timestamp": raw["timestamp"] - DAY // timedelta(milliseconds=1)}
    return {**block, "block_header": {**header, "raw_data": earlier}}


def as_of_genesis(genesis: str) -> Edit:
    """Know the first block and no other, and say nothing about it where receipts are asked for."""
    block = {"blockID": genesis, "block_header": {"raw_data": {"parentHash": "e5" * 32}}}

    def edit(call: Call, reply: Any) -> Any:
        match call["method"].rpartition("/")[2]:
            case "getnowblock":
                return block
            case "getblockbynum":
                return block if call["num"] == 0 else {}
            case "gettransactioninfobyblocknum":
                return []
            case _:
                return reply

    return edit


def token_of(chain: TronChain) -> str:
    """The token's address as anvil writes it."""
    return f"0x{Address.of_text(chain.token).body}"


async def lay_out(anvil: Anvil, chain: TronChain) -> None:
    """Put the token at its real address, a counterfeit beside it, and money into payers' hands."""
    await lay_down(anvil, token_of(chain), chain.decimals)
    await anvil.mine(BLOCKS_TO_SOLID + 1)


@asynccontextmanager
async def tron_world(anvil: Anvil, tron: JavaTron) -> AsyncIterator[TronWorld]:
    """A wallet of its own on a chain that was laid out before."""
    async with faulty_node(tron.url) as node:
        world = TronWorld(anvil=anvil, tron=tron, node=node, address=Address.of_body(secrets.token_hex(20)))
        try:
            yield world
        finally:
            await world.close()


@asynccontextmanager
async def new_tron_world(program: Path, chain: TronChain = MAINNET) -> AsyncIterator[TronWorld]:
    """A chain of its own, laid out, and a wallet on it."""
    async with running_anvil(program, chain_id=CHAIN_ID) as anvil:
        await lay_out(anvil, chain)
        async with java_tron(anvil, chain.genesis) as tron, tron_world(anvil, tron) as world:
            yield world
