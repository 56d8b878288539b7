"""Customers in memory, and every transfer there ever was."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import datetime

import attrs

from ytmarket.adapters.inmemory.rows import AccountRow
from ytmarket.adapters.inmemory.state import State
from ytmarket.domain.errors import AccountFrozen, AlreadyDone, NotFound, OrderNotFound
from ytmarket.domain.ids import AccountId
from ytmarket.domain.ledger import CustomerTotals, Transfer


@attrs.frozen
class InMemoryAccounts:
    """The `AccountRepository` port."""

    _state: State

    async def create(self, label: str, now: datetime) -> AccountId:
        account = AccountId(next(self._state.account_numbers))
        self._state.accounts.put(account, AccountRow(label=label, created_at=now))
        return account

    async def lock(self, accounts: Collection[AccountId]) -> Mapping[AccountId, CustomerTotals]:
        return {
            account: row.totals
            for account in accounts
            if (row := self._state.accounts.get(account)) is not None
        }

    async def post(self, transfers: Sequence[Transfer]) -> None:
        post(self._state, transfers)

    async def set_frozen(self, account: AccountId, *, frozen: bool) -> bool:
        row = self._state.accounts.get(account)
        if row is None:
            raise NotFound
        if row.frozen == frozen:
            return False
        self._state.accounts.put(account, attrs.evolve(row, frozen=frozen))
        return True


def post(state: State, transfers: Sequence[Transfer]) -> None:
    """Book them all or none.

    Raises `AlreadyDone`, `Overdrawn`, `AccountFrozen`, `NotFound` for no account, or `OrderNotFound`
    for an order that is not there or is another customer's.
    """
    with state.journal.all_or_none():
        for transfer in transfers:
            name = (transfer.kind, transfer.ref)
            if name in state.transfers:
                raise AlreadyDone
            state.transfers.put(name, transfer)
            for account in _customers(transfer):
                row = state.accounts.get(account)
                if row is None:
                    raise NotFound
                if row.frozen:
                    raise AccountFrozen
                totals = row.totals.after(transfer, account)
                state.accounts.put(account, attrs.evolve(row, totals=totals))
        if not all(_is_of_its_order(state, transfer) for transfer in transfers):
            raise OrderNotFound


def _is_of_its_order(state: State, transfer: Transfer) -> bool:
    if transfer.order_id is None:
        return True
    row = state.orders.get(transfer.order_id)
    return row is not None and transfer.account_id in (None, row.order.account_id)


def _customers(transfer: Transfer) -> Iterator[AccountId]:
    for side in (transfer.debit, transfer.credit):
        group, _, number = side.partition(":")
        if group == "customer":
            yield AccountId(int(number))
