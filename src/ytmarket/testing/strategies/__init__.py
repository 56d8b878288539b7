"""Hypothesis strategies for the shop's values; each is named in the plural and aimed at the edges.

@given(arrivals())
def test_my_matcher_never_guesses(arrival): ...
"""

from __future__ import annotations

from ytmarket.testing.strategies.amounts import NOON, amounts, around, cents, moments, neighbours, networks
from ytmarket.testing.strategies.batches import (
    Batch,
    batches,
    commands,
    idempotency_keys,
    order_terms,
    requests,
    shelves,
)
from ytmarket.testing.strategies.orders import new_orders, orders, products, unpaid_orders
from ytmarket.testing.strategies.payments import (
    arrivals,
    claims,
    deposits,
    disjoint_reservations,
    payers,
    reservations,
    topups,
)
from ytmarket.testing.strategies.trails import audit_entries, audit_trails

__all__ = [
    "NOON",
    "Batch",
    "amounts",
    "around",
    "arrivals",
    "audit_entries",
    "audit_trails",
    "batches",
    "cents",
    "claims",
    "commands",
    "deposits",
    "disjoint_reservations",
    "idempotency_keys",
    "moments",
    "neighbours",
    "networks",
    "new_orders",
    "order_terms",
    "orders",
    "payers",
    "products",
    "requests",
    "reservations",
    "shelves",
    "topups",
    "unpaid_orders",
]
