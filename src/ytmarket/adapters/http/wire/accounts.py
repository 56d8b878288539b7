"""What a customer has: totals, statement, usage."""

from __future__ import annotations

import msgspec

from ytmarket.adapters.http.wire.money import Money, money
from ytmarket.domain import chart
from ytmarket.domain.api_keys import Usage
from ytmarket.domain.ids import AccountId
from ytmarket.domain.ledger import CustomerTotals, Transfer
from ytmarket.domain.times import epoch_seconds


class BalanceView(msgspec.Struct, kw_only=True):
    """`balance_usdt` is `total_topup_usdt` less `total_spent_usdt`, which is net of refunds."""

    balance_usdt: Money
    total_spent_usdt: Money
    total_topup_usdt: Money
    total_refunded_usdt: Money
    currency: str = "USDT"


def balance_view(totals: CustomerTotals) -> BalanceView:
    """The totals as they are kept: the balance follows from them."""
    return BalanceView(
        balance_usdt=money(totals.balance),
        total_spent_usdt=money(totals.spent),
        total_topup_usdt=money(totals.topped_up),
        total_refunded_usdt=money(totals.refunded),
    )


class TransactionView(msgspec.Struct, kw_only=True):
    """One line of a statement: what a transfer added to the balance, or took from it."""

    kind: str
    amount_usdt: Money
    created_at: int
    order_id: int | None
    deposit_id: int | None
    reason: str | None


class UsageView(msgspec.Struct, kw_only=True):
    """How a key was used, and what its account has spent."""

    request_count: int
    first_used_at: int | None
    last_used_at: int | None
    last_endpoint: str | None
    total_spent_usdt: Money
    total_refunded_usdt: Money


def statement_view(transfer: Transfer, account: AccountId) -> TransactionView:
    """The transfer as its customer sees it: what is credited is positive."""
    own = chart.customer(account)
    change = transfer.amount if transfer.credit == own else -transfer.amount
    return TransactionView(
        kind=transfer.kind,
        amount_usdt=money(change),
        created_at=epoch_seconds(transfer.at),
        order_id=transfer.order_id,
        deposit_id=transfer.deposit_id,
        reason=transfer.reason,
    )


def usage_view(usage: Usage | None, totals: CustomerTotals) -> UsageView:
    """What was counted so far, this request included."""
    return UsageView(
        request_count=0 if usage is None else usage.requests,
        first_used_at=None if usage is None else epoch_seconds(usage.first_used_at),
        last_used_at=None if usage is None else epoch_seconds(usage.last_used_at),
        last_endpoint=None if usage is None else usage.last_endpoint,
        total_spent_usdt=money(totals.spent),
        total_refunded_usdt=money(totals.refunded),
    )
