"""Batches of orders with the facts they meet: crowded prices, narrow balances, few units, repetitions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Final

import attrs
from hypothesis import strategies as st
from hypothesis.strategies import DrawFn, SearchStrategy

from ytmarket.domain.catalog import MinimumTerms, Product
from ytmarket.domain.errors import InvalidRequest, InvoicesUnavailable, Refused
from ytmarket.domain.idempotency import Attempt, StoredAnswer
from ytmarket.domain.ids import AccountId, ApiKeyId, OrderId, ProductId, UnitId
from ytmarket.domain.money import Usdt
from ytmarket.domain.shop import AccountFacts, Facts, OrderRequest, OrderTerms, PlaceOrder
from ytmarket.domain.signatures import UsedSignature
from ytmarket.testing.strategies.amounts import NOON

_PATH: Final = "/api/v1/orders"
_CENT: Final = 10_000
_NOWHERE: Final = ProductId(404)
_UNIT_PRICES: Final = ["1", "2.5", "0.333333", "0.005", "0.01", "12.34"]


@attrs.frozen(kw_only=True)
class Batch:
    """What `shop.decide` is asked: the requests, what they stand on, when, and on what terms."""

    requests: Sequence[OrderRequest]
    facts: Facts
    now: datetime
    terms: OrderTerms


def idempotency_keys() -> SearchStrategy[str]:
    """Keys that a client may send: 1 to 255 visible ASCII characters."""
    return st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=255)


@st.composite
def shelves(draw: DrawFn, *, quantity: int = 1) -> Sequence[Product]:
    """One or two products at prices that make orders collide, with units for a few orders of that size."""
    prices = draw(st.lists(st.sampled_from(_UNIT_PRICES), min_size=1, max_size=2))
    return [
        Product(
            id=ProductId(number),
            sku=f"SKU-{number}",
            title=f"Product {number}",
            category="mail",
            price=Usdt.of(price),
            min_quantity=draw(st.sampled_from([1, 1, 2])),
            available=draw(st.sampled_from([quantity, 2 * quantity, 40, 90])),
        )
        for number, price in enumerate(prices, 1)
    ]


def order_terms() -> SearchStrategy[OrderTerms]:
    """With the floor of 600 roubles at two rates, and without it."""
    floors = st.sampled_from([("0", "80"), ("0", "80"), ("600", "80"), ("600", "79.99")])
    return floors.map(
        lambda pair: OrderTerms(
            minimum=MinimumTerms(floor_rub=Decimal(pair[0]), rub_per_usdt=Decimal(pair[1]))
        )
    )


def commands(shelf: Sequence[Product], *, quantities: Sequence[int]) -> SearchStrategy[PlaceOrder | Refused]:
    """Mostly orders for what is on the shelf; some guarded by a price, some for nothing we sell."""

    def order(product: Product, quantity: int, percent: int | None, micros: int) -> PlaceOrder:
        total = (product.price * quantity).to_cent()
        return PlaceOrder(
            product_id=product.id,
            quantity=quantity,
            max_price=None if percent is None else total.plus_percent(percent) + Usdt(micros),
        )

    orders = st.builds(
        order,
        st.sampled_from(shelf),
        st.sampled_from(quantities) | st.integers(1, 12),
        st.sampled_from([None, None, 0, 0, 1, 10]),
        st.sampled_from([0, 0, -1, _CENT]),
    )
    strays: list[PlaceOrder | Refused] = [
        PlaceOrder(product_id=_NOWHERE, quantity=1),
        InvalidRequest(pointer="/quantity", problem="must be a whole number"),
        InvoicesUnavailable(),
    ]
    return st.one_of(orders, orders, orders, orders, st.sampled_from(strays))


@st.composite
def requests(
    draw: DrawFn,
    command: SearchStrategy[PlaceOrder | Refused],
    *,
    attempts: bool = True,
    signatures: bool = True,
) -> OrderRequest:
    """Authenticated requests of two customers, one with two keys; some of them are sent twice."""
    key = draw(st.sampled_from([1, 2, 21]))
    body = draw(st.sampled_from([b"one", b"other"]))
    name = draw(st.sampled_from([None, None, "retry", "again"])) if attempts else None
    digest = draw(st.sampled_from([None, None, b"s1", b"s2", b"s3"])) if signatures else None
    return OrderRequest(
        account_id=AccountId(key % 10 if key < 10 else 2),
        api_key_id=ApiKeyId(key),
        command=draw(command),
        attempt=None if name is None else Attempt.of(name, _PATH, body),
        signature=None if digest is None else UsedSignature(ApiKeyId(key), digest),
    )


@st.composite
def batches(draw: DrawFn, *, max_size: int = 8, attempts: bool = True, signatures: bool = True) -> Batch:
    """Whole batches; whether requests may carry idempotency keys and signatures is for you to say."""
    usual = draw(st.integers(1, 10))
    shelf = draw(shelves(quantity=usual))
    asked = draw(
        st.lists(
            requests(commands(shelf, quantities=[usual]), attempts=attempts, signatures=signatures),
            max_size=max_size,
        )
    )
    base = (shelf[0].price * usual).micros
    facts = Facts(
        accounts={AccountId(number): draw(_accounts(base)) for number in (1, 2)},
        products={product.id: product for product in shelf},
        units={product.id: _units(product) for product in shelf},
        taken=draw(_taken(base)),
        order_ids=[OrderId(100 + number) for number in range(len(asked))],
        answers=draw(_answers()) if attempts else {},
        used_signatures=draw(_used()) if signatures else frozenset(),
    )
    return Batch(requests=asked, facts=facts, now=NOON, terms=draw(order_terms()))


def _units(product: Product) -> Sequence[UnitId]:
    return [UnitId(int(product.id) * 1000 + number) for number in range(product.available)]


def _accounts(base: int) -> SearchStrategy[AccountFacts]:
    balances = st.builds(
        lambda orders, percent, micros: Usdt(max(base * (100 * orders + percent) // 100 + micros, 0)),
        st.integers(0, 9),
        st.integers(0, 10),
        st.sampled_from([0, 0, 0, -1, 1, _CENT]),
    )
    wealth = st.just(Usdt.of(1_000_000))
    return st.builds(AccountFacts, balance=balances | wealth, frozen=st.sampled_from([False] * 7 + [True]))


def _taken(base: int) -> SearchStrategy[frozenset[Usdt]]:
    cents = st.builds(
        lambda percent, offset: Usdt.cents(max(base * (100 + percent) // (100 * _CENT) + offset, 1)),
        st.integers(0, 10),
        st.integers(-3, 3),
    )
    return st.frozensets(cents, max_size=6)


def _answers() -> SearchStrategy[Mapping[tuple[ApiKeyId, str], StoredAnswer]]:
    stored = st.sampled_from([b"one", b"other"]).map(
        lambda body: StoredAnswer(
            digest=Attempt.of("retry", _PATH, body).digest, answer=b"answer to " + body, at=NOON
        )
    )
    keys = st.tuples(st.sampled_from([1, 2, 21]).map(ApiKeyId), st.just("retry"))
    return st.dictionaries(keys, stored, max_size=2)


def _used() -> SearchStrategy[frozenset[UsedSignature]]:
    digests = st.builds(
        UsedSignature, st.sampled_from([1, 2, 21]).map(ApiKeyId), st.sampled_from([b"s1", b"s2"])
    )
    return st.frozensets(digests, max_size=2)
