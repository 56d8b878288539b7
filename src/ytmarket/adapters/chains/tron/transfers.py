"""From a block's receipts to deposits: which events moved our token to our wallet, and how much."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

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
                if self._is_transfer(log) and _succeeded(transaction, info):
                    sender, recipient = (topic[-BODY_CHARS:] for topic in log.topics[1:])
                    if recipient == self.wallet.body != sender and int(log.data, 16) > 0:
                        found.append(self._deposit(block, transaction.id, index, log))
                    elif sender == self.wallet.body != recipient:
                        outgoing += int(log.data, 16)
                index += 1
        return Moved(tuple(found), outgoing)

    def _is_transfer(self, log: Log) -> bool:
        if log.address != self.token.body or log.topics[:1] != (TRANSFER,):
            return False
        if len(log.topics) != TOPICS or len(log.data) != WORD_CHARS:
            raise Contradiction("gives a transfer of the token in another form")
        return True

    def _deposit(self, block: Block, tx_hash: str, index: int, log: Log) -> Deposit:
        return Deposit(
            network=self.chain.network,
            tx_hash=tx_hash,
            event_index=index,
            sender=Address.of_topic(log.topics[1]).text,
            recipient=self.wallet.text,
            raw=int(log.data, 16),
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
