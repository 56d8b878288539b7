"""Amounts in order: what is reserved near an amount, and what orders took lately."""

from __future__ import annotations

from bisect import bisect_left, bisect_right, insort
from collections.abc import Iterable, Iterator
from datetime import datetime

from ytmarket.adapters.inmemory.journal import Table
from ytmarket.adapters.inmemory.rows import OrderRow
from ytmarket.domain import pricing
from ytmarket.domain.ids import OrderId, ReservationId
from ytmarket.domain.money import Usdt
from ytmarket.domain.networks import Network
from ytmarket.domain.order_states import UNDELIVERED
from ytmarket.domain.orders import Channel, Order
from ytmarket.domain.reservations import Reservation


class ReservedAmounts:
    """The reservations of each network, sorted by amount."""

    def __init__(self, reservations: Table[ReservationId, Reservation]) -> None:
        self._rows = reservations
        self._sorted: dict[Network, list[tuple[Usdt, ReservationId]]] = {network: [] for network in Network}
        reservations.watch(self._follow)

    def between(self, network: Network, low: Usdt, high: Usdt) -> list[Reservation]:
        """Those whose amount is from low to high, both included."""
        entries = self._sorted[network]
        start = bisect_left(entries, low, key=_amount)
        end = bisect_right(entries, high, key=_amount)
        return [self._rows[key] for _, key in entries[start:end]]

    def below(self, network: Network, amount: Usdt) -> Iterator[Reservation]:
        """Those of less than this, the nearest first."""
        entries = self._sorted[network]
        for at in range(bisect_left(entries, amount, key=_amount) - 1, -1, -1):
            yield self._rows[entries[at][1]]

    def above(self, network: Network, amount: Usdt) -> Iterator[Reservation]:
        """Those of more than this, the nearest first."""
        entries = self._sorted[network]
        for at in range(bisect_right(entries, amount, key=_amount), len(entries)):
            yield self._rows[entries[at][1]]

    def _follow(self, key: ReservationId, before: Reservation | None, after: Reservation | None) -> None:
        if before is None and after is not None:
            insort(self._sorted[after.network], (after.amount, key))
        elif after is None and before is not None:
            entries = self._sorted[before.network]
            del entries[bisect_left(entries, (before.amount, key))]


class RecentAmounts:
    """The amounts that orders took within the price window."""

    def __init__(self, orders: Table[OrderId, OrderRow]) -> None:
        self._taken: dict[Usdt, dict[OrderId, datetime]] = {}
        orders.watch(self._follow)

    def taken(self, amounts: Iterable[Usdt], now: datetime) -> frozenset[Usdt]:
        """Which of these count now; what is too old is forgotten on the way."""
        oldest = now - pricing.WINDOW
        found = set()
        for amount in amounts:
            times = self._taken.get(amount)
            if times is None:
                continue
            for order, at in list(times.items()):
                if at <= oldest:
                    del times[order]
            if times:
                found.add(amount)
            else:
                del self._taken[amount]
        return frozenset(found)

    def _follow(self, key: OrderId, before: OrderRow | None, after: OrderRow | None) -> None:
        if before is not None and _counts(before.order):
            times = self._taken.get(before.order.price, {})
            times.pop(key, None)
            if not times:
                self._taken.pop(before.order.price, None)
        if after is not None and _counts(after.order):
            self._taken.setdefault(after.order.price, {})[key] = after.order.created_at


def _counts(order: Order) -> bool:
    """A retry must not pay for an order of a customer's that we did not deliver."""
    return not (order.channel is Channel.API and order.status in UNDELIVERED)


def _amount(entry: tuple[Usdt, ReservationId]) -> Usdt:
    return entry[0]
