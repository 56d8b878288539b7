"""A ledger of Solana: LiteSVM, the real runtime with the real token program, and all that it executed."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Any, Final

import attrs
from solders.account import Account
from solders.address_lookup_table_account import AddressLookupTableAccount
from solders.instruction import Instruction
from solders.keypair import Keypair
from solders.litesvm import LiteSVM
from solders.message import Message, MessageV0
from solders.pubkey import Pubkey
from solders.token.state import Mint, TokenAccount
from solders.transaction import VersionedTransaction
from solders.transaction_metadata import FailedTransactionMetadata

from ytmarket.adapters.chains.solana.chain import TOKEN_PROGRAM
from ytmarket.adapters.system.clock import SystemClock
from ytmarket.domain.times import epoch_seconds

FIRST_SLOT: Final = 1_000
SLOTS_TO_FINAL: Final = 32
RICH: Final = 10**12
FEE: Final = 5_000
TOKEN_ACCOUNT_BYTES: Final = 165


@attrs.frozen
class Holding:
    """What a token account holds at one moment."""

    mint: Pubkey
    owner: Pubkey
    amount: int
    decimals: int


@attrs.frozen(kw_only=True)
class Balances:
    """Of all accounts of a transaction, in their order: lamports, and tokens where it is a token account."""

    lamports: Sequence[int]
    tokens: Sequence[Holding | None]


@attrs.frozen(kw_only=True)
class Entry:
    """A transaction that was executed, whether it failed or not."""

    signature: str
    slot: int
    transaction: VersionedTransaction
    writable: Sequence[Pubkey]  # found in lookup tables
    readonly: Sequence[Pubkey]
    before: Balances
    after: Balances
    result: Any  # of LiteSVM
    error: Any  # None where it succeeded

    @property
    def keys(self) -> list[Pubkey]:
        return [*self.transaction.message.account_keys, *self.writable, *self.readonly]


@attrs.define
class Ledger:
    """Slots pass when they are told to; everything executed in between is of one slot."""

    slot: int = FIRST_SLOT
    entries: dict[str, Entry] = attrs.field(factory=dict, init=False)
    """By signature, oldest first."""

    payer: Keypair = attrs.field(factory=Keypair, init=False)
    """Pays all fees."""

    _named: dict[str, list[Entry]] = attrs.field(factory=lambda: defaultdict(list), init=False)
    _svm: LiteSVM = attrs.field(factory=LiteSVM, init=False)
    _began: int = attrs.field(factory=lambda: epoch_seconds(SystemClock().now()), init=False)

    def __attrs_post_init__(self) -> None:
        self._svm.warp_to_slot(self.slot)
        self.fund(self.payer.pubkey())

    @property
    def final(self) -> int:
        """The newest slot that nothing can undo any more."""
        return self.slot - SLOTS_TO_FINAL

    def time_of(self, slot: int) -> int:
        """Unix time of a slot; five take two seconds."""
        return self._began + (slot - FIRST_SLOT) * 2 // 5

    def entries_of(self, address: Pubkey) -> Sequence[Entry]:
        """Those that name the address, oldest first."""
        return self._named[str(address)]

    def pass_slots(self, count: int) -> None:
        self.slot += count
        self._svm.warp_to_slot(self.slot)

    def fund(self, address: Pubkey) -> None:
        """Give somebody something to pay for transactions."""
        self._svm.airdrop(address, RICH)

    def put(self, address: Pubkey, owner: Pubkey, data: bytes) -> None:
        """Place an account where it could not be made to stand."""
        self._svm.set_account(address, Account(RICH, data, owner, False, 0))  # noqa: FBT003 - LiteSVM's own order

    def account(self, address: Pubkey) -> Account | None:
        return self._svm.get_account(address)

    def holding(self, address: Pubkey) -> Holding | None:
        """What a token account holds; None where there is none."""
        account = self._svm.get_account(address)
        if account is None or account.owner != TOKEN_PROGRAM or len(account.data) != TOKEN_ACCOUNT_BYTES:
            return None
        token = TokenAccount.from_bytes(account.data)
        mint = Mint.from_bytes(self._svm.get_account(token.mint).data)
        return Holding(token.mint, token.owner, token.amount, mint.decimals)

    def holdings(self) -> dict[Pubkey, Holding]:
        """Every token account that a transaction has ever named."""
        named = {key: self.holding(key) for key in map(Pubkey.from_string, self._named)}
        return {key: holding for key, holding in named.items() if holding is not None}

    def execute(
        self,
        *instructions: Instruction,
        signers: Sequence[Keypair] = (),
        tables: Sequence[AddressLookupTableAccount] = (),
    ) -> Entry:
        """One transaction in the present slot; of version 0 where lookup tables are given."""
        self._svm.expire_blockhash()  # so that equal instructions make different transactions
        payer, blockhash = self.payer.pubkey(), self._svm.latest_blockhash()
        message = (
            MessageV0.try_compile(payer, list(instructions), list(tables), blockhash)
            if tables
            else Message.new_with_blockhash(list(instructions), payer, blockhash)
        )
        return self._run(VersionedTransaction(message, [self.payer, *signers]))

    def _run(self, transaction: VersionedTransaction) -> Entry:
        writable, readonly = self._looked_up(transaction)
        keys = [*transaction.message.account_keys, *writable, *readonly]
        before = self._balances(keys)
        result = self._svm.send_transaction(transaction)
        has_failed = isinstance(result, FailedTransactionMetadata)
        entry = Entry(
            signature=str(transaction.signatures[0]),
            slot=self.slot,
            transaction=transaction,
            writable=writable,
            readonly=readonly,
            before=before,
            after=self._balances(keys),
            result=result.meta() if has_failed else result,
            error=result.err() if has_failed else None,
        )
        self.entries[entry.signature] = entry
        for key in set(keys):
            self._named[str(key)].append(entry)
        return entry

    def _balances(self, keys: Sequence[Pubkey]) -> Balances:
        return Balances(
            lamports=[self._svm.get_balance(key) or 0 for key in keys],
            tokens=[self.holding(key) for key in keys],
        )

    def _looked_up(self, transaction: VersionedTransaction) -> tuple[list[Pubkey], list[Pubkey]]:
        writable, readonly = list[Pubkey](), list[Pubkey]()
        message = transaction.message
        for lookup in message.address_table_lookups if isinstance(message, MessageV0) else ():
            addresses = table_addresses(self._svm.get_account(lookup.account_key).data)
            writable += [addresses[place] for place in lookup.writable_indexes]
            readonly += [addresses[place] for place in lookup.readonly_indexes]
        return writable, readonly


TABLE_HEADER_BYTES: Final = 56
ADDRESS_BYTES: Final = 32


def table_addresses(data: bytes) -> list[Pubkey]:
    """What a lookup table lists."""
    starts = range(TABLE_HEADER_BYTES, len(data), ADDRESS_BYTES)
    return [Pubkey(data[start : start + ADDRESS_BYTES]) for start in starts]
