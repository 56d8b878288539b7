"""A local TRON chain with USDT at its real address, and a shop's wallet on it that can be paid to."""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

import attrs

from ytmarket.adapters.chains.tron.chain import MAINNET, TronChain
from ytmarket.adapters.chains.tron.reader import BLOCKS_PER_PAGE, TronReader
from ytmarket.adapters.chains.tron.wallet import Address
from ytmarket.domain.money import Usdt
from ytmarket.testing.chains.anvil import Anvil, running_anvil
from ytmarket.testing.chains.evm_contracts import COUNTERFEIT, FORGER, PAYER, PAYMASTER, STRANGER, Contract
from ytmarket.testing.chains.faults import Fault
from ytmarket.testing.chains.faulty_node import SECRET, Call, Edit, FaultyNode, faulty_node
from ytmarket.testing.chains.java_tron import BLOCKS_TO_SOLID, JavaTron, java_tron
from ytmarket.testing.chains.shifted_clock import ShiftedClock

NO_PACE: Final = 1_000_000
TIMEOUT: Final = timedelta(seconds=1)
HASTY_BLOCKS: Final = 5
DAY: Final = timedelta(days=1)
CHAIN_ID: Final = 0x2B6653DC
MUCH: Final = 10**30
TOO_LITTLE_ENERGY: Final = 30_000
TOKEN: Final = Contract("Token")
FORGED: Final = Contract("Forger")
BATCH: Final = Contract("Paymaster")


