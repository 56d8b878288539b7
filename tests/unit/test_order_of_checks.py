"""A request that is wrong in every way is told its faults one after the other, always in the same order."""

from datetime import UTC, datetime

import attrs

from ytmarket.domain import (
    AccountFacts,
    AccountId,
    ApiKeyId,
    Attempt,
    Facts,
    InvalidRequest,
    OrderId,
    OrderRequest,
    Placed,
    PlaceOrder,
    Product,
    ProductId,
    Refused,
    StoredAnswer,
    UnitId,
    Usdt,
    UsedSignature,
    decide,
)

NOW = datetime(2026, 5, 4, 12, tzinfo=UTC)
ANN, KEY, MAIL = AccountId(1), ApiKeyId(1), ProductId(1)
SIGNATURE = UsedSignature(KEY, b"signed")
ATTEMPT = Attempt.of("k1", "/api/v1/orders", b"body")
OTHER = StoredAnswer(digest=Attempt.of("k1", "/api/v1/orders", b"other").digest, answer=b"answer", at=NOW)
PRODUCT = Product(id=MAIL, sku="M", title="Mail", category="mail", price=Usdt.of(1), available=9)

# 8 pieces reach the floor of 600 roubles; nine are in stock.
WORST = OrderRequest(
    account_id=ANN,
    api_key_id=KEY,
    command=InvalidRequest(pointer="/quantity", problem="must be a whole number"),
    attempt=ATTEMPT,
    signature=SIGNATURE,
)
HOPELESS = Facts(
    accounts={ANN: AccountFacts(balance=Usdt.of(7), frozen=True)},
    products={MAIL: PRODUCT},
    units={MAIL: [UnitId(number) for number in range(9)]},
    taken=frozenset(),
    order_ids=[OrderId(1)],
    answers={(KEY, "k1"): OTHER},
    used_signatures=frozenset({SIGNATURE}),
)


def wants(product: int, quantity: int, guard: str | None = "0.5") -> OrderRequest:
    max_price = None if guard is None else Usdt.of(guard)
    return attrs.evolve(
        WORST, command=PlaceOrder(product_id=ProductId(product), quantity=quantity, max_price=max_price)
    )


def test_each_fault_hides_those_behind_it() -> None:
    fresh = attrs.evolve(HOPELESS, used_signatures=frozenset())
    unsaid = attrs.evolve(fresh, answers={})
    thawed = attrs.evolve(unsaid, accounts={ANN: AccountFacts(balance=Usdt.of(7))})
    rich = attrs.evolve(unsaid, accounts={ANN: AccountFacts(balance=Usdt.of(8))})
    for request, facts, code in [
        (WORST, HOPELESS, "signature_replayed"),
        (WORST, fresh, "idempotency_key_reused"),
        (WORST, unsaid, "invalid_request"),
        (wants(404, 1), unsaid, "product_not_found"),
        (wants(1, 7), unsaid, "below_minimum"),
        (wants(1, 10), unsaid, "insufficient_stock"),
        (wants(1, 8), unsaid, "account_frozen"),
        (wants(1, 8), thawed, "price_changed"),
        (wants(1, 8, guard=None), thawed, "insufficient_balance"),
        (wants(1, 8, guard=None), rich, "placed"),
    ]:
        (outcome,) = decide([request], facts, NOW).outcomes
        assert (outcome.code if isinstance(outcome, Refused) else "placed") == code
        assert isinstance(outcome, Placed) == (code == "placed")


def test_too_few_is_said_before_too_many_for_the_stock() -> None:
    empty = attrs.evolve(HOPELESS, products={MAIL: attrs.evolve(PRODUCT, available=0)})
    facts = attrs.evolve(empty, used_signatures=frozenset(), answers={})
    (outcome,) = decide([wants(1, 1)], facts, NOW).outcomes
    assert isinstance(outcome, Refused)
    assert outcome.code == "below_minimum"
