"""The books in memory and on PostgreSQL are recomputed to the same promises."""

from __future__ import annotations

from typing import Any

import attrs
import psycopg
import pytest

from tests.contract.conftest import OpenDatabase
from ytmarket.adapters.inmemory import InMemoryDatabase
from ytmarket.application.ports.books import Books
from ytmarket.application.ports.queries import Queries
from ytmarket.application.ports.unit_of_work import NewUnitOfWork
from ytmarket.domain.ids import AccountId
from ytmarket.domain.money import Usdt
from ytmarket.testing.contracts import BooksContract
from ytmarket.testing.contracts.books import Spoil

OTHER = """
    update account set topped_up = topped_up + case when mod(topped_up, 2) = 0 then 1 else -1 end
    where id = %s
"""


class TestBooksInMemory(BooksContract):
    @pytest.fixture
    def store(self) -> InMemoryDatabase:
        return InMemoryDatabase()

    @pytest.fixture
    def new_unit_of_work(self, store: InMemoryDatabase) -> NewUnitOfWork:
        return store.unit_of_work

    @pytest.fixture
    def queries(self, store: InMemoryDatabase) -> Queries:
        return store.queries

    @pytest.fixture
    def books(self, store: InMemoryDatabase) -> Books:
        return store.books

    @pytest.fixture
    def spoil(self, store: InMemoryDatabase) -> Spoil:
        async def spoil(account: AccountId) -> None:
            rows: Any = store._state.accounts
            totals = rows[account].totals
            by = Usdt(1) if totals.topped_up.micros % 2 == 0 else -Usdt(1)
            spoilt = attrs.evolve(totals, topped_up=totals.topped_up + by)
            async with store.unit_of_work() as uow:
                rows.put(account, attrs.evolve(rows[account], totals=spoilt))
                await uow.commit()

        return spoil


class TestBooksOnPostgres(BooksContract):
    @pytest.fixture
    def new_unit_of_work(self, postgres: OpenDatabase) -> NewUnitOfWork:
        return postgres.store.unit_of_work

    @pytest.fixture
    def queries(self, postgres: OpenDatabase) -> Queries:
        return postgres.store.queries

    @pytest.fixture
    def books(self, postgres: OpenDatabase) -> Books:
        return postgres.store.books

    @pytest.fixture
    def spoil(self, postgres: OpenDatabase) -> Spoil:
        async def spoil(account: AccountId) -> None:
            async with await psycopg.AsyncConnection.connect(postgres.dsn, autocommit=True) as connection:
                await connection.execute(OTHER, (account,))

        return spoil
