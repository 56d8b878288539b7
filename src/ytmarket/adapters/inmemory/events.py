"""How an order's event gets onto its way: the same for a new order and for a changed one."""

from __future__ import annotations

import attrs

from ytmarket.adapters.inmemory.rows import EventRow
from ytmarket.adapters.inmemory.state import State
from ytmarket.domain.ids import EventId
from ytmarket.domain.orders import Order, OrderEvent
from ytmarket.domain.webhooks import Delivery


def keep_event(state: State, order: Order, event: OrderEvent) -> None:
    """Due at once where the order names a URL; otherwise only kept."""
    number = next(state.event_numbers)
    key = EventId(f"evt_{number}")
    wanted = order.webhook_url is not None
    row = EventRow(
        number=number,
        event=attrs.evolve(event, id=key),
        delivery=Delivery.PENDING if wanted else Delivery.UNWANTED,
        due_at=event.at if wanted else None,
    )
    state.events.put(key, row)
