"""Each kind of transfer moves money between the accounts it should; the totals say what clients see."""

from datetime import UTC, datetime

import pytest

from ytmarket.domain import (
    ZERO,
    AccountId,
    CustomerTotals,
    DepositId,
    InvalidRequest,
    InvalidValue,
    LedgerAccount,
    Network,
    OrderId,
    Overdrawn,
    Transfer,
    TransferKind,
    Usdt,
    balance_of,
    ledger,
)

NOW = datetime(2026, 5, 4, tzinfo=UTC)
ANN, DEPOSIT, ORDER, TEN = AccountId(1), DepositId(2), OrderId(3), Usdt.of(10)
TRANSFERS = [
    (ledger.deposit_credited(DEPOSIT, Network.TRON, ANN, TEN, NOW), "wallet:usdt_trc_20", "customer:1"),
    (ledger.deposit_set_aside(DEPOSIT, Network.BSC, TEN, NOW), "wallet:usdt_bep_20", "unmatched:usdt_bep_20"),
    (ledger.manual_credit(DEPOSIT, Network.TON, ANN, TEN, NOW, "hers"), "unmatched:usdt_ton", "customer:1"),
    (ledger.order_charged(ORDER, ANN, TEN, NOW), "customer:1", "escrow"),
    (ledger.order_settled(ORDER, TEN, NOW), "escrow", "sales"),
    (ledger.order_refunded(ORDER, ANN, TEN, NOW), "escrow", "customer:1"),
    (ledger.website_payment(DEPOSIT, ORDER, Network.SOLANA, TEN, NOW), "wallet:usdt_solana", "escrow"),
    (ledger.website_refund_owed(ORDER, TEN, NOW), "escrow", "refunds_payable"),
    (
        ledger.deposit_returned(DEPOSIT, Network.TRON, TEN, NOW, "sent back"),
        "unmatched:usdt_trc_20",
        "wallet:usdt_trc_20",
    ),
    (
        ledger.deposit_applied(DEPOSIT, ORDER, Network.TON, TEN, NOW, "paid late"),
        "unmatched:usdt_ton",
        "escrow",
    ),
    (
        ledger.website_refund_paid(ORDER, Network.BSC, TEN, NOW, "sent"),
        "refunds_payable",
        "wallet:usdt_bep_20",
    ),
    (ledger.marketplace_taken(ORDER, TEN, NOW), "adjustments", "escrow"),
    (ledger.marketplace_returned(ORDER, TEN, NOW), "escrow", "adjustments"),
    (ledger.deposit_orphaned(DEPOSIT, Network.TRON, ANN, TEN, NOW, "x"), "customer:1", "wallet:usdt_trc_20"),
    (ledger.orphan_shortfall(DEPOSIT, Network.TRON, TEN, NOW, "x"), "adjustments", "wallet:usdt_trc_20"),
    (ledger.adjustment("a1", ANN, TEN, NOW, "a gift"), "adjustments", "customer:1"),
    (ledger.adjustment("a2", ANN, -TEN, NOW, "a slip"), "customer:1", "adjustments"),
]


@pytest.mark.parametrize(
    ("transfer", "debit", "credit"), TRANSFERS, ids=lambda value: str(getattr(value, "kind", value))
)
def test_where_money_comes_from_and_where_it_goes(transfer: Transfer, debit: str, credit: str) -> None:
    assert (transfer.debit, transfer.credit, transfer.amount) == (debit, credit, TEN)
    shown = "customer:1" in {debit, credit}
    assert transfer.account_id == (ANN if shown else None)
    assert balance_of(LedgerAccount(debit), [transfer]) == -TEN
    assert balance_of(LedgerAccount(credit), [transfer]) == TEN
    assert balance_of(LedgerAccount("elsewhere"), [transfer]) == ZERO


def test_an_adjustment_says_why() -> None:
    assert TRANSFERS[-1][0].reason == "a slip"


@pytest.mark.parametrize("amount", [ZERO, -TEN])
def test_a_transfer_moves_something_forward(amount: Usdt) -> None:
    with pytest.raises(InvalidValue, match="positive amount"):
        ledger.order_charged(ORDER, ANN, amount, NOW)
    with pytest.raises(InvalidValue, match="positive amount"):
        ledger.adjustment("a3", ANN, ZERO, NOW, "nothing")


def test_a_transfer_goes_somewhere_else() -> None:
    here = LedgerAccount("escrow")
    with pytest.raises(InvalidValue, match="two different accounts"):
        Transfer(kind=TransferKind.ADJUSTMENT, ref="a", debit=here, credit=here, amount=TEN, at=NOW)


def test_the_balance_clients_see_adds_up() -> None:
    totals = CustomerTotals(topped_up=Usdt.of("62.5"), charged=Usdt.of("13.7"), refunded=Usdt.of("1.2"))
    assert (totals.spent, totals.balance) == (Usdt.of("12.5"), Usdt.of(50))


def test_a_debit_counts_against_what_was_topped_up_and_stops_at_zero() -> None:
    totals = CustomerTotals(topped_up=Usdt.of(30))
    debited = totals.after(ledger.adjustment("a", ANN, -TEN, NOW, "a slip"), ANN)
    assert (debited.topped_up, debited.spent, debited.balance) == (Usdt.of(20), ZERO, Usdt.of(20))
    with pytest.raises(Overdrawn):
        debited.after(ledger.order_charged(ORDER, ANN, Usdt.of("20.000001"), NOW), ANN)
    assert debited.after(ledger.order_charged(ORDER, ANN, Usdt.of(20), NOW), ANN).balance == ZERO
    assert debited.after(ledger.order_charged(ORDER, AccountId(2), Usdt.of(99), NOW), ANN) == debited


@pytest.mark.parametrize("amount", [ZERO, Usdt.of("1000000.000001"), Usdt.of("-1000000.000001")])
def test_adjustments_that_nobody_can_mean(amount: Usdt) -> None:
    with pytest.raises(InvalidRequest):
        ledger.check_adjustment(amount)


@pytest.mark.parametrize("amount", [Usdt(1), Usdt(-1), Usdt.of(1_000_000), Usdt.of(-1_000_000)])
def test_adjustments_that_can_be_made(amount: Usdt) -> None:
    ledger.check_adjustment(amount)


def test_every_kind_of_transfer_has_a_maker() -> None:
    assert {transfer.kind for transfer, _, _ in TRANSFERS} == set(TransferKind)
