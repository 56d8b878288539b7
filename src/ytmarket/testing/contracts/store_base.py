"""What the contracts of a store's parts share: a small shop on the store under test."""

from __future__ import annotations

import pytest

from ytmarket.application.ports.queries import Queries
from ytmarket.application.ports.unit_of_work import NewUnitOfWork
from ytmarket.testing.contracts.base import Contract
from ytmarket.testing.contracts.world import World


class StorePartContract(Contract):
    """Needs `new_unit_of_work` and `queries`, both of one store that is empty for each test."""

    @pytest.fixture
    def world(self, new_unit_of_work: NewUnitOfWork, queries: Queries) -> World:
        return World(new_unit_of_work, queries)
