"""A supplier that hands out what is on the shelf."""

from __future__ import annotations

from ytmarket.application.errors import Unavailable
from ytmarket.application.ports.supplier import Delivered, DeliveredSome, Fulfilment
from ytmarket.domain.ids import OrderId
from ytmarket.domain.orders import Order


class ShelfSupplier:
    """The `Supplier` port: all that was reserved, unless told otherwise.

    What it says to an order it has not said yes to may be changed at any time by `answer`.
    """

    def __init__(self, answer: Fulfilment | None = None) -> None:
        self.answer: Fulfilment = answer or Delivered()
        self.is_down = False
        """Set it to rehearse what happens while the supplier does not answer."""
        self._promised: dict[OrderId, Fulfilment] = {}

    async def fulfil(self, order: Order) -> Fulfilment:
        if self.is_down:
            raise Unavailable("the supplier in memory was switched off")
        promised = self._promised.get(order.id)
        if promised is not None:
            return promised
        if isinstance(self.answer, Delivered | DeliveredSome):
            self._promised[order.id] = self.answer
        return self.answer
