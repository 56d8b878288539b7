"""Who fulfils an order."""

from __future__ import annotations

from typing import Protocol, TypeAlias

import attrs

from ytmarket.domain.orders import Order


@attrs.frozen
class Delivered:
    """All units reserved for the order may be handed out."""


@attrs.frozen
class DeliveredSome:
    """Only the first so many units may be handed out; the rest is refunded."""

    count: int
    message: str


@attrs.frozen
class CannotDeliver:
    """Nothing can be handed out; the order fails."""

    message: str


@attrs.frozen
class NotYet:
    """Ask again later, until the order's deadline."""


Fulfilment: TypeAlias = Delivered | DeliveredSome | CannotDeliver | NotYet


class Supplier(Protocol):
    """Says whether an order's reserved units may be handed out.

    * it may be asked more than once for one order, and answers no differently once it said yes;
    * a supplier that cannot be asked raises Unavailable, and the order waits.
    """

    async def fulfil(self, order: Order) -> Fulfilment: ...
