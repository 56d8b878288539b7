"""Placing orders, in batches: whoever asks while one batch is on its way is in the next."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import attrs

from ytmarket.application.batching import Batcher
from ytmarket.application.errors import ApplicationError, Unavailable
from ytmarket.application.ports.clock import Clock
from ytmarket.application.ports.rate_source import RateSource
from ytmarket.application.ports.unit_of_work import NewUnitOfWork
from ytmarket.domain.catalog import MinimumTerms
from ytmarket.domain.errors import IdempotencyInFlight, Refused
from ytmarket.domain.ids import OrderId
from ytmarket.domain.orders import Order
from ytmarket.domain.shop import (
    Decision,
    OrderRequest,
    OrderTerms,
    Outcome,
    Placed,
    PlaceOrder,
    Replayed,
    decide,
)

BATCH_ORDERS_MAX = 256
BATCH_UNITS_MAX = 20_000


@attrs.frozen
class OrderAnswer:
    """The order that was placed and its answer, byte for byte; no order when it was a replay."""

    body: bytes
    order: Order | None = None

    @property
    def replayed(self) -> bool:
        return self.order is None


class OrderDesk:
    """Takes orders from everybody at once; one commit serves a batch.

    *render* turns a placed order into the bytes of its answer, which are kept for replays.
    """

    def __init__(
        self,
        *,
        new_unit_of_work: NewUnitOfWork,
        clock: Clock,
        rate_source: RateSource,
        terms: OrderTerms,
        render: Callable[[Order], bytes],
        on_placed: Callable[[], None] = lambda: None,
    ) -> None:
        self._new_unit_of_work = new_unit_of_work
        self._clock = clock
        self._rate_source = rate_source
        self.terms = terms
        self._minimum = terms.minimum
        self._render = render
        self._on_placed = on_placed
        self._batcher: Batcher[OrderRequest, OrderAnswer] = Batcher(self._serve, limit=BATCH_ORDERS_MAX)

    async def minimum(self) -> MinimumTerms:
        """The floor under an order, at the present rate."""
        rate = await self._rate_source.rub_per_usdt()
        if rate != self._minimum.rub_per_usdt:
            self._minimum = attrs.evolve(self._minimum, rub_per_usdt=rate)
        return self._minimum

    async def place(self, request: OrderRequest) -> OrderAnswer:
        """Charge the balance, take the units and open the order, or refuse and change nothing.

        Raises what `domain.shop` refuses, and `Unavailable` or `OutcomeUnknown` of the store.
        """
        return await self._batcher.ask(request)

    async def _serve(self, requests: Sequence[OrderRequest]) -> Sequence[OrderAnswer | BaseException]:
        """Each portion has a commit of its own, so that trouble with one is told to nobody else's askers."""
        answers: list[OrderAnswer | BaseException] = []
        for portion in _portions(requests):
            if any(isinstance(answer, Unavailable) for answer in answers):
                answers += [Unavailable("the orders before this one did not get through") for _ in portion]
            else:
                answers += await self._serve_portion(portion)
        return answers

    async def _serve_portion(self, requests: Sequence[OrderRequest]) -> Sequence[OrderAnswer | BaseException]:
        answers: Sequence[OrderAnswer | BaseException]
        try:
            answers = await self._place(requests)
        except ApplicationError as trouble:
            return [trouble] * len(requests)
        except Exception as trouble:  # noqa: BLE001 - it is this portion's alone
            if len(requests) == 1 and not isinstance(trouble, IdempotencyInFlight):
                return [trouble]
            # One request's data broke the batch: serve each by itself, so that only it suffers.
            answers = [await self._place_alone(request) for request in requests]
        self._on_placed()
        return answers

    async def _place_alone(self, request: OrderRequest) -> OrderAnswer | BaseException:
        try:
            return await self._place_one(request)
        except Exception as trouble:  # noqa: BLE001 - it is this asker's alone
            return trouble

    async def _place_one(self, request: OrderRequest) -> OrderAnswer | Refused:
        try:
            return (await self._place([request]))[0]
        except IdempotencyInFlight:
            # A top-up under the same key was just committed, and the signature taken back with the order.
            # Now its answer can be seen, so the order is refused before anything is recorded.
            return (await self._place([request]))[0]

    async def _place(self, requests: Sequence[OrderRequest]) -> list[OrderAnswer | Refused]:
        terms = attrs.evolve(self.terms, minimum=await self.minimum())
        now = self._clock.now()
        async with self._new_unit_of_work() as uow:
            facts = await uow.desk.facts(requests, now)
            decision = decide(requests, facts, now, terms)
            answers = [self._answer(outcome) for outcome in decision.outcomes]
            if _has_effect(decision):
                await uow.desk.record(requests, decision, _kept(requests, answers), now)
                await uow.commit()
        return answers

    def _answer(self, outcome: Outcome) -> OrderAnswer | Refused:
        match outcome:
            case Placed():
                return OrderAnswer(self._render(outcome.order), outcome.order)
            case Replayed():
                return OrderAnswer(outcome.answer)
            case _:
                return outcome


def _portions(requests: Sequence[OrderRequest]) -> Iterator[list[OrderRequest]]:
    """The batch in parts of so many units that each is recorded well within a statement's time."""
    portion: list[OrderRequest] = []
    units = 0
    for request in requests:
        wanted = request.command.quantity if isinstance(request.command, PlaceOrder) else 0
        if portion and units + wanted > BATCH_UNITS_MAX:
            yield portion
            portion, units = [], 0
        portion.append(request)
        units += wanted
    yield portion


def _has_effect(decision: Decision) -> bool:
    return bool(decision.signatures) or any(isinstance(o, Placed) for o in decision.outcomes)


def _kept(requests: Sequence[OrderRequest], answers: Sequence[OrderAnswer | Refused]) -> dict[OrderId, bytes]:
    """The answers that a repeated request must get again."""
    return {
        answer.order.id: answer.body
        for request, answer in zip(requests, answers, strict=True)
        if request.attempt is not None and isinstance(answer, OrderAnswer) and answer.order is not None
    }
