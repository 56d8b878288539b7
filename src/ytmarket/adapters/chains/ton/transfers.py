"""From a transaction of our jetton wallet to a deposit: what it was told to take in, if it did."""

from __future__ import annotations

from typing import Any, Final

import attrs
from pytonlib.utils.tlb import Slice, Transaction

from ytmarket.adapters.chains.ton.address import Address
from ytmarket.adapters.chains.ton.cells import CellReader, cell_of_text
from ytmarket.adapters.chains.ton.chain import DECIMALS, NETWORK
from ytmarket.adapters.chains.ton.messages import InternalMessage, cause_of
from ytmarket.adapters.chains.ton.position import Position
from ytmarket.adapters.chains.ton.wallet import Wallet
from ytmarket.domain.deposits import Deposit
from ytmarket.domain.times import from_epoch

INTERNAL_TRANSFER: Final = 0x178D4519
"""What one jetton wallet tells another: so much is yours now, it is from this owner."""

OPCODE_BITS: Final = 32
QUERY_BITS: Final = 64


@attrs.frozen
class Link:
    """A transaction by its logical time and its hash, as the next one and the account itself name it."""

    lt: int
    hash: str

    def position(self, account: str) -> Position:
        """The position behind this transaction of an account."""
        return Position(account, self.lt, self.hash)


BEGINNING: Final = Link(0, "")
"""What comes before an account's first transaction."""


@attrs.frozen(kw_only=True)
class Executed:
    """One transaction of our jetton wallet."""

    link: Link
    before: Link
    time: int
    deposit: Deposit | None


def read_executed(data: str, link: Link, account: Address, wallet: Wallet) -> Executed:
    """What stands in this bag of cells, whose hash tonlib has checked.

    Raises `ValueError` where it is no transaction, or not the one that is meant.
    """
    root = cell_of_text(data)
    try:
        transaction = Transaction(Slice(root))
    except Exception as error:  # noqa: BLE001 - the library stumbles over garbage in many ways
        raise ValueError(f"no transaction ({type(error).__name__})") from None
    if (transaction.account_addr, transaction.lt) != (account.account, link.lt):
        raise ValueError("another transaction")
    return Executed(
        link=link,
        before=_before(transaction),
        time=transaction.now,
        deposit=_deposit(transaction, cause_of(CellReader(root)), link, account, wallet),
    )


def _before(transaction: Any) -> Link:
    if transaction.prev_trans_lt == 0:
        return BEGINNING
    return Link(transaction.prev_trans_lt, transaction.prev_trans_hash)


def _deposit(
    transaction: Any, message: InternalMessage | None, link: Link, account: Address, wallet: Wallet
) -> Deposit | None:
    """The jetton wallet's own code has refused whoever is neither the master nor another wallet of it.

    A refusal aborts the transaction, and so does anything else that goes wrong in it.
    """
    description = transaction.description
    if message is None or message.has_bounced or description.type != "trans_ord" or description.aborted:
        return None
    if message.source == account:
        return None  # from ourselves to ourselves
    taken = _taken(message.body)
    if taken is None:
        return None
    amount, sender = taken
    return Deposit(
        network=NETWORK,
        tx_hash=link.hash,
        event_index=0,
        sender=None if sender is None else sender.friendly,
        recipient=wallet.text,
        raw=amount,
        decimals=DECIMALS,
        height=link.lt,
        block_ref="",
        at=from_epoch(transaction.now),
    )


def _taken(body: CellReader) -> tuple[int, Address | None] | None:
    """How much, and from whom. Whatever else the message carries, such as a comment, is not looked at."""
    if body.bits_left < OPCODE_BITS or body.uint(OPCODE_BITS) != INTERNAL_TRANSFER:
        return None
    body.bits(QUERY_BITS)
    amount = body.coins()
    return (amount, body.address()) if amount else None
