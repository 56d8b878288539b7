"""Every devnet, and every reader of one, keeps the promises of its port."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import UTC, datetime

import pytest

from tests.contract.conftest import OpenDatabase
from ytmarket.adapters.inmemory import InMemoryDevnet, ManualClock, SeededTokens
from ytmarket.adapters.postgres.database import PostgresDatabase
from ytmarket.adapters.postgres.devnet import PostgresDevnet
from ytmarket.adapters.postgres.devnet_reader import DevnetReader
from ytmarket.application.ports.chain_reader import ChainReader
from ytmarket.application.ports.devnet import Devnet
from ytmarket.domain.networks import Network
from ytmarket.testing.contracts import DevnetContract

ReaderOf = Callable[[Network], ChainReader]
Outage = Callable[[], AbstractAsyncContextManager[None]]
NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
PAGE_SIZE = 5


class TestDevnetInMemory(DevnetContract):
    @pytest.fixture
    def devnet(self) -> InMemoryDevnet:
        return InMemoryDevnet(ManualClock(NOON), SeededTokens(1), page_size=PAGE_SIZE)

    @pytest.fixture
    def reopened_devnet(self, devnet: InMemoryDevnet) -> Devnet:
        return devnet  # there is no other process that could see it

    @pytest.fixture
    def reader_of(self, devnet: InMemoryDevnet) -> ReaderOf:
        return devnet.reader

    @pytest.fixture
    def hasty_reader_of(self, devnet: InMemoryDevnet) -> ReaderOf:
        return devnet.reader

    @pytest.fixture
    def outage(self, devnet: InMemoryDevnet) -> Outage:
        @asynccontextmanager
        async def outage() -> AsyncIterator[None]:
            devnet.is_down = True
            yield
            devnet.is_down = False

        return outage


class TestDevnetOnPostgres(DevnetContract):
    @pytest.fixture
    def devnet(self, postgres: OpenDatabase) -> Devnet:
        return PostgresDevnet(postgres.store)

    @pytest.fixture
    async def reopened_devnet(self, postgres: OpenDatabase) -> AsyncIterator[Devnet]:
        again = await PostgresDatabase.open(postgres.dsn, durable=False)
        yield PostgresDevnet(again)
        await again.close()

    @pytest.fixture
    def reader_of(self, postgres: OpenDatabase) -> ReaderOf:
        return PostgresDevnet(postgres.store).reader

    @pytest.fixture
    def hasty_reader_of(self, postgres: OpenDatabase) -> ReaderOf:
        return lambda network: DevnetReader(postgres.store.writing, network, page_size=PAGE_SIZE)

    @pytest.fixture
    def outage(self, postgres: OpenDatabase) -> Outage:
        return postgres.outage
