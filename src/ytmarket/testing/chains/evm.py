"""A local EVM chain with USDT at its real address, and a shop's wallet on it that can be paid to."""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

import attrs

from ytmarket.adapters.chains.evm.chains import EvmChain
from ytmarket.adapters.chains.evm.reader import EvmReader
from ytmarket.adapters.chains.evm.wallet import wallet_of
from ytmarket.domain.money import PLACES, Usdt
from ytmarket.testing.chains.anvil import Anvil, running_anvil
from ytmarket.testing.chains.evm_contracts import COUNTERFEIT, FORGER, PAYER, PAYMASTER, STRANGER, Contract
from ytmarket.testing.chains.faults import Fault
from ytmarket.testing.chains.faulty_node import SECRET, Call, Edit, FaultyNode, Reply, faulty_node
from ytmarket.testing.chains.shifted_clock import ShiftedClock

NO_PACE: Final = 1_000_000
TIMEOUT: Final = timedelta(seconds=1)
HASTY_SPAN: Final = 2
DAY: Final = timedelta(days=1)
TOKEN: Final = Contract("Token")
FORGED: Final = Contract("Forger")
BATCH: Final = Contract("Paymaster")


@attrs.define
class EvmWorld:
    """The `NodeUnderTest` of the contract, for any EVM network. Its readers ask through a `FaultyNode`."""

    chain: EvmChain
    anvil: Anvil
    node: FaultyNode
    wallet: str
    clock: ShiftedClock = attrs.field(factory=ShiftedClock)
    transfers_per_transaction_max: int = 1_000
    final_at_once: bool = False
    faults: frozenset[Fault] = frozenset(Fault)
    _readers: list[EvmReader] = attrs.field(factory=list, init=False)

    @property
    def setting(self) -> str:
        return self.chain.setting

    @property
    def secret(self) -> str:
        return SECRET

    def reader(self) -> EvmReader:
        return self.reader_of(self.node.url)

    def hasty_reader(self) -> EvmReader:
        return self.reader_of(self.node.url, span=HASTY_SPAN)

    def reader_with_spare(self) -> EvmReader:
        return self.reader_of(self.node.url, self.anvil.url)

    def reader_of(self, *urls: str, span: int = 2_000, chain: EvmChain | None = None) -> EvmReader:
        """A reader of these nodes. It is closed with the world."""
        reader = EvmReader.connect(
            chain or self.chain,
            self.wallet,
            urls,
            self.clock,
            calls_per_second=NO_PACE,
            timeout=TIMEOUT,
            span=span,
        )
        self._readers.append(reader)
        return reader

    async def pay(self, *amounts: Usdt) -> str:
        scale = 10 ** (self.chain.decimals - PLACES)
        return await self.pay_raw(*(amount.micros * scale for amount in amounts))

    async def pay_raw(self, *amounts: int) -> str:
        """One transaction with so many transfers, in the token's smallest units."""
        if len(amounts) == 1:
            return await self.send(TOKEN.call("transfer", self.wallet, amounts[0]))
        to = [self.wallet] * len(amounts)
        return await self.send(BATCH.call("pay", self.chain.token, to, amounts), to=PAYMASTER)

    async def drip(self, transfers: int) -> str:
        """One transaction with transfers of 1, 2, 3, ... smallest units."""
        return await self.send(BATCH.call("drip", self.chain.token, self.wallet, transfers), to=PAYMASTER)

    async def send(self, data: str, *, to: str | None = None, sender: str = PAYER) -> str:
        """A transaction in a block of its own, to the token unless told otherwise; its hash."""
        return await self.anvil.send(sender, to or self.chain.token, data)

    async def make_noise(self) -> None:
        amount = 5 * 10**self.chain.decimals
        wallet, token = self.wallet, self.chain.token
        # Another token of the same name, an event that nobody's money moved for, a transfer of
        # nothing in another's name, one that failed, one to somebody else, one to ourselves.
        await self.send(TOKEN.call("transfer", wallet, amount), to=COUNTERFEIT)
        await self.send(FORGED.call("forge", PAYER, wallet, amount), to=FORGER)
        await self.send(TOKEN.call("transferFrom", PAYER, wallet, 0), sender=STRANGER)
        await self.send(TOKEN.call("transfer", wallet, 0))
        await self.send(BATCH.call("payAndFail", token, wallet, amount), to=PAYMASTER)
        await self.send(TOKEN.call("transfer", STRANGER, amount))
        await self.deal(wallet, amount)
        await self.send(TOKEN.call("transfer", wallet, amount), sender=wallet)
        await self.send(TOKEN.call("transfer", STRANGER, amount), sender=wallet)

    async def settle(self) -> None:
        await self.anvil.mine((self.chain.finality.depth or 0) + 5)

    async def deal(self, owner: str, amount: int) -> None:
        """Give somebody so much of the token, and something to pay for transactions."""
        slot = TOKEN.balance_slot(owner)
        await self.anvil.call("anvil_setStorageAt", self.chain.token, slot, f"0x{amount:064x}")
        await self.anvil.call("anvil_setBalance", owner, hex(10**24))

    def outage(self) -> AbstractAsyncContextManager[None]:
        return self.failing(Fault.HANGS_UP)

    @asynccontextmanager
    async def failing(self, fault: Fault) -> AsyncIterator[None]:
        """The node has this fault inside the block."""
        if fault is Fault.STANDS_STILL:
            self.clock.advance(DAY)
            yield
            return
        edit = await self._edit_for(fault)
        with self.node.having(fault) if edit is None else self.node.answering(edit):
            yield

    def pass_time(self, by: timedelta) -> None:
        self.clock.advance(by)

    async def close(self) -> None:
        for reader in self._readers:
            await reader.close()

    async def _edit_for(self, fault: Fault) -> Edit | None:
        match fault:
            case Fault.LAGS:
                return as_of_genesis(await self.anvil.block("0x0"))
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
    codes = {chain.token: TOKEN, COUNTERFEIT: TOKEN, PAYMASTER: BATCH, FORGER: FORGED}
    for address, contract in codes.items():
        await anvil.call("anvil_setCode", address, contract.code)
    for token in (chain.token, COUNTERFEIT):
        await anvil.call("anvil_setBalance", STRANGER, hex(10**24))
        await anvil.send(PAYER, token, TOKEN.call("setDecimals", chain.decimals))
        for owner in (PAYER, PAYMASTER):
            await anvil.call("anvil_setStorageAt", token, TOKEN.balance_slot(owner), f"0x{10**40:064x}")


@asynccontextmanager
async def evm_world(anvil: Anvil, chain: EvmChain) -> AsyncIterator[EvmWorld]:
    """A wallet of its own on a chain that was laid out before."""
    wallet = wallet_of(f"0x{secrets.token_hex(20)}")
    async with faulty_node(anvil.url) as node:
        world = EvmWorld(chain, anvil, node, wallet)
        try:
            yield world
        finally:
            await world.close()


@asynccontextmanager
async def new_evm_world(program: Path, chain: EvmChain) -> AsyncIterator[EvmWorld]:
    """A chain of its own, laid out, and a wallet on it."""
    async with running_anvil(program, chain_id=chain.chain_id) as anvil:
        await lay_out(anvil, chain)
        async with evm_world(anvil, chain) as world:
            yield world
