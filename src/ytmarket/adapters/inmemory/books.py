"""Recomputing the books in memory: what each customer and each order has, from the transfers alone."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta

from ytmarket.adapters.inmemory.state import State
from ytmarket.application.ports.books import Mismatch
from ytmarket.domain import chart
from ytmarket.domain.ids import AccountId, OrderId
from ytmarket.domain.ledger import CustomerTotals
from ytmarket.domain.money import ZERO, Usdt


class InMemoryBooks:
    """The `Books` port. There is little enough to look at all of it each time."""

    def __init__(self, state: State) -> None:
        self._state = state

    async def check(self) -> Sequence[Mismatch]:
        with self._state.journal.hidden():
            return [*self._balances(), *self._escrow()]

    async def check_changes(self, now: datetime, *, every: timedelta) -> Sequence[Mismatch] | None:
        last = self._state.books_checked_at
        if last is not None and now - last < every:
            return None
        self._state.books_checked_at = now
        return await self.check()

    def _balances(self) -> Iterator[Mismatch]:
        for account, row in self._state.accounts.items():
            totals = CustomerTotals()
            for name in self._state.transfers_of.of(account):
                totals = totals.after(self._state.transfers[name], account)
            if totals != row.totals:
                yield _mismatch("balance", f"account {account}", row.totals, totals, account)

    def _escrow(self) -> Iterator[Mismatch]:
        held: dict[OrderId | None, Usdt] = {}
        for transfer in self._state.transfers.values():
            for side, sign in ((transfer.credit, 1), (transfer.debit, -1)):
                if side == chart.ESCROW:
                    before = held.get(transfer.order_id, ZERO)
                    held[transfer.order_id] = before + transfer.amount * sign
        for key, row in self._state.orders.items():
            order = row.order
            kept, moved = order.charged - order.settled - order.refunded, held.get(key, ZERO)
            if kept != moved:
                yield _mismatch("escrow", f"order {key}", kept, moved, order.account_id)


def _mismatch(what: str, where: str, kept: object, recomputed: object, account: AccountId | None) -> Mismatch:
    return Mismatch(what=what, where=where, kept=str(kept), recomputed=str(recomputed), account_id=account)
