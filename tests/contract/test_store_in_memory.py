"""The store in memory keeps every promise of the ports."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import pytest

from ytmarket.adapters.inmemory import InMemoryDatabase
from ytmarket.application.ports.queries import Queries
from ytmarket.application.ports.unit_of_work import NewUnitOfWork
from ytmarket.testing.contracts import StoreContract


def _switched_off() -> InMemoryDatabase:
    database = InMemoryDatabase()
    database.is_down = True
    return database


class TestStoreInMemory(StoreContract):
    @pytest.fixture
    def database(self) -> InMemoryDatabase:
        return InMemoryDatabase()

    @pytest.fixture
    def new_unit_of_work(self, database: InMemoryDatabase) -> NewUnitOfWork:
        return database.unit_of_work

    @pytest.fixture
    def queries(self, database: InMemoryDatabase) -> Queries:
        return database.queries

    @pytest.fixture
    def unreachable(self) -> NewUnitOfWork:
        return _switched_off().unit_of_work

    @pytest.fixture
    def unreachable_queries(self) -> Queries:
        return _switched_off().queries

    @pytest.fixture
    def sever(self, database: InMemoryDatabase) -> Callable[[], Awaitable[None]]:
        async def sever() -> None:
            database.is_down = True

        return sever
