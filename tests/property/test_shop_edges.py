"""The last micro buys, so does the last unit, and a price guard admits exactly its own price."""

import attrs
from hypothesis import given
from hypothesis import strategies as st

from ytmarket.domain import (
    AccountFacts,
    InsufficientBalance,
    InsufficientStock,
    OrderId,
    Outcome,
    Placed,
    PriceChanged,
    Refused,
    Usdt,
    decide,
)
from ytmarket.testing.strategies import Batch, batches


def alone(batch: Batch, number: int, **changes: object) -> Outcome:
    """What one request of the batch is answered when nothing but these facts stands in its way."""
    request = batch.requests[number]
    rich = {request.account_id: AccountFacts(balance=Usdt.of(1_000_000))}
    facts = attrs.evolve(batch.facts, accounts=rich, order_ids=batch.facts.order_ids[:1])
    facts = attrs.evolve(facts, **changes)  # type: ignore[arg-type] # the names of the facts' own fields
    (outcome,) = decide([request], facts, batch.now, batch.terms).outcomes
    return outcome


@given(batches(attempts=False, signatures=False))
def test_the_last_micro_and_the_last_unit_are_enough_and_one_less_is_not(batch: Batch) -> None:
    for number, request in enumerate(batch.requests):
        bought = alone(batch, number)
        if not isinstance(bought, Placed):
            continue
        price, quantity = bought.order.price, bought.order.quantity
        just, short = AccountFacts(balance=price), AccountFacts(balance=price - Usdt(1))
        assert alone(batch, number, accounts={request.account_id: just}) == bought
        refusal = alone(batch, number, accounts={request.account_id: short})
        assert isinstance(refusal, InsufficientBalance)
        assert refusal.shortfall_usdt == Usdt(1)
        product = attrs.evolve(batch.facts.products[bought.order.product_id], available=quantity)
        assert alone(batch, number, products={product.id: product}) == bought
        fewer = alone(batch, number, products={product.id: attrs.evolve(product, available=quantity - 1)})
        assert isinstance(fewer, InsufficientStock)
        assert fewer.available == quantity - 1


@given(batches(attempts=False, signatures=False))
def test_a_price_guard_admits_its_own_price_and_nothing_above(batch: Batch) -> None:
    for request in batch.requests:
        if isinstance(request.command, Refused):
            continue
        free = attrs.evolve(request, command=attrs.evolve(request.command, max_price=None))
        bought = alone(attrs.evolve(batch, requests=[free]), 0)
        if not isinstance(bought, Placed):
            continue
        for off, refused in [(0, False), (-1, True), (1, False)]:
            guard = attrs.evolve(request.command, max_price=bought.order.price + Usdt(off))
            answer = alone(attrs.evolve(batch, requests=[attrs.evolve(request, command=guard)]), 0)
            assert isinstance(answer, PriceChanged) == refused


@given(batches(attempts=False, signatures=False), st.sampled_from([0, -1]))
def test_money_for_two_orders_buys_two_and_not_a_third(batch: Batch, off: int) -> None:
    numbers = [OrderId(1), OrderId(2), OrderId(3)]
    for request in batch.requests:
        if isinstance(request.command, Refused):
            continue
        thrice = [attrs.evolve(request, command=attrs.evolve(request.command, max_price=None))] * 3
        rich = {request.account_id: AccountFacts(balance=Usdt.of(1_000_000))}
        facts = attrs.evolve(batch.facts, accounts=rich, order_ids=numbers)
        bought = decide(thrice, facts, batch.now, batch.terms).outcomes
        prices = [outcome.order.price for outcome in bought if isinstance(outcome, Placed)]
        if len(prices) < 3:  # there were not so many in stock
            continue
        tight = {request.account_id: AccountFacts(balance=prices[0] + prices[1] + Usdt(off))}
        outcomes = decide(thrice, attrs.evolve(facts, accounts=tight), batch.now, batch.terms).outcomes
        assert [isinstance(outcome, Placed) for outcome in outcomes] == [True, off == 0, False]
