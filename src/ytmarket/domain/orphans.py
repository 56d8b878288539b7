"""Deposits that their chain took back, or never had: what undoes them in the books."""

from __future__ import annotations

from datetime import datetime

from ytmarket.domain import ledger
from ytmarket.domain.deposits import DepositRecord, DepositStatus
from ytmarket.domain.errors import DepositNotWaiting
from ytmarket.domain.ledger import Transfer
from ytmarket.domain.money import ZERO, Usdt


def taken_back(record: DepositRecord, balance: Usdt, at: datetime, reason: str) -> tuple[Transfer, ...]:
    """The transfers after which nothing of the deposit is in the wallet any more.

    *balance* is what its customer has: of a credited deposit that much at most is taken back, and
    the rest is our loss. What paid a website order is our loss whole, for a stranger has no balance.
    What nobody was given just leaves, and what was not booked yet never is. Raises
    `DepositNotWaiting` for one that was returned, or taken back before.
    """
    arrived = record.deposit
    network, amount = arrived.network, arrived.amount
    match record.status:
        case DepositStatus.RECEIVED:
            return ()
        case DepositStatus.UNMATCHED:
            if amount == ZERO:  # less than a micro was never booked
                return ()
            return (ledger.deposit_returned(record.id, network, amount, at, reason),)
        case DepositStatus.CREDITED_AUTO | DepositStatus.CREDITED_MANUAL if record.account_id is not None:
            taken = min(balance, amount)
        case DepositStatus.APPLIED:
            taken = ZERO
        case _:
            raise DepositNotWaiting(deposit_status=record.status)
    lost = amount - taken
    transfers = []
    if taken > ZERO and record.account_id is not None:
        transfers.append(ledger.deposit_orphaned(record.id, network, record.account_id, taken, at, reason))
    if lost > ZERO:
        transfers.append(ledger.orphan_shortfall(record.id, network, lost, at, reason))
    return tuple(transfers)
