"""A customer's totals."""

from __future__ import annotations

import msgspec

from ytmarket.adapters.http.wire.money import Money, money
from ytmarket.domain.ledger import CustomerTotals


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
