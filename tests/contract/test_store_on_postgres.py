"""The store on PostgreSQL keeps every promise of the ports, and every unit of work has a connection."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import pytest

from tests.contract.conftest import OpenDatabase
from ytmarket.application.ports.queries import Queries
from ytmarket.application.ports.unit_of_work import NewUnitOfWork
from ytmarket.testing.contracts import StoreContract


class TestStoreOnPostgres(StoreContract):
    @pytest.fixture
    def new_unit_of_work(self, postgres: OpenDatabase) -> NewUnitOfWork:
        return postgres.store.unit_of_work

    @pytest.fixture
    def queries(self, postgres: OpenDatabase) -> Queries:
        return postgres.store.queries

    @pytest.fixture
    def unreachable(self, postgres: OpenDatabase) -> NewUnitOfWork:
        postgres.vanish()
        return postgres.store.unit_of_work

    @pytest.fixture
    def unreachable_queries(self, postgres: OpenDatabase) -> Queries:
        postgres.vanish()
        return postgres.store.queries

    @pytest.fixture
    def sever(self, postgres: OpenDatabase) -> Callable[[], Awaitable[None]]:
        return postgres.sever
