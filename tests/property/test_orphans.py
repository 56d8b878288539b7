"""Whatever was spent of a deposit that its chain took back: nothing of it is left, nobody is below zero."""

from collections.abc import Sequence
from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ytmarket.domain import (
    AccountId,
    CustomerTotals,
    Deposit,
    DepositId,
    DepositNotWaiting,
    DepositRecord,
    DepositStatus,
    Network,
    OrderId,
    Transfer,
    UnmatchedReason,
    Usdt,
    balance_of,
    chart,
    ledger,
    orphans,
)
from ytmarket.testing.strategies import NOON, amounts

ANN: Final = AccountId(1)
DEPOSIT: Final = DepositId(7)
TRON: Final = Network.TRON
ZERO: Final = Usdt(0)


def record(status: DepositStatus, amount: Usdt, account: AccountId | None = None) -> DepositRecord:
    deposit = Deposit(
        network=TRON,
        tx_hash="x",
        event_index=0,
        sender=None,
        recipient="w",
        raw=amount.micros,
        decimals=6,
        height=1,
        block_ref="b",
        at=NOON,
    )
    reason = UnmatchedReason.UNDER if status is DepositStatus.UNMATCHED else None
    return DepositRecord(id=DEPOSIT, deposit=deposit, status=status, reason=reason, account_id=account)


def fold(transfers: Sequence[Transfer]) -> CustomerTotals:
    """Raises `Overdrawn` where the balance would fall below zero."""
    totals = CustomerTotals()
    for transfer in transfers:
        totals = totals.after(transfer, ANN)
    return totals


@given(
    amount=amounts(max_value=Usdt.of(1000)),
    other=amounts(max_value=Usdt.of(1000)),
    part=st.integers(0, 100),
    status=st.sampled_from([DepositStatus.CREDITED_AUTO, DepositStatus.CREDITED_MANUAL]),
)
def test_customer_and_adjustments_together_bear_what_was_credited(
    amount: Usdt, other: Usdt, part: int, status: DepositStatus
) -> None:
    spent = Usdt((amount + other).micros * part // 100)
    posted = [
        ledger.adjustment("other", ANN, other, NOON, "money of another kind"),
        ledger.deposit_credited(DEPOSIT, TRON, ANN, amount, NOON),
    ]
    if spent > ZERO:
        posted.append(ledger.order_charged(OrderId(1), ANN, spent, NOON))
    balance = fold(posted).balance
    back = orphans.taken_back(record(status, amount, ANN), balance, NOON, "gone")
    after = fold([*posted, *back])
    taken = balance - after.balance
    lost = -balance_of(chart.ADJUSTMENTS, back)
    assert taken + lost == amount
    assert lost == max(ZERO, amount - balance)
    assert balance_of(chart.wallet(TRON), [*posted, *back]) == ZERO
    assert after.balance == after.topped_up - after.spent >= ZERO


@given(amount=amounts(max_value=Usdt.of(1000)), balance=amounts(max_value=Usdt.of(1000)))
def test_what_nobody_was_credited_with_costs_no_customer_anything(amount: Usdt, balance: Usdt) -> None:
    aside = ledger.deposit_set_aside(DEPOSIT, TRON, amount, NOON)
    paid = ledger.website_payment(DEPOSIT, OrderId(1), TRON, amount, NOON)
    for status, posted, lost in (
        (DepositStatus.RECEIVED, [], ZERO),
        (DepositStatus.UNMATCHED, [aside], ZERO),
        (DepositStatus.APPLIED, [paid], amount),
    ):
        back = orphans.taken_back(record(status, amount), balance, NOON, "gone")
        books = [*posted, *back]
        assert balance_of(chart.wallet(TRON), books) == balance_of(chart.unmatched(TRON), books) == ZERO
        assert -balance_of(chart.ADJUSTMENTS, books) == lost
        assert all(transfer.account_id is None for transfer in back)


@pytest.mark.parametrize("status", [DepositStatus.RETURNED, DepositStatus.ORPHANED])
def test_what_is_gone_already_cannot_be_taken_back(status: DepositStatus) -> None:
    with pytest.raises(DepositNotWaiting) as refusal:
        orphans.taken_back(record(status, Usdt.of(1), ANN), Usdt.of(9), NOON, "gone")
    assert refusal.value.deposit_status == status


def test_less_than_a_micro_was_never_booked() -> None:
    assert orphans.taken_back(record(DepositStatus.UNMATCHED, ZERO), ZERO, NOON, "gone") == ()
