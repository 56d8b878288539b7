"""The suppliers that come with the shop."""

from __future__ import annotations

import attrs

from ytmarket.application.ports.devnet import Devnet, SupplierMode
from ytmarket.application.ports.supplier import (
    CannotDeliver,
    Delivered,
    DeliveredSome,
    Fulfilment,
    NotYet,
)
from ytmarket.domain.orders import Order


@attrs.frozen
class StockSupplier:
    """Hands out what the order has reserved from stock, at once and in full."""

    async def fulfil(self, order: Order) -> Fulfilment:  # noqa: ARG002 - the port's shape
        return Delivered()


@attrs.frozen
class DevnetSupplier:
    """Does what it was last told, so that every ending of an order can be seen."""

    _devnet: Devnet

    async def fulfil(self, order: Order) -> Fulfilment:
        match await self._devnet.supplier_mode():
            case SupplierMode.DELIVER:
                return Delivered()
            case SupplierMode.FAIL:
                return CannotDeliver("the supplier cannot deliver")
            case SupplierMode.HOLD:
                return NotYet()
            case SupplierMode.PARTIAL:
                return _half(order.quantity)


def _half(quantity: int) -> Fulfilment:
    """Half of the units, at least one; a single unit has no half."""
    count = max(1, quantity // 2)
    if count == quantity:
        return Delivered()
    return DeliveredSome(count, f"the supplier delivered {count} of {quantity}")
