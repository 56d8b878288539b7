"""Batches of orders with the facts they meet: crowded prices, narrow balances, few units, repetitions."""

from __future__ import annotations

from collections.abc import Sequence
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
_PLENTY: Final = 10
_KEYS: Final = st.sampled_from([ApiKeyId(1), ApiKeyId(2), ApiKeyId(21)])
_BODIES: Final = st.sampled_from([b"one", b"other"])
_NAMES: Final = st.sampled_from([None, None, "retry", "again"])
_DIGESTS: Final = st.sampled_from([None, None, b"s1", b"s2", b"s3"])


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
    key, body = draw(_KEYS), draw(_BODIES)
    name = draw(_NAMES) if attempts else None
    digest = draw(_DIGESTS) if signatures else None
    return OrderRequest(
        account_id=AccountId(1 if key == 1 else 2),
        api_key_id=key,
        command=draw(command),
        attempt=None if name is None else Attempt.of(name, _PATH, body),
        signature=None if digest is None else UsedSignature(key, digest),
    )


def _answer(body: bytes) -> StoredAnswer:
    digest = Attempt.of("retry", _PATH, body).digest
    return StoredAnswer(digest=digest, answer=b"answer to " + body, at=NOON)


# Made once: what is built anew for each example is checked anew as well.
_TERMS: Final = order_terms()
_TAKEN: Final = st.frozensets(st.tuples(st.integers(0, 10), st.integers(-3, 3)), max_size=6)
_WALLETS: Final = st.tuples(
    st.sampled_from([0, 1, 1, 1, 2, 2, 3, 5, _PLENTY, _PLENTY]),
    st.integers(0, 10),
    st.sampled_from([0, 0, 0, -1, 1, _CENT]),
    st.sampled_from([False] * 7 + [True]),
)
_ANSWERS: Final = st.dictionaries(st.tuples(_KEYS, st.just("retry")), _BODIES.map(_answer), max_size=2)
_USED: Final = st.frozensets(st.builds(UsedSignature, _KEYS, st.sampled_from([b"s1", b"s2"])), max_size=2)


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
    taken = draw(_TAKEN)
    facts = Facts(
        accounts={AccountId(number): _account(base, draw(_WALLETS)) for number in (1, 2)},
        products={product.id: product for product in shelf},
        units={product.id: _units(product) for product in shelf},
        taken=frozenset(_taken(base, percent, offset) for percent, offset in taken),
        order_ids=[OrderId(100 + number) for number in range(len(asked))],
        answers=draw(_ANSWERS) if attempts else {},
        used_signatures=draw(_USED) if signatures else frozenset(),
    )
    return Batch(requests=asked, facts=facts, now=NOON, terms=draw(_TERMS))


def _units(product: Product) -> Sequence[UnitId]:
    return [UnitId(int(product.id) * 1000 + number) for number in range(product.available)]


def _account(base: int, wallet: tuple[int, int, int, bool]) -> AccountFacts:
    """Enough for so many orders at the base, drifted by so many percent, to the micro; or plenty."""
    orders, percent, micros, frozen = wallet
    balance = Usdt(max(base * (100 * orders + percent) // 100 + micros, 0))
    return AccountFacts(balance=Usdt.of(1_000_000) if orders == _PLENTY else balance, frozen=frozen)


def _taken(base: int, percent: int, offset: int) -> Usdt:
    return Usdt.cents(max(base * (100 + percent) // (100 * _CENT) + offset, 1))
