"""Deposits as their senders may see them."""

from __future__ import annotations

import msgspec

from ytmarket.adapters.http.wire.money import Money, money
from ytmarket.domain.deposits import DepositRecord
from ytmarket.domain.ids import AccountId
from ytmarket.domain.times import epoch_seconds


class DepositView(msgspec.Struct, kw_only=True):
    """What became of a transfer. The candidate is told to its owner alone."""

    network: str
    tx_hash: str
    amount_usdt: Money
    at: int
    status: str
    reason: str | None
    topup_id: str | msgspec.UnsetType = msgspec.UNSET
    candidate_topup_id: str | msgspec.UnsetType = msgspec.UNSET
    distance_usdt: Money | msgspec.UnsetType = msgspec.UNSET


class DepositsView(msgspec.Struct):
    """The transfers of one transaction."""

    items: list[DepositView]


def deposit_view(record: DepositRecord, account: AccountId) -> DepositView:
    """The deposit, with what only this account may know of it."""
    view = DepositView(
        network=record.deposit.network,
        tx_hash=record.deposit.tx_hash,
        amount_usdt=money(record.deposit.amount),
        at=epoch_seconds(record.deposit.at),
        status=record.status,
        reason=record.reason,
    )
    if record.topup_id is not None and record.account_id == account:
        view.topup_id = record.topup_id
    if record.candidate_topup_id is not None and record.candidate_account_id == account:
        view.candidate_topup_id = record.candidate_topup_id
        if record.distance is not None:
            view.distance_usdt = money(record.distance)
    return view
