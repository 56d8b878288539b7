"""From a node's logs to deposits: which of them were asked for, which brought something, and what."""

from __future__ import annotations

from functools import lru_cache
from typing import Final

from ytmarket.adapters.chains.evm.chains import EvmChain
from ytmarket.adapters.chains.evm.library import Web3
from ytmarket.adapters.chains.evm.wire import Header, Log, Topics
from ytmarket.domain.deposits import Deposit

AMOUNT_CHARS: Final = 2 + 64
SENDERS_REMEMBERED: Final = 1_000


def place_of(log: Log) -> tuple[int, int]:
    """Where it stands on the chain."""
    return log.block_number, log.log_index


def was_asked_for(log: Log, chain: EvmChain, topics: Topics) -> bool:
    """Whether it is a transfer of the token with these three topics, as the filter wanted."""
    return (
        not log.removed
        and log.address == chain.token.lower()
        and len(log.topics) == len(topics)
        and all(wanted in {None, topic} for wanted, topic in zip(topics, log.topics, strict=True))
        and len(log.data) == AMOUNT_CHARS
    )


def is_payment(log: Log, wallet: str) -> bool:
    """Whether it brought something: it moved more than 0, and not from the wallet to itself."""
    return amount_of(log) > 0 and log.topics[1].address != wallet.lower()


def is_expense(log: Log, wallet: str) -> bool:
    """Whether a transfer from the wallet took it to somebody else."""
    return log.topics[2].address != wallet.lower()


def amount_of(log: Log) -> int:
    """What the transfer moved, in the token's smallest units."""
    return int(log.data, 16)


def deposit_of(log: Log, header: Header, chain: EvmChain, wallet: str) -> Deposit:
    """A payment in this block."""
    return Deposit(
        network=chain.network,
        tx_hash=str(log.transaction_hash),
        event_index=int(log.log_index),
        sender=_with_checksum(log.topics[1].address),
        recipient=wallet,
        raw=amount_of(log),
        decimals=chain.decimals,
        height=int(header.number),
        block_ref=str(header.hash),
        at=header.at,
    )


@lru_cache(maxsize=SENDERS_REMEMBERED)
def _with_checksum(address: str) -> str:
    # A hash for each: dust comes by the thousand, and from few senders.
    return str(Web3.to_checksum_address(address))
