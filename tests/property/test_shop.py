"""A batch of orders is decided as if its requests had come one by one; a refusal touches nobody else."""

from collections.abc import Sequence
from datetime import timedelta
from itertools import pairwise

import attrs
from hypothesis import given
from hypothesis import strategies as st

from tests.property.naive_shop import NaiveShop, told
from ytmarket.domain import ZERO, Decision, Facts, Outcome, Placed, Refused, Replayed, UsedSignature, decide
from ytmarket.testing.strategies import Batch, batches


def decided(batch: Batch) -> Decision:
    return decide(batch.requests, batch.facts, batch.now, batch.terms)


def placed(decision: Decision) -> Sequence[Placed]:
    return [outcome for outcome in decision.outcomes if isinstance(outcome, Placed)]


@given(batches())
def test_a_batch_is_decided_as_a_naive_shop_would_serve_it(batch: Batch) -> None:
    naive = NaiveShop(batch)
    assert [told(outcome) for outcome in decided(batch).outcomes] == [naive.serve(r) for r in batch.requests]


def after(facts: Facts, decision: Decision) -> Facts:
    """What a store would say once the decision was recorded."""
    for done in placed(decision):
        order = done.order
        assert order.account_id is not None
        account, product = facts.accounts[order.account_id], facts.products[order.product_id]
        facts = attrs.evolve(
            facts,
            accounts={
                **facts.accounts,
                order.account_id: attrs.evolve(account, balance=account.balance - order.charged),
            },
            products={
                **facts.products,
                product.id: attrs.evolve(product, available=product.available - order.quantity),
            },
            units={**facts.units, product.id: [u for u in facts.units[product.id] if u not in done.units]},
            taken=facts.taken | {order.price},
        )
    return attrs.evolve(facts, used_signatures=facts.used_signatures | set(decision.signatures))


@given(batches(attempts=False))
def test_a_batch_and_its_requests_one_by_one_come_to_the_same(batch: Batch) -> None:
    whole = decided(batch)
    facts, single, signatures = batch.facts, list[Outcome](), list[UsedSignature]()
    for request, number in zip(batch.requests, batch.facts.order_ids, strict=True):
        one = decide([request], attrs.evolve(facts, order_ids=[number]), batch.now, batch.terms)
        single += one.outcomes
        signatures += one.signatures
        facts = after(facts, one)
    assert [told(outcome) for outcome in whole.outcomes] == [told(outcome) for outcome in single]
    assert list(whole.signatures) == signatures
    assert after(batch.facts, whole) == facts


@given(batches(signatures=False))
def test_a_refusal_touches_nobody(batch: Batch) -> None:
    outcomes = decided(batch).outcomes
    kept = [n for n, outcome in enumerate(outcomes) if not isinstance(outcome, Refused)]
    alone = attrs.evolve(
        batch,
        requests=[batch.requests[n] for n in kept],
        facts=attrs.evolve(batch.facts, order_ids=[batch.facts.order_ids[n] for n in kept]),
    )
    assert decided(alone).outcomes == tuple(outcomes[n] for n in kept)


@given(batches())
def test_nobody_spends_what_it_does_not_have(batch: Batch) -> None:
    spent = dict.fromkeys(batch.facts.accounts, ZERO)
    for done in placed(decided(batch)):
        assert done.order.account_id is not None
        spent[done.order.account_id] += done.order.charged
        assert not batch.facts.accounts[done.order.account_id].frozen
    assert all(spent[account] <= known.balance for account, known in batch.facts.accounts.items())


@given(batches())
def test_a_unit_is_sold_once_and_only_from_its_own_shelf(batch: Batch) -> None:
    sold = [(done.order.product_id, unit) for done in placed(decided(batch)) for unit in done.units]
    assert len(set(sold)) == len(sold)
    assert all(unit in batch.facts.units[product] for product, unit in sold)
    assert all(len(done.units) == done.order.quantity for done in placed(decided(batch)))


@given(batches())
def test_below_the_cap_a_price_is_told_apart_from_all_before_it(batch: Batch) -> None:
    taken = [amount.micros for amount in batch.facts.taken]
    for done in placed(decided(batch)):
        price = done.order.price.micros
        if done.order.hits <= 10:
            assert all(abs(price - other) > 20_000 for other in taken)
        taken.append(price)


@given(batches())
def test_what_is_recorded_belongs_together(batch: Batch) -> None:
    decision = decided(batch)
    for request, number, outcome in zip(
        batch.requests, batch.facts.order_ids, decision.outcomes, strict=True
    ):
        if not isinstance(outcome, Placed):
            continue
        order, transfer = outcome.order, outcome.transfer
        assert (order.id, order.account_id, order.api_key_id) == (
            number,
            request.account_id,
            request.api_key_id,
        )
        assert (order.status, order.refund, order.charged) == ("processing", "none", order.price)
        assert (order.created_at, order.deadline_at - order.created_at) == (batch.now, timedelta(minutes=10))
        assert (transfer.debit, transfer.credit) == (f"customer:{request.account_id}", "escrow")
        assert (transfer.amount, transfer.ref, transfer.order_id) == (order.price, str(number), number)
        assert (outcome.event.status, outcome.event.order_id) == ("processing", number)
    numbers = [done.order.id for done in placed(decision)]
    assert all(one < other for one, other in pairwise(numbers))


@given(batches())
def test_every_signature_is_used_up_refused_or_not(batch: Batch) -> None:
    decision = decided(batch)
    sent = dict.fromkeys(r.signature for r in batch.requests if r.signature is not None)
    assert list(decision.signatures) == [s for s in sent if s not in batch.facts.used_signatures]


@given(batches())
def test_a_key_has_one_effect_and_its_answer_is_replayed(batch: Batch) -> None:
    answered = batch.facts.answers
    effects = set()
    for request, outcome in zip(batch.requests, decided(batch).outcomes, strict=True):
        if request.attempt is None:
            assert not isinstance(outcome, Replayed)
            continue
        name = (request.api_key_id, request.attempt.key)
        if isinstance(outcome, Replayed):
            assert outcome.answer == answered[name].answer
            assert request.attempt.digest == answered[name].digest
        if isinstance(outcome, Placed):
            assert name not in answered
            assert name not in effects
            effects.add(name)


@given(batches(max_size=2), st.integers(1, 10))
def test_the_decision_changes_none_of_its_facts(batch: Batch, times: int) -> None:
    first = [told(outcome) for outcome in decided(batch).outcomes]
    for _ in range(times):
        assert [told(outcome) for outcome in decided(batch).outcomes] == first
