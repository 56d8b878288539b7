"""Names for the things of the shop, so that one kind of number is never taken for another."""

from __future__ import annotations

from typing import NewType

AccountId = NewType("AccountId", int)
"""A customer: holds a balance, outlives its keys."""

ApiKeyId = NewType("ApiKeyId", int)
ProductId = NewType("ProductId", int)
UnitId = NewType("UnitId", int)
"""One thing in stock, delivered to at most one order."""

OrderId = NewType("OrderId", int)
TopupId = NewType("TopupId", str)
ReservationId = NewType("ReservationId", int)
DepositId = NewType("DepositId", int)
EventId = NewType("EventId", str)
AlarmId = NewType("AlarmId", int)
