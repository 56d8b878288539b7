"""From a block's receipts to deposits: which events moved our token to our wallet, and how much."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Final, Protocol

import attrs

from ytmarket.adapters.chains.tron.chain import TronChain
from ytmarket.adapters.chains.tron.wallet import BODY_CHARS, Address
from ytmarket.adapters.chains.tron.wire import TRANSFER, WORD_CHARS, Block, Info, Log, Transaction
from ytmarket.domain.deposits import Deposit
from ytmarket.domain.times import from_epoch

TOPICS: Final = 3


class Contradiction(Exception):
    """The node's answers cannot all be true. Never leaves this package."""


@attrs.frozen
class Moved:
    """What came to our wallet in one block, transfer by transfer, in chain order; and how much went."""

    deposits: tuple[Deposit, ...]
    outgoing: int


@attrs.frozen(kw_only=True)
class Paid:
    """One transfer, and where in its block it stands."""

    tx_hash: str
    index: int
    sender: str  # as in a topic
    raw: int

    @classmethod
    def by(cls, log: Log, tx_hash: str, index: int) -> Paid:
        return cls(tx_hash=tx_hash, index=index, sender=log.topics[1], raw=int(log.data, 16))


class BlockPlace(Protocol):
    """What a deposit has to know of its block."""

    @property
    def number(self) -> int: ...

    @property
    def id(self) -> str: ...

    @property
    def seconds(self) -> int: ...


@attrs.frozen
class Filter:
    """The transfers to look for."""

    chain: TronChain
    token: Address
    wallet: Address

    @classmethod
    def of(cls, chain: TronChain, wallet: Address) -> Filter:
        return cls(chain, Address.of_text(chain.token), wallet)

    def read(self, block: Block, infos: Sequence[Info]) -> Moved:
        """What a whole block moved to our wallet and from it. Raises `Contradiction`.

        An event is numbered among all of its block, whoever emitted it, as java-tron numbers it.
        """
        found, outgoing, index = list[Deposit](), 0, 0
        for transaction, info in _paired(block, infos):
            for log in info.log:
                if self.is_transfer(log) and _succeeded(transaction, info):
                    sender, recipient = (topic[-BODY_CHARS:] for topic in log.topics[1:])
                    if self._is_payment(log):
                        found.append(self.deposit(Paid.by(log, transaction.id, index), block))
                    elif sender == self.wallet.body != recipient:
                        outgoing += int(log.data, 16)
                index += 1
        return Moved(tuple(found), outgoing)

    def payments(self, info: Info) -> Iterator[Log]:
        """What one transaction paid to our wallet, by its receipt. Raises `Contradiction`."""
        for log in info.log if info.succeeded else ():
            if self.is_transfer(log) and self._is_payment(log):
                yield log

    def _is_payment(self, log: Log) -> bool:
        """Whether a transfer brought something: it moved more than 0, and not from the wallet to itself."""
        sender, recipient = (topic[-BODY_CHARS:] for topic in log.topics[1:])
        return recipient == self.wallet.body != sender and int(log.data, 16) > 0

    def is_transfer(self, log: Log) -> bool:
        """Whether it is one of the token's. Raises `Contradiction` for one in another form."""
        if log.address != self.token.body or log.topics[:1] != (TRANSFER,):
            return False
        if len(log.topics) != TOPICS or len(log.data) != WORD_CHARS:
            raise Contradiction("gives a transfer of the token in another form")
        return True

    def deposit(self, paid: Paid, block: BlockPlace) -> Deposit:
        return Deposit(
            network=self.chain.network,
            tx_hash=paid.tx_hash,
            event_index=paid.index,
            sender=Address.of_topic(paid.sender).text,
            recipient=self.wallet.text,
            raw=paid.raw,
            decimals=self.chain.decimals,
            height=block.number,
            block_ref=block.id,
            at=from_epoch(block.seconds),
        )


def _paired(block: Block, infos: Sequence[Info]) -> Iterator[tuple[Transaction, Info]]:
    by_id: Mapping[str, Info] = {info.id: info for info in infos}
    ids = {transaction.id for transaction in block.transactions}
    if by_id.keys() != ids or len(ids) != len(infos):
        raise Contradiction(f"gives receipts of other transactions than those of block {block.number}")
    if any(info.number != block.number for info in infos):
        raise Contradiction(f"gives receipts of another block than {block.number}")
    for transaction in block.transactions:
        yield transaction, by_id[transaction.id]


def _succeeded(transaction: Transaction, info: Info) -> bool:
    if transaction.succeeded != info.succeeded:
        raise Contradiction(f"does not agree with itself on how {transaction.id} ended")
    return info.succeeded