@attrs.define
class TronWorld:
    """The `NodeUnderTest` of the contract. Its readers ask through a `FaultyNode`."""

    anvil: Anvil
    tron: JavaTron
    node: FaultyNode
    address: Address
    chain: TronChain = MAINNET
    clock: ShiftedClock = attrs.field(factory=ShiftedClock)
    transfers_per_transaction_max: int = 1_000
    final_at_once: bool = False
    faults: frozenset[Fault] = frozenset(Fault)
    _readers: list[TronReader] = attrs.field(factory=list, init=False)

    @property
    def wallet(self) -> str:
        return f"0x{self.address.body}"

    @property
    def token(self) -> str:
        return token_of(self.chain)

    @property
    def setting(self) -> str:
        return self.chain.setting

    @property
    def secret(self) -> str:
        return SECRET

    def reader(self) -> TronReader:
        return self.reader_of(self.node.url)

    def hasty_reader(self) -> TronReader:
        return self.reader_of(self.node.url, blocks_per_page=HASTY_BLOCKS)

    def reader_with_spare(self) -> TronReader:
        return self.reader_of(self.node.url, self.tron.url)

    def reader_of(self, *urls: str, blocks_per_page: int = BLOCKS_PER_PAGE) -> TronReader:
        """A reader of these nodes. It is closed with the world."""
        reader = TronReader.connect(
            self.chain,
            self.address.text,
            urls,
            self.clock,
            calls_per_second=NO_PACE,
            timeout=TIMEOUT,
            blocks_per_page=blocks_per_page,
        )
        self._readers.append(reader)
        return reader

    async def pay(self, *amounts: Usdt) -> str:
        return await self.pay_raw(*(amount.micros for amount in amounts))

    async def pay_raw(self, *amounts: int) -> str:
        """One transaction with so many transfers, in the token's smallest units."""
        if len(amounts) == 1:
            return await self.send(TOKEN.call("transfer", self.wallet, amounts[0]))
        to = [self.wallet] * len(amounts)
        return await self.send(BATCH.call("pay", self.token, to, amounts), to=PAYMASTER)

    async def drip(self, transfers: int) -> str:
        """One transaction with transfers of 1, 2, 3, ... smallest units."""
        return await self.send(BATCH.call("drip", self.token, self.wallet, transfers), to=PAYMASTER)

    async def send(self, data: str, *, to: str | None = None, sender: str = PAYER) -> str:
        """A transaction in a block of its own, to the token unless told otherwise; its id."""
        return (await self.anvil.send(sender, to or self.token, data)).removeprefix("0x")

    async def run_out_of_energy(self, amount: int) -> None:
        """A transfer that ends before it is done."""
        data = TOKEN.call("transfer", self.wallet, amount)
        transaction = {"from": PAYER, "to": self.token, "data": data, "gas": hex(TOO_LITTLE_ENERGY)}
        await self.anvil.call("eth_sendTransaction", transaction)
        await self.anvil.mine(1)

    async def make_noise(self) -> None:
        amount = 5 * 10**self.chain.decimals
        wallet, token = self.wallet, self.token
        # Another token of the same name, an event that nobody's money moved for, a transfer of
        # nothing in another's name, two that failed, one to somebody else, one to ourselves.
        await self.send(TOKEN.call("transfer", wallet, amount), to=COUNTERFEIT)
        await self.send(FORGED.call("forge", PAYER, wallet, amount), to=FORGER)
        await self.send(TOKEN.call("transferFrom", PAYER, wallet, 0), sender=STRANGER)
        await self.send(TOKEN.call("transfer", wallet, 0))
        await self.send(BATCH.call("payAndFail", token, wallet, amount), to=PAYMASTER)
        await self.run_out_of_energy(amount)
        await self.send(TOKEN.call("transfer", STRANGER, amount))
        await self.deal(wallet, amount)
        await self.send(TOKEN.call("transfer", wallet, amount), sender=wallet)
        await self.send(TOKEN.call("transfer", STRANGER, amount), sender=wallet)
        # TRX, and a TRC-10 token that calls itself USDT: neither is a contract's.
        owner = {"owner_address": f"41{PAYER[2:].lower()}", "to_address": self.address.full, "amount": amount}
        await self.tron.add_native("TransferContract", owner)
        await self.tron.add_native("TransferAssetContract", owner | {"asset_name": b"USDT".hex()})

    async def settle(self) -> None:
        await self.anvil.mine(BLOCKS_TO_SOLID)

    async def deal(self, owner: str, amount: int) -> None:
        """Give somebody so much of the token, and something to pay for transactions."""
        slot = TOKEN.balance_slot(owner)
        await self.anvil.call("anvil_setStorageAt", self.token, slot, f"0x{amount:064x}")
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
        edit = self._edit_for(fault)
        with self.node.having(fault) if edit is None else self.node.answering(edit):
            yield

    def pass_time(self, by: timedelta) -> None:
        self.clock.advance(by)

    async def close(self) -> None:
        for reader in self._readers:
            await reader.close()

    def _edit_for(self, fault: Fault) -> Edit | None:
        match fault:
            case Fault.LAGS:
                return as_of_genesis(self.chain.genesis)
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


def editing(name: str, change: Any) -> Edit:
    """Change what the call of this name answers."""

    def edit(call: Call, reply: Any) -> Any:
        return change(reply) if call["method"].endswith(f"/{name}") else reply

    return edit


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
    codes = {token_of(chain): TOKEN, COUNTERFEIT: TOKEN, PAYMASTER: BATCH, FORGER: FORGED}
    for address, contract in codes.items():
        await anvil.call("anvil_setCode", address, contract.code)
    await anvil.call("anvil_setBalance", STRANGER, hex(10**24))
    for token in (token_of(chain), COUNTERFEIT):
        await anvil.send(PAYER, token, TOKEN.call("setDecimals", chain.decimals))
        for owner in (PAYER, PAYMASTER):
            await anvil.call("anvil_setStorageAt", token, TOKEN.balance_slot(owner), f"0x{MUCH:064x}")
    await anvil.mine(BLOCKS_TO_SOLID + 1)


@asynccontextmanager
async def tron_world(anvil: Anvil, tron: JavaTron) -> AsyncIterator[TronWorld]:
    """A wallet of its own on a chain that was laid out before."""
    async with faulty_node(tron.url) as node:
        world = TronWorld(anvil, tron, node, Address.of_body(secrets.token_hex(20)))
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
