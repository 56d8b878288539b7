"""The order desk in memory: what a batch stands on, and what comes of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime
from itertools import islice

import attrs

from ytmarket.adapters.inmemory.accounts import post
from ytmarket.adapters.inmemory.events import keep_event
from ytmarket.adapters.inmemory.requests import keep_answer
from ytmarket.adapters.inmemory.rows import OrderRow
from ytmarket.adapters.inmemory.state import State
from ytmarket.domain import pricing
from ytmarket.domain.catalog import Product
from ytmarket.domain.errors import AlreadyDone
from ytmarket.domain.ids import OrderId, ProductId, UnitId
from ytmarket.domain.money import Usdt
from ytmarket.domain.shop import (
    AccountFacts,
    Decision,
    Facts,
    OrderRequest,
    Placed,
    PlaceOrder,
)


@attrs.frozen
class InMemoryOrderDesk:
    """The `OrderDeskRepository` port."""

    _state: State

    async def facts(self, requests: Sequence[OrderRequest], now: datetime) -> Facts:
        state = self._state
        commands = [r.command for r in requests if isinstance(r.command, PlaceOrder)]
        wanted: Counter[ProductId] = Counter()
        for command in commands:
            wanted[command.product_id] += command.quantity
        products = {key: product for key in wanted if (product := state.product(key)) is not None}
        return Facts(
            accounts={request.account_id: self._account(request) for request in requests},
            products=products,
            units={key: self._free(key, wanted[key]) for key in products},
            taken=self._taken(commands, products, now),
            order_ids=[OrderId(next(state.order_numbers)) for _ in requests],
            answers={
                name: answer
                for r in requests
                if r.attempt is not None
                and (answer := state.answers.get(name := (r.api_key_id, r.attempt.key)))
            },
            used_signatures=frozenset(
                r.signature for r in requests if r.signature is not None and r.signature in state.signatures
            ),
        )

    async def record(
        self,
        requests: Sequence[OrderRequest],
        decision: Decision,
        answers: Mapping[OrderId, bytes],
        now: datetime,
    ) -> None:
        state = self._state
        with state.journal.all_or_none():
            for signature in decision.signatures:
                if signature not in state.signatures:
                    state.signatures.put(signature, now)
            for request, outcome in zip(requests, decision.outcomes, strict=True):
                if not isinstance(outcome, Placed):
                    continue
                self._place(outcome)
                answer = answers.get(outcome.order.id)
                if request.attempt is not None and answer is not None:
                    keep_answer(state, request.api_key_id, request.attempt, answer, now)

    def _place(self, placed: Placed) -> None:
        state, order = self._state, placed.order
        if order.id in state.orders:
            raise AlreadyDone
        state.orders.put(order.id, OrderRow(order=order))
        post(state, [placed.transfer])
        for key in placed.units:
            unit = state.units[key]
            if unit.order_id is not None:
                raise AlreadyDone
            state.units.put(key, attrs.evolve(unit, order_id=order.id))
        keep_event(state, order, placed.event)

    def _account(self, request: OrderRequest) -> AccountFacts:
        row = self._state.accounts[request.account_id]
        return AccountFacts(balance=row.totals.balance, frozen=row.frozen)

    def _free(self, product: ProductId, wanted: int) -> Sequence[UnitId]:
        return tuple(islice(self._state.free_units.of(product), wanted))

    def _taken(
        self,
        commands: Sequence[PlaceOrder],
        products: Mapping[ProductId, Product],
        now: datetime,
    ) -> frozenset[Usdt]:
        bases = {
            pricing.base_price(products[command.product_id].price, command.quantity)
            for command in commands
            if command.product_id in products
        }
        amounts = (a for base in bases for a in pricing.amounts_that_matter(base))
        return self._state.recent_amounts.taken(amounts, now)
