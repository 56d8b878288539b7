"""The decision on a batch of orders: pure, one order after the other, nobody harmed by another's.

The facts are fetched and locked before; what is decided here is recorded afterwards, all of it or
nothing. Checks come in this order, and the first that fails is the answer: signature used before,
idempotency, body and payment method, product, minimum, stock, frozen account, price guard, balance.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final, TypeAlias

import attrs

from ytmarket.domain import ledger, pricing
from ytmarket.domain.catalog import MinimumTerms, Product
from ytmarket.domain.errors import (
    AccountFrozen,
    IdempotencyInFlight,
    InsufficientBalance,
    InsufficientStock,
    PriceChanged,
    ProductNotFound,
    Refused,
    SignatureReplayed,
)
from ytmarket.domain.idempotency import Attempt, StoredAnswer
from ytmarket.domain.ids import AccountId, ApiKeyId, OrderId, ProductId, UnitId
from ytmarket.domain.ledger import Transfer
from ytmarket.domain.money import Usdt
from ytmarket.domain.orders import Order, OrderEvent
from ytmarket.domain.signatures import UsedSignature

DELIVERY_DEADLINE: Final = timedelta(minutes=10)


@attrs.frozen(kw_only=True)
class PlaceOrder:
    """A request to buy so many units of a product."""

    product_id: ProductId
    quantity: int
    max_price: Usdt | None = None
    webhook_url: str | None = None


@attrs.frozen(kw_only=True)
class OrderRequest:
    """One authenticated request: what it asks for, or why its words are no order."""

    account_id: AccountId
    api_key_id: ApiKeyId
    command: PlaceOrder | Refused
    attempt: Attempt | None = None
    signature: UsedSignature | None = None


@attrs.frozen(kw_only=True)
class OrderTerms:
    """The shop's settings that bear on an order."""

    minimum: MinimumTerms = attrs.field(factory=MinimumTerms)
    deadline: timedelta = DELIVERY_DEADLINE


@attrs.frozen(kw_only=True)
class AccountFacts:
    """A customer as a batch finds it."""

    balance: Usdt
    frozen: bool = False


@attrs.frozen(kw_only=True)
class Facts:
    """All that a batch depends on, true until its unit of work ends.

    `units` holds free units of each product, as many as the batch can need; `taken` the amounts of
    the price window that matter to it; `order_ids` a fresh number for each request.
    """

    accounts: Mapping[AccountId, AccountFacts]
    products: Mapping[ProductId, Product]
    units: Mapping[ProductId, Sequence[UnitId]]
    taken: frozenset[Usdt]
    order_ids: Sequence[OrderId]
    answers: Mapping[tuple[ApiKeyId, str], StoredAnswer] = attrs.field(factory=dict)
    used_signatures: frozenset[UsedSignature] = frozenset()


@attrs.frozen(kw_only=True)
class Placed:
    """The order was placed: all of this is recorded together."""

    order: Order
    transfer: Transfer
    units: Sequence[UnitId]
    event: OrderEvent


@attrs.frozen
class Replayed:
    """The request was carried out before: this was the answer."""

    answer: bytes


Outcome: TypeAlias = Placed | Replayed | Refused


@attrs.frozen(kw_only=True)
class Decision:
    """An outcome for each request, and the signatures that the batch has used up."""

    outcomes: tuple[Outcome, ...]
    signatures: tuple[UsedSignature, ...] = ()


def decide(
    requests: Sequence[OrderRequest],
    facts: Facts,
    now: datetime,
    terms: OrderTerms | None = None,
) -> Decision:
    """Fold over the batch: each order sees what those before it have taken."""
    counter = _Counter(facts, now, terms or OrderTerms())
    outcomes = tuple(
        counter.serve(request, order_id) for request, order_id in zip(requests, facts.order_ids, strict=True)
    )
    return Decision(outcomes=outcomes, signatures=tuple(counter.signatures))


class _Counter:
    """Where the orders of a batch are served: what is left after each."""

    def __init__(self, facts: Facts, now: datetime, terms: OrderTerms) -> None:
        self.facts = facts
        self.now = now
        self.terms = terms
        self.balances = {account: known.balance for account, known in facts.accounts.items()}
        self.sold: dict[ProductId, int] = {}
        self.taken = set(facts.taken)
        self.attempts: set[tuple[ApiKeyId, str]] = set()
        self.signatures: dict[UsedSignature, None] = {}

    def serve(self, request: OrderRequest, order_id: OrderId) -> Outcome:
        try:
            return self._replayed(request) or self._placed(request, order_id)
        except Refused as refusal:
            return refusal

    def _replayed(self, request: OrderRequest) -> Replayed | None:
        attempt, signature = request.attempt, request.signature
        name = None if attempt is None else (request.api_key_id, attempt.key)
        stored = None if name is None else self.facts.answers.get(name)
        in_flight = name in self.attempts
        if signature is not None:
            used = signature in self.facts.used_signatures or signature in self.signatures
            if not used:
                self.signatures[signature] = None
            elif not in_flight and (stored is None or attempt is None or not stored.answers(attempt)):
                raise SignatureReplayed
        if in_flight:
            raise IdempotencyInFlight
        return None if stored is None or attempt is None else Replayed(stored.replay(attempt))

    def _placed(self, request: OrderRequest, order_id: OrderId) -> Placed:
        command = request.command
        if isinstance(command, Refused):
            raise command
        product = self._product(command)
        if self.facts.accounts[request.account_id].frozen:
            raise AccountFrozen
        quote = self._quote(product, command)
        self._check_balance(request.account_id, quote.amount)
        return self._record(request, command, order_id, quote)

    def _product(self, command: PlaceOrder) -> Product:
        product = self.facts.products.get(command.product_id)
        if product is None:
            raise ProductNotFound
        product.check_quantity(command.quantity, self.terms.minimum)
        left = product.available - self.sold.get(product.id, 0)
        if command.quantity > left:
            raise InsufficientStock(available=left)
        return product

    def _quote(self, product: Product, command: PlaceOrder) -> pricing.Quote:
        quote = pricing.quote(pricing.base_price(product.price, command.quantity), self.taken)
        if command.max_price is not None and quote.amount > command.max_price:
            raise PriceChanged(price_usdt=quote.amount)
        return quote

    def _check_balance(self, account_id: AccountId, price: Usdt) -> None:
        balance = self.balances[account_id]
        if balance < price:
            raise InsufficientBalance(
                balance_usdt=balance,
                required_usdt=price,
                shortfall_usdt=price - balance,
            )

    def _record(
        self,
        request: OrderRequest,
        command: PlaceOrder,
        order_id: OrderId,
        quote: pricing.Quote,
    ) -> Placed:
        order = Order(
            id=order_id,
            account_id=request.account_id,
            api_key_id=request.api_key_id,
            product_id=command.product_id,
            quantity=command.quantity,
            price=quote.amount,
            charged=quote.amount,
            hits=quote.hits,
            webhook_url=command.webhook_url,
            created_at=self.now,
            updated_at=self.now,
            deadline_at=self.now + self.terms.deadline,
        )
        start = self.sold.get(command.product_id, 0)
        end = start + command.quantity
        self.sold[command.product_id] = end
        self.balances[request.account_id] -= quote.amount
        self.taken.add(quote.amount)
        if request.attempt is not None:
            self.attempts.add((request.api_key_id, request.attempt.key))
        return Placed(
            order=order,
            transfer=ledger.order_charged(order_id, request.account_id, quote.amount, self.now),
            units=self.facts.units[command.product_id][start:end],
            event=OrderEvent.of(order),
        )
