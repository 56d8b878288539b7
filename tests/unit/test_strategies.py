"""The strategies soon reach what they aim at, and need no database."""

import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from itertools import product
from typing import TypeVar

from hypothesis import Phase, given, settings
from hypothesis.strategies import SearchStrategy

from ytmarket.domain import (
    Ambiguous,
    Claim,
    Deposit,
    Matched,
    OrderStatus,
    Placed,
    RefundStatus,
    Refused,
    Replayed,
    Unmatched,
    UnmatchedReason,
    decide,
    match_deposit,
)
from ytmarket.testing import strategies
from ytmarket.testing.strategies import arrivals, batches, orders

Example = TypeVar("Example")


def tally(
    strategy: SearchStrategy[Example], kinds: Callable[[Example], Iterable[str]], examples: int = 300
) -> Counter[str]:
    """How often each kind comes up among so many examples, the same ones every time."""
    seen = Counter[str]()

    @settings(max_examples=examples, derandomize=True, database=None, phases=[Phase.generate], deadline=None)
    @given(strategy)
    def look(example: Example) -> None:
        seen.update(kinds(example))

    look()
    return seen


def test_arrivals_meet_every_fate_a_deposit_can_have() -> None:
    def fate(arrival: tuple[Deposit, Sequence[Claim]]) -> Iterable[str]:
        match match_deposit(*arrival):
            case Matched():
                return ["matched"]
            case Ambiguous():
                return ["ambiguous"]
            case Unmatched(reason=reason, candidate=candidate):
                return [reason, "nobody near" if candidate is None else "somebody near"]

    assert {*UnmatchedReason, "matched", "nobody near", "somebody near"} == set(tally(arrivals(), fate))


def test_orders_reach_every_state_and_no_impossible_one() -> None:
    reached = tally(orders(), lambda order: [f"{order.status} {order.refund}"], 500)
    unpaid = {f"{status} none" for status in OrderStatus} - {"partial none", "failed none"}
    ended = product(["partial", "failed", "expired", "cancelled"], [RefundStatus.DUE, RefundStatus.REFUNDED])
    assert set(reached) == unpaid | {f"{status} {refund}" for status, refund in ended}


def test_batches_meet_every_outcome() -> None:
    def kinds(batch: strategies.Batch) -> Iterable[str]:
        for outcome in decide(batch.requests, batch.facts, batch.now, batch.terms).outcomes:
            match outcome:
                case Placed(order=order):
                    yield "placed"
                    yield "at the cap" if order.hits == 11 else "drifted" if order.hits else "at its base"
                case Replayed():
                    yield "replayed"
                case Refused():
                    yield outcome.code

    assert set(tally(batches(), kinds)) == {
        *("placed", "at its base", "drifted", "at the cap", "replayed"),
        *("signature_replayed", "idempotency_key_reused", "idempotency_in_flight"),
        *("invalid_request", "invoice_not_implemented", "product_not_found", "below_minimum"),
        *("insufficient_stock", "account_frozen", "price_changed", "insufficient_balance"),
    }


def test_everything_exported_is_there() -> None:
    assert all(hasattr(strategies, name) for name in strategies.__all__)


def test_the_package_imports_without_a_database() -> None:
    use = "from ytmarket.testing import strategies; strategies.deposits()"
    code = f"import sys; {use}; sys.exit('psycopg' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)
