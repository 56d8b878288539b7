"""What becomes of a payment that is a little off: the cases that clients ask about first."""

from datetime import UTC, datetime, timedelta

import attrs
import pytest

from ytmarket.domain import (
    AccountId,
    Claim,
    Deposit,
    Matched,
    Network,
    OrderId,
    Payer,
    Purpose,
    TopupId,
    TopupTerms,
    TopupTimes,
    Unmatched,
    Usdt,
    choose_amount,
    match_deposit,
)

NOW = datetime(2026, 5, 4, 10, 0, 0, 400_000, tzinfo=UTC)
TIMES = TopupTimes.of(Network.TRON, TopupTerms(), NOW)
ANN = Claim(
    payer=Payer(Purpose.TOPUP, AccountId(1)),
    ref=TopupId("ann"),
    network=Network.TRON,
    amount=Usdt.of(100),
    starts_at=TIMES.starts_at,
    expires_at=TIMES.expires_at,
    reserved_until=TIMES.reserved_until,
)


def sent(amount: str, *, minutes: int = 1, network: Network = Network.TRON) -> Deposit:
    decimals = network.facts.decimals
    return Deposit(
        network=network,
        tx_hash="a1",
        event_index=0,
        sender=None,
        recipient="wallet",
        raw=Usdt.of(amount).micros * 10 ** (decimals - 6),
        decimals=decimals,
        height=1,
        block_ref="b1",
        at=TIMES.created_at + timedelta(minutes=minutes),
    )


@pytest.mark.parametrize("amount", ["100", "99.99", "100.01", "100.000001"])
def test_asked_a_hundred_and_sent_it_within_a_cent(amount: str) -> None:
    assert match_deposit(sent(amount), [ANN]) == Matched(ANN)
    assert sent(amount).amount == Usdt.of(amount)  # what arrived is what is credited


@pytest.mark.parametrize(
    ("deposit", "reason", "distance"),
    [
        (sent("98"), "under", "2"),
        (sent("200"), "over", "100"),
        (sent("99.989999"), "under", "0.010001"),
        (sent("100", minutes=120), "expired", "0"),
        (sent("100", network=Network.BSC), "wrong_network", "0"),
        (sent("0.5"), "dust", "99.5"),
        (sent("100", minutes=-1), "no_such_amount", None),
    ],
)
def test_what_is_set_aside_says_why(deposit: Deposit, reason: str, distance: str | None) -> None:
    found = match_deposit(deposit, [ANN])
    assert isinstance(found, Unmatched)
    assert found.reason == reason
    assert found.distance(deposit) == (None if distance is None else Usdt.of(distance))


def test_a_second_payment_of_a_paid_top_up_is_told_apart() -> None:
    paid = attrs.evolve(ANN, pending=False, paid=True)
    found = match_deposit(sent("100"), [paid])
    assert isinstance(found, Unmatched)
    assert (found.reason, found.candidate) == ("already_credited", paid)


def test_a_website_order_of_nearly_the_same_amount_comes_first() -> None:
    order = attrs.evolve(ANN, payer=Payer(Purpose.WEBSITE_ORDER, 9), ref=OrderId(9), amount=Usdt.of("100.01"))
    assert match_deposit(sent("100"), [ANN, order]) == Matched(order)


def test_two_clients_who_ask_for_a_hundred_are_told_different_amounts() -> None:
    assert choose_amount(Usdt.of(100), own=[], others=[]) == Usdt.of(100)
    assert choose_amount(Usdt.of(100), own=[], others=[Usdt.of(100)]) == Usdt.of("100.03")
    assert choose_amount(Usdt.of(100), own=[], others=[Usdt.of("99.98")]) == Usdt.of("100.03")
    assert choose_amount(Usdt.of(100), own=[], others=[Usdt.of("99.97")]) == Usdt.of(100)
    assert choose_amount(Usdt.of(100), own=[Usdt.of(100)], others=[]) == Usdt.of(100)


def test_the_five_seconds_before_are_in_and_the_sixth_is_not() -> None:
    early = attrs.evolve(sent("100"), at=datetime(2026, 5, 4, 9, 59, 55, tzinfo=UTC))
    assert match_deposit(early, [ANN]) == Matched(ANN)
    earlier = attrs.evolve(early, at=early.at - timedelta(seconds=1))
    assert isinstance(match_deposit(earlier, [ANN]), Unmatched)
