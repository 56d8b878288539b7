"""Double entry: every movement of money is one transfer between two accounts.

What a transfer takes out of an account it puts into another, and it is more than nothing: all accounts
together always come to zero. No transfer is ever changed; a mistake is put right by another one.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Final

import attrs

from ytmarket.domain import chart
from ytmarket.domain.chart import LedgerAccount, TransferKind
from ytmarket.domain.errors import InvalidRequest, InvalidValue, Overdrawn
from ytmarket.domain.ids import AccountId, DepositId, OrderId
from ytmarket.domain.money import ZERO, Usdt
from ytmarket.domain.networks import Network

ADJUSTMENT_MAX: Final = Usdt.of(1_000_000)
"""The most that is credited or debited by hand in one go: beyond it, a digit was typed too many."""


@attrs.frozen(kw_only=True)
class Transfer:
    """One amount moved, once: a second transfer of the same kind and ref is refused."""

    kind: TransferKind
    ref: str
    debit: LedgerAccount
    credit: LedgerAccount
    amount: Usdt
    at: datetime
    account_id: AccountId | None = None  # the customer whose statement shows it
    order_id: OrderId | None = None
    deposit_id: DepositId | None = None
    reason: str | None = None

    def __attrs_post_init__(self) -> None:
        if self.amount.micros <= 0:
            raise InvalidValue(f"a transfer moves a positive amount, not {self.amount}")
        if self.debit == self.credit:
            raise InvalidValue("a transfer needs two different accounts")


@attrs.frozen(kw_only=True)
class CustomerTotals:
    """What a customer sees of its money. The balance follows from the rest, always."""

    topped_up: Usdt = ZERO  # deposits and adjustments, less debits
    charged: Usdt = ZERO
    refunded: Usdt = ZERO

    @property
    def spent(self) -> Usdt:
        """Charged, net of what was given back."""
        return self.charged - self.refunded

    @property
    def balance(self) -> Usdt:
        return self.topped_up - self.spent

    def after(self, transfer: Transfer, account: AccountId) -> CustomerTotals:
        """The totals once this transfer is posted. Raises `Overdrawn` below zero."""
        own = chart.customer(account)
        if own not in (transfer.debit, transfer.credit):
            return self
        change = transfer.amount if transfer.credit == own else -transfer.amount
        match transfer.kind:
            case TransferKind.ORDER_CHARGED:
                totals = attrs.evolve(self, charged=self.charged - change)
            case TransferKind.ORDER_REFUNDED:
                totals = attrs.evolve(self, refunded=self.refunded + change)
            case _:
                totals = attrs.evolve(self, topped_up=self.topped_up + change)
        if totals.balance < ZERO:
            raise Overdrawn
        return totals


def balance_of(account: LedgerAccount, transfers: Iterable[Transfer]) -> Usdt:
    """Credits less debits: what is owed or earned there (a wallet's is negative: what we hold)."""
    micros = 0
    for transfer in transfers:
        if transfer.credit == account:
            micros += transfer.amount.micros
        if transfer.debit == account:
            micros -= transfer.amount.micros
    return Usdt(micros)


def check_adjustment(amount: Usdt) -> None:
    """Raises `InvalidRequest` unless an operator can credit this, or debit it, in one go."""
    if amount == ZERO:
        raise InvalidRequest(pointer="/amount_usdt", problem="must not be 0")
    if abs(amount) > ADJUSTMENT_MAX:
        raise InvalidRequest(
            pointer="/amount_usdt", problem=f"must be from -{ADJUSTMENT_MAX} to {ADJUSTMENT_MAX} USDT"
        )


def deposit_credited(
    deposit: DepositId, network: Network, account: AccountId, amount: Usdt, at: datetime
) -> Transfer:
    """A matched deposit becomes the customer's."""
    return Transfer(
        kind=TransferKind.DEPOSIT_CREDITED,
        ref=str(deposit),
        debit=chart.wallet(network),
        credit=chart.customer(account),
        amount=amount,
        at=at,
        account_id=account,
        deposit_id=deposit,
    )


def deposit_set_aside(deposit: DepositId, network: Network, amount: Usdt, at: datetime) -> Transfer:
    """A deposit that nobody is known to have sent waits for an operator."""
    return Transfer(
        kind=TransferKind.DEPOSIT_SET_ASIDE,
        ref=str(deposit),
        debit=chart.wallet(network),
        credit=chart.unmatched(network),
        amount=amount,
        at=at,
        deposit_id=deposit,
    )


def manual_credit(
    deposit: DepositId,
    network: Network,
    account: AccountId,
    amount: Usdt,
    at: datetime,
    reason: str,
) -> Transfer:
    """An operator says whose a set-aside deposit is."""
    return Transfer(
        kind=TransferKind.MANUAL_CREDIT,
        ref=str(deposit),
        debit=chart.unmatched(network),
        credit=chart.customer(account),
        amount=amount,
        at=at,
        account_id=account,
        deposit_id=deposit,
        reason=reason,
    )


def deposit_returned(
    deposit: DepositId, network: Network, amount: Usdt, at: datetime, reason: str
) -> Transfer:
    """An operator sends a set-aside deposit back to where it came from."""
    return Transfer(
        kind=TransferKind.DEPOSIT_RETURNED,
        ref=str(deposit),
        debit=chart.unmatched(network),
        credit=chart.wallet(network),
        amount=amount,
        at=at,
        deposit_id=deposit,
        reason=reason,
    )


def deposit_applied(
    deposit: DepositId, order: OrderId, network: Network, amount: Usdt, at: datetime, reason: str
) -> Transfer:
    """An operator says which website order a set-aside deposit pays."""
    return Transfer(
        kind=TransferKind.DEPOSIT_APPLIED,
        ref=str(deposit),
        debit=chart.unmatched(network),
        credit=chart.ESCROW,
        amount=amount,
        at=at,
        order_id=order,
        deposit_id=deposit,
        reason=reason,
    )


def order_charged(order: OrderId, account: AccountId, price: Usdt, at: datetime) -> Transfer:
    """The price of an order goes into escrow until it is delivered or given back."""
    return Transfer(
        kind=TransferKind.ORDER_CHARGED,
        ref=str(order),
        debit=chart.customer(account),
        credit=chart.ESCROW,
        amount=price,
        at=at,
        account_id=account,
        order_id=order,
    )


def order_settled(order: OrderId, amount: Usdt, at: datetime) -> Transfer:
    """What was delivered is earned."""
    return Transfer(
        kind=TransferKind.ORDER_SETTLED,
        ref=str(order),
        debit=chart.ESCROW,
        credit=chart.SALES,
        amount=amount,
        at=at,
        order_id=order,
    )


def order_refunded(order: OrderId, account: AccountId, amount: Usdt, at: datetime) -> Transfer:
    """What was not delivered goes back to the customer."""
    return Transfer(
        kind=TransferKind.ORDER_REFUNDED,
        ref=str(order),
        debit=chart.ESCROW,
        credit=chart.customer(account),
        amount=amount,
        at=at,
        account_id=account,
        order_id=order,
    )


def website_payment(
    deposit: DepositId, order: OrderId, network: Network, amount: Usdt, at: datetime
) -> Transfer:
    """A website buyer's deposit goes into escrow for its order."""
    return Transfer(
        kind=TransferKind.WEBSITE_PAYMENT,
        ref=str(deposit),
        debit=chart.wallet(network),
        credit=chart.ESCROW,
        amount=amount,
        at=at,
        order_id=order,
        deposit_id=deposit,
    )


def website_refund_owed(order: OrderId, amount: Usdt, at: datetime) -> Transfer:
    """A website buyer has no balance: what it is owed waits until an operator pays it out."""
    return Transfer(
        kind=TransferKind.WEBSITE_REFUND_OWED,
        ref=str(order),
        debit=chart.ESCROW,
        credit=chart.REFUNDS_PAYABLE,
        amount=amount,
        at=at,
        order_id=order,
    )


def website_refund_paid(
    order: OrderId, network: Network, amount: Usdt, at: datetime, reason: str
) -> Transfer:
    """An operator has sent a website buyer what it was owed."""
    return Transfer(
        kind=TransferKind.WEBSITE_REFUND_PAID,
        ref=str(order),
        debit=chart.REFUNDS_PAYABLE,
        credit=chart.wallet(network),
        amount=amount,
        at=at,
        order_id=order,
        reason=reason,
    )


def marketplace_taken(order: OrderId, amount: Usdt, at: datetime) -> Transfer:
    """Another marketplace has been paid for an order that we are to deliver."""
    return Transfer(
        kind=TransferKind.MARKETPLACE_TAKEN,
        ref=str(order),
        debit=chart.ADJUSTMENTS,
        credit=chart.ESCROW,
        amount=amount,
        at=at,
        order_id=order,
    )


def marketplace_returned(order: OrderId, amount: Usdt, at: datetime) -> Transfer:
    """The marketplace gives its buyer back what was not delivered: nothing of it went through a wallet."""
    return Transfer(
        kind=TransferKind.MARKETPLACE_RETURNED,
        ref=str(order),
        debit=chart.ESCROW,
        credit=chart.ADJUSTMENTS,
        amount=amount,
        at=at,
        order_id=order,
    )


def adjustment(ref: str, account: AccountId, amount: Usdt, at: datetime, reason: str) -> Transfer:
    """An operator credits a customer by hand, or debits it when the amount is negative."""
    own, other = chart.customer(account), chart.ADJUSTMENTS
    debit, credit = (other, own) if amount > ZERO else (own, other)
    return Transfer(
        kind=TransferKind.ADJUSTMENT,
        ref=ref,
        debit=debit,
        credit=credit,
        amount=abs(amount),
        at=at,
        account_id=account,
        reason=reason,
    )


def deposit_orphaned(
    deposit: DepositId,
    network: Network,
    account: AccountId,
    amount: Usdt,
    at: datetime,
    reason: str,
) -> Transfer:
    """The chain took a credited deposit back: so does the shop, as far as the balance reaches."""
    return Transfer(
        kind=TransferKind.DEPOSIT_ORPHANED,
        ref=str(deposit),
        debit=chart.customer(account),
        credit=chart.wallet(network),
        amount=amount,
        at=at,
        account_id=account,
        deposit_id=deposit,
        reason=reason,
    )


def orphan_shortfall(
    deposit: DepositId, network: Network, amount: Usdt, at: datetime, reason: str
) -> Transfer:
    """What an orphaned deposit's customer has spent already, or an order was paid with, is our loss."""
    return Transfer(
        kind=TransferKind.ORPHAN_SHORTFALL,
        ref=str(deposit),
        debit=chart.ADJUSTMENTS,
        credit=chart.wallet(network),
        amount=amount,
        at=at,
        deposit_id=deposit,
        reason=reason,
    )
