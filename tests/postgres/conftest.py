"""The database of the contract tests, for what only PostgreSQL can show."""

from __future__ import annotations

import pytest

from tests.contract.conftest import OpenDatabase, migrated, postgres, postgres_server
from ytmarket.testing.contracts import World

__all__ = ["migrated", "postgres", "postgres_server", "world"]


@pytest.fixture
def world(postgres: OpenDatabase) -> World:
    return World(postgres.store.unit_of_work, postgres.store.queries)
