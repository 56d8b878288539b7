"""The books, driven by chance, against plain sums kept beside them."""

from collections import Counter
from datetime import timedelta
from typing import Final

import pytest
from hypothesis import assume
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, invariant, multiple, rule

from ytmarket.domain import (
    AccountId,
    Change,
    Channel,
    CustomerTotals,
    DepositId,
    IllegalMove,
    LedgerAccount,
    Network,
    Order,
    OrderId,
    Overdrawn,
    ProductId,
    Transfer,
    Usdt,
    balance_of,
    ledger,
    orders,
)
from ytmarket.testing.strategies import NOON, amounts, cents

CUSTOMERS: Final = [AccountId(1), AccountId(2)]
customers = st.sampled_from(CUSTOMERS)
networks = st.sampled_from([Network.TRON, Network.BSC])
arrived = amounts(max_value=Usdt.of(100))
prices = cents(max_value=Usdt.of(60)) | st.sampled_from([Usdt.of("0.01"), Usdt.of(10)])


class Books(RuleBasedStateMachine):
    """The domain's transfers and totals on one side; counters of micros, by account, on the other."""

    processing = Bundle("processing")
    owed = Bundle("owed")
    aside = Bundle("aside")

    def __init__(self) -> None:
        super().__init__()
        self.serial = 0
        self.posted: list[Transfer] = []
        self.totals = {account: CustomerTotals() for account in CUSTOMERS}
        # The model: what each account should hold, and what escrow holds for each order.
        self.sums: Counter[str] = Counter()
        self.escrow: dict[int, int] = {}
        self.seen = {account: Counter[str]() for account in CUSTOMERS}

    def number(self) -> int:
        self.serial += 1
        return self.serial

    def post(self, *transfers: Transfer) -> None:
        """As a store does: totals first, so that a refused transfer leaves nothing behind."""
        for transfer in transfers:
            assert all((transfer.kind, transfer.ref) != (old.kind, old.ref) for old in self.posted)
            changed = {account: self.totals[account].after(transfer, account) for account in CUSTOMERS}
            self.totals = changed
            self.posted.append(transfer)

    def moved(self, source: str, target: str, micros: int) -> None:
        self.sums[source] -= micros
        self.sums[target] += micros

    @rule(account=customers, network=networks, amount=arrived)
    def deposit(self, account: AccountId, network: Network, amount: Usdt) -> None:
        self.post(ledger.deposit_credited(DepositId(self.number()), network, account, amount, NOON))
        self.moved(f"wallet:{network}", f"customer:{account}", amount.micros)
        self.seen[account]["topup"] += amount.micros

    @rule(target=aside, network=networks, amount=arrived)
    def set_aside(self, network: Network, amount: Usdt) -> tuple[DepositId, Network, Usdt]:
        deposit = DepositId(self.number())
        self.post(ledger.deposit_set_aside(deposit, network, amount, NOON))
        self.moved(f"wallet:{network}", f"unmatched:{network}", amount.micros)
        return deposit, network, amount

    @rule(found=consumes(aside), account=customers)
    def credit_by_hand(self, found: tuple[DepositId, Network, Usdt], account: AccountId) -> None:
        deposit, network, amount = found
        self.post(ledger.manual_credit(deposit, network, account, amount, NOON, "it was hers"))
        self.moved(f"unmatched:{network}", f"customer:{account}", amount.micros)
        self.seen[account]["topup"] += amount.micros

    @rule(account=customers, amount=arrived, sign=st.sampled_from([1, -1]))
    def adjust(self, account: AccountId, amount: Usdt, sign: int) -> None:
        transfer = ledger.adjustment(f"a{self.number()}", account, amount * sign, NOON, "a correction")
        if sign < 0 and self.sums[f"customer:{account}"] < amount.micros:
            with pytest.raises(Overdrawn):
                self.post(transfer)
            return
        self.post(transfer)
        self.moved("adjustments", f"customer:{account}", sign * amount.micros)
        self.seen[account]["topup"] += sign * amount.micros

    @rule(account=customers)
    def withdraw_everything(self, account: AccountId) -> None:
        """To the last micro, which may be done, and one micro more, which may not."""
        held = self.sums[f"customer:{account}"]
        assume(held > 0)
        with pytest.raises(Overdrawn):
            self.post(ledger.adjustment(f"a{self.number()}", account, Usdt(-held - 1), NOON, "too much"))
        self.adjust(account, Usdt(held), -1)

    @rule(target=processing, account=customers, price=prices, quantity=st.integers(1, 7))
    def buy(self, account: AccountId, price: Usdt, quantity: int) -> object:
        order = self.order(account, price, quantity)
        charge = ledger.order_charged(order.id, account, price, NOON)
        if self.sums[f"customer:{account}"] < price.micros:
            with pytest.raises(Overdrawn):
                self.post(charge)
            return multiple()
        self.post(charge)
        self.moved(f"customer:{account}", "escrow", price.micros)
        self.seen[account]["charged"] += price.micros
        self.escrow[order.id] = price.micros
        return order

    @rule(
        target=processing,
        network=networks,
        price=prices,
        off=st.integers(-9_999, 10_000),
        quantity=st.integers(1, 7),
    )
    def buy_on_the_website(self, network: Network, price: Usdt, off: int, quantity: int) -> Order:
        paid = price + Usdt(off)
        order = self.order(None, paid, quantity)
        self.post(ledger.website_payment(DepositId(self.number()), order.id, network, paid, NOON))
        self.moved(f"wallet:{network}", "escrow", paid.micros)
        self.escrow[order.id] = paid.micros
        return order

    def order(self, account: AccountId | None, charged: Usdt, quantity: int) -> Order:
        return Order(
            id=OrderId(self.number()),
            channel=Channel.API if account else Channel.WEBSITE,
            account_id=account,
            product_id=ProductId(1),
            quantity=quantity,
            price=charged,
            charged=charged,
            hits=0,
            created_at=NOON,
            updated_at=NOON,
            deadline_at=NOON + timedelta(minutes=10),
        )

    @rule(order=consumes(processing))
    def deliver(self, order: Order) -> None:
        self.post(*orders.deliver(order, NOON).transfers)
        self.moved("escrow", "sales", self.escrow.pop(order.id))

    @rule(target=owed, order=consumes(processing), part=st.integers(1, 6))
    def deliver_some(self, order: Order, part: int) -> object:
        if part >= order.quantity:
            self.deliver(order)
            return multiple()
        change = orders.deliver_some(order, part, "some", NOON)
        self.post(*change.transfers)
        # A broken micro is the customer's: what is earned is rounded down.
        earned = self.escrow[order.id] * part // order.quantity
        self.moved("escrow", "sales", earned)
        self.escrow[order.id] -= earned
        return change.order

    @rule(target=owed, order=consumes(processing), how=st.sampled_from(["fail", "expire", "cancel"]))
    def end_undelivered(self, order: Order, how: str) -> Order:
        change: Change
        match how:
            case "fail":
                change = orders.fail(order, "none left", NOON)
            case "expire":
                change = orders.expire(order, NOON)
            case _:
                change = orders.cancel(order, "called off", NOON)
        assert change.transfers == ()
        return change.order

    @rule(order=consumes(owed))
    def refund(self, order: Order) -> None:
        change = orders.refund(order, NOON)
        self.post(*change.transfers)
        owing = self.escrow.pop(order.id)
        assert change.order.refunded.micros == owing
        if order.account_id is None:
            self.moved("escrow", "refunds_payable", owing)
        else:
            self.moved("escrow", f"customer:{order.account_id}", owing)
            self.seen[order.account_id]["refunded"] += owing
        with pytest.raises(IllegalMove):
            orders.refund(change.order, NOON)

    @invariant()
    def the_books_are_what_the_sums_say(self) -> None:
        names = {name for transfer in self.posted for name in (transfer.debit, transfer.credit)}
        balances = {name: balance_of(name, self.posted).micros for name in names}
        assert sum(balances.values()) == 0
        assert {name: micros for name, micros in balances.items() if micros} == {
            name: micros for name, micros in self.sums.items() if micros
        }

    @invariant()
    def escrow_holds_exactly_what_is_neither_earned_nor_given_back(self) -> None:
        assert balance_of(LedgerAccount("escrow"), self.posted).micros == sum(self.escrow.values())
        assert all(held >= 0 for held in self.escrow.values())

    @invariant()
    def a_balance_is_what_was_topped_up_less_what_was_spent(self) -> None:
        for account, totals in self.totals.items():
            seen = self.seen[account]
            assert totals.topped_up.micros == seen["topup"]
            assert totals.charged.micros == seen["charged"]
            assert totals.refunded.micros == seen["refunded"]
            assert totals.spent.micros == seen["charged"] - seen["refunded"]
            assert totals.balance.micros == seen["topup"] - seen["charged"] + seen["refunded"]
            assert totals.balance.micros == self.sums[f"customer:{account}"] >= 0


TestBooks = Books.TestCase
