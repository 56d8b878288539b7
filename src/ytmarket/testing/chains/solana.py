"""A local Solana with USDT at its real address, and a shop's wallet on it that can be paid to."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import timedelta
from typing import Final

import attrs
from solders.address_lookup_table_account import AddressLookupTableAccount
from solders.instruction import Instruction
from solders.keypair import Keypair
from solders.pubkey import Pubkey
from solders.system_program import TransferParams as LamportParams
from solders.system_program import transfer as lamports
from solders.token.associated import get_associated_token_address

from ytmarket.adapters.chains.solana.chain import DECIMALS, MINT, SETTING
from ytmarket.adapters.chains.solana.history import PAGE_MAX
from ytmarket.adapters.chains.solana.reader import TRANSACTIONS_MAX, SolanaReader
from ytmarket.domain.money import Usdt
from ytmarket.testing.chains.faults import DAY, PATIENT, Fault
from ytmarket.testing.chains.faulty_node import SECRET, Call, Edit, FaultyNode, Reply, faulty_node
from ytmarket.testing.chains.litesvm import SLOTS_TO_FINAL, Entry, Ledger
from ytmarket.testing.chains.shifted_clock import ShiftedClock
from ytmarket.testing.chains.solana_rpc import SolanaRpc, served
from ytmarket.testing.chains.solana_tokens import (
    checked_transfer,
    minting,
    opening,
    plain_transfer,
    put_mint,
    put_table,
)

NO_PACE: Final = 1_000_000
HASTY: Final = 2
PLENTY: Final = 10**18
ANOTHER_GENESIS: Final = "EtWTRABZaYq6iMfeYKouRu166VU2xqa1wcaWoxPkrZBG"


@attrs.define
class SolanaWorld:
    """The `NodeUnderTest` of the contract. Its readers ask through a `FaultyNode`."""

    rpc: SolanaRpc
    url: str
    node: FaultyNode
    clock: ShiftedClock = attrs.field(factory=ShiftedClock)
    timeout: timedelta = PATIENT
    owner: Keypair = attrs.field(factory=Keypair)
    """Holds the shop's wallet."""

    stranger: Pubkey = attrs.field(factory=lambda: Keypair().pubkey())
    counterfeit: Pubkey = attrs.field(factory=lambda: Keypair().pubkey())
    """A token that anybody may call USDT."""

    transfers_per_transaction_max: int = 1  # more than one are counted as their sum
    keeps_sums: bool = True
    waits_above: Usdt | None = None
    final_at_once: bool = False
    faults: frozenset[Fault] = frozenset(Fault)
    _readers: list[SolanaReader] = attrs.field(factory=list, init=False)

    @property
    def ledger(self) -> Ledger:
        return self.rpc.ledger

    @property
    def wallet(self) -> Pubkey:
        return self.owner.pubkey()

    @property
    def account(self) -> Pubkey:
        """Where the wallet's USDT arrives."""
        return get_associated_token_address(self.wallet, MINT)

    @property
    def payer(self) -> Pubkey:
        return self.ledger.payer.pubkey()

    @property
    def setting(self) -> str:
        return SETTING

    @property
    def secret(self) -> str:
        return SECRET

    def reader(self) -> SolanaReader:
        return self.reader_of(self.node.url)

    def hasty_reader(self) -> SolanaReader:
        return self.reader_of(self.node.url, transactions=HASTY, listing=HASTY)

    def reader_with_spare(self) -> SolanaReader:
        return self.reader_of(self.node.url, self.url)

    def reader_of(
        self,
        *urls: str,
        wallet: str | None = None,
        transactions: int = TRANSACTIONS_MAX,
        listing: int = PAGE_MAX,
    ) -> SolanaReader:
        """A reader of these nodes. It is closed with the world."""
        reader = SolanaReader.connect(
            wallet or str(self.wallet),
            urls,
            self.clock,
            calls_per_second=NO_PACE,
            timeout=self.timeout,
            transactions=transactions,
            listing=listing,
        )
        self._readers.append(reader)
        return reader

    async def pay(self, *amounts: Usdt) -> str:
        """The first who pays opens the wallet's token account."""
        entry = self.send(self.opening(), *(self.paying(amount.micros) for amount in amounts))
        assert entry.error is None, entry.error
        return entry.signature

    def send(self, *instructions: Instruction, signers: tuple[Keypair, ...] = ()) -> Entry:
        """A transaction in a slot of its own."""
        entry = self.ledger.execute(*instructions, signers=signers)
        self.ledger.pass_slots(1)
        return entry

    def opening(self, owner: Pubkey | None = None, mint: Pubkey = MINT) -> Instruction:
        """See that somebody, the wallet unless told otherwise, has a token account."""
        return opening(self.payer, owner or self.wallet, mint)

    def paying(self, units: int, to: Pubkey | None = None, mint: Pubkey = MINT) -> Instruction:
        """A transfer from the payer to somebody, the wallet unless told otherwise."""
        return checked_transfer(self.payer, to or self.wallet, units, mint)

    def sweeping(self, units: int, to: Pubkey | None = None) -> Instruction:
        """Move some of the wallet's USDT on; the wallet has to sign."""
        return plain_transfer(self.wallet, to or self.payer, units)

    def minting(self, units: int) -> Instruction:
        """Make so much more of the token in the wallet."""
        return minting(self.payer, units, to=self.wallet)

    def table_of(self, *addresses: Pubkey) -> AddressLookupTableAccount:
        """A lookup table of these addresses, on the chain since the present slot."""
        table = AddressLookupTableAccount(Keypair().pubkey(), list(addresses))
        put_table(self.ledger, table)
        return table

    async def make_noise(self) -> None:
        units = 5 * 10**DECIMALS
        sign = (self.owner,)
        # A transfer of nothing, one of another token, one that failed, two that failed together, one
        # to somebody else, one that went on at once, one to ourselves, one of lamports.
        self.send(self.opening(), self.paying(0))
        self.send(self.opening(mint=self.counterfeit), self.paying(units, mint=self.counterfeit))
        self.send(self.paying(PLENTY))
        self.send(self.paying(units), self.paying(PLENTY))
        self.send(self.opening(self.stranger), self.paying(units, self.stranger))
        self.send(self.paying(units), self.sweeping(units, self.stranger), signers=sign)
        if (held := self.balance()) > 0:
            self.send(self.sweeping(held, self.wallet), signers=sign)
            self.send(self.sweeping(held), signers=sign)
        self.send(lamports(LamportParams(from_pubkey=self.payer, to_pubkey=self.account, lamports=1)))
        self.send(lamports(LamportParams(from_pubkey=self.payer, to_pubkey=self.wallet, lamports=10**9)))

    def balance(self) -> int:
        """How many units the wallet holds."""
        holding = self.ledger.holding(self.account)
        return 0 if holding is None else holding.amount

    async def settle(self) -> None:
        self.ledger.pass_slots(SLOTS_TO_FINAL)

    async def settle_soon(self) -> None:
        await self.settle()

    def outage(self) -> AbstractAsyncContextManager[None]:
        return self.failing(Fault.HANGS_UP)

    @asynccontextmanager
    async def failing(self, fault: Fault) -> AsyncIterator[None]:
        """The node has this fault inside the block."""
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
                return answered_by(SolanaRpc(self.ledger, head=1))
            case Fault.STANDS_STILL:
                return answered_by(SolanaRpc(self.ledger, late_by=DAY))
            case Fault.IS_OF_ANOTHER_CHAIN:
                return instead("getGenesisHash", ANOTHER_GENESIS)
            case Fault.LACKS_THE_TOKEN:
                return answered_by(SolanaRpc(Ledger()))
            case Fault.HAS_OTHER_DECIMALS:
                other = Ledger()
                put_mint(other, MINT, decimals=DECIMALS + 3)
                return answered_by(SolanaRpc(other))
            case _:
                return None


def instead(method: str, result: object) -> Edit:
    """Answer this method with this result."""

    def edit(call: Call, reply: Reply) -> Reply:
        return {**reply, "result": result} if call["method"] == method else reply

    return edit


def answered_by(rpc: SolanaRpc) -> Edit:
    """Let another machine answer."""

    def edit(call: Call, _reply: Reply) -> Reply:
        return rpc.answer(call)

    return edit


def lay_out(world: SolanaWorld) -> None:
    """Put the token at its real address, a counterfeit beside it, and both into the payer's hands."""
    for mint in (MINT, world.counterfeit):
        put_mint(world.ledger, mint)
        world.send(world.opening(world.payer, mint), minting(world.payer, PLENTY - 1, mint))
    world.ledger.fund(world.wallet)
    world.ledger.pass_slots(SLOTS_TO_FINAL)


@asynccontextmanager
async def new_solana_world() -> AsyncIterator[SolanaWorld]:
    """A chain of its own, laid out, and a wallet on it that nobody has paid to yet."""
    rpc = SolanaRpc(Ledger())
    async with served(rpc) as url, faulty_node(url) as node:
        world = SolanaWorld(rpc, url, node)
        lay_out(world)
        try:
            yield world
        finally:
            await world.close()
