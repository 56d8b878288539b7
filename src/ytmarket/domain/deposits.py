"""Deposits: USDT that arrived in one of our wallets, each known by where it stands on its chain."""

from __future__ import annotations

from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

import attrs

from ytmarket.domain.errors import DepositNotWaiting, DepositTooSmall
from ytmarket.domain.ids import AccountId, DepositId, OrderId, TopupId
from ytmarket.domain.money import ZERO, Usdt
from ytmarket.domain.networks import Network

DUST: Final = Usdt.of("0.99")
"""Below this nothing can be meant for anybody: the least top-up is 1 USDT, less the tolerance."""

ENDED_LOOKBACK: Final = timedelta(days=30)
"""How far back an ended top-up still explains a late deposit."""


@attrs.frozen(kw_only=True)
class Deposit:
    """A final incoming transfer. (network, tx_hash, event_index) names it for ever."""

    network: Network
    tx_hash: str
    event_index: int
    sender: str | None
    recipient: str
    raw: int
    decimals: int
    height: int
    block_ref: str
    at: datetime  # by the chain's clock, in whole seconds

    @property
    def amount(self) -> Usdt:
        """What arrived, floored to the micro: never more than the chain moved."""
        return Usdt.from_raw(self.raw, self.decimals)

    @property
    def key(self) -> tuple[Network, str, int]:
        return (self.network, self.tx_hash, self.event_index)


class DepositStatus(StrEnum):
    """What became of a deposit; it is `received` until it has been settled."""

    RECEIVED = "received"
    CREDITED_AUTO = "credited_auto"
    CREDITED_MANUAL = "credited_manual"
    APPLIED = "applied"
    UNMATCHED = "unmatched"
    RETURNED = "returned"
    ORPHANED = "orphaned"


class UnmatchedReason(StrEnum):
    """Why a deposit waits for a person; where several fit, the first in this order."""

    DUST = "dust"
    ALREADY_CREDITED = "already_credited"
    EXPIRED = "expired"
    WRONG_NETWORK = "wrong_network"
    UNDER = "under"
    OVER = "over"
    NO_SUCH_AMOUNT = "no_such_amount"
    AMBIGUOUS = "ambiguous"


@attrs.frozen(kw_only=True)
class DepositRecord:
    """A deposit as the shop keeps it, with what became of it."""

    id: DepositId
    deposit: Deposit
    status: DepositStatus = DepositStatus.RECEIVED
    reason: UnmatchedReason | None = None
    account_id: AccountId | None = None
    topup_id: TopupId | None = None
    order_id: OrderId | None = None
    # The nearest thing it could have been meant for, and how far off it was.
    candidate_topup_id: TopupId | None = None
    candidate_order_id: OrderId | None = None
    candidate_account_id: AccountId | None = None
    distance: Usdt | None = None

    def check_waiting(self) -> None:
        """Raises `DepositNotWaiting` unless it is unmatched, `DepositTooSmall` for less than a micro."""
        if self.status is not DepositStatus.UNMATCHED:
            raise DepositNotWaiting(deposit_status=self.status)
        if self.deposit.amount == ZERO:
            raise DepositTooSmall
