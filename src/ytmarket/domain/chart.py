"""The chart of accounts: where money can be, and why it moves.

A transfer's direction is written debit → credit. Tokens we hold (`wallet`) grow by debit; what we
owe or earned (`customer`, `unmatched`, `escrow`, `refunds_payable`, `sales`) grows by credit.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Final, NewType

from ytmarket.domain.ids import AccountId
from ytmarket.domain.networks import Network

LedgerAccount = NewType("LedgerAccount", str)

ESCROW: Final = LedgerAccount("escrow")
SALES: Final = LedgerAccount("sales")
REFUNDS_PAYABLE: Final = LedgerAccount("refunds_payable")
ADJUSTMENTS: Final = LedgerAccount("adjustments")


def customer(account: AccountId) -> LedgerAccount:
    """What we owe a customer: its prepaid balance."""
    return LedgerAccount(f"customer:{account}")


def wallet(network: Network) -> LedgerAccount:
    """The tokens in our wallet on a network."""
    return LedgerAccount(f"wallet:{network}")


def unmatched(network: Network) -> LedgerAccount:
    """Tokens that arrived and belong to somebody whom we do not know yet."""
    return LedgerAccount(f"unmatched:{network}")


class TransferKind(StrEnum):
    """Why money moves. Each happens once for one thing: (kind, ref) names a transfer."""

    DEPOSIT_CREDITED = "deposit_credited"
    DEPOSIT_SET_ASIDE = "deposit_set_aside"
    MANUAL_CREDIT = "manual_credit"
    DEPOSIT_APPLIED = "deposit_applied"
    DEPOSIT_RETURNED = "deposit_returned"
    ORDER_CHARGED = "order_charged"
    ORDER_SETTLED = "order_settled"
    ORDER_REFUNDED = "order_refunded"
    WEBSITE_PAYMENT = "website_payment"
    WEBSITE_REFUND_OWED = "website_refund_owed"
    WEBSITE_REFUND_PAID = "website_refund_paid"
    MARKETPLACE_TAKEN = "marketplace_taken"
    MARKETPLACE_RETURNED = "marketplace_returned"
    ADJUSTMENT = "adjustment"
    DEPOSIT_ORPHANED = "deposit_orphaned"
    ORPHAN_SHORTFALL = "orphan_shortfall"
