"""One PostgreSQL for all tests here, standing when a test begins, and a stocked shop for each of them."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import attrs
import pytest

from tests.faults.cluster import Cluster
from tests.faults.shop import Database, stock
from ytmarket.testing.postgres import temporary_data_dir


@pytest.fixture(scope="session")
def the_cluster() -> Iterator[Cluster]:
    # Its settings are those of production; what dies here are processes, never the machine's memory.
    with temporary_data_dir(in_memory=True) as data_dir:
        cluster = Cluster(data_dir)
        cluster.start()
        yield cluster
        cluster.stop()


@pytest.fixture(scope="session")
def stocked(the_cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Database:
    """A shop to be copied; nobody may be connected to it."""
    the_cluster.start()
    return asyncio.run(stock(the_cluster.new_database(), tmp_path_factory.mktemp("stocked")))


@pytest.fixture(scope="session")
def thinly_stocked(the_cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Database:
    """The same with few units, to be looked through from end to end many times."""
    the_cluster.start()
    return asyncio.run(stock(the_cluster.new_database(), tmp_path_factory.mktemp("thinly"), units=400))


@pytest.fixture
def cluster(the_cluster: Cluster) -> Iterator[Cluster]:
    """It runs, whatever the test before did to it."""
    the_cluster.start()
    yield the_cluster
    the_cluster.start()


@pytest.fixture
def database(cluster: Cluster, stocked: Database) -> Iterator[Database]:
    """A stocked shop of the test's own."""
    with a_copy(cluster, stocked) as copy:
        yield copy


@contextmanager
def a_copy(cluster: Cluster, stocked: Database) -> Iterator[Database]:
    dsn = cluster.new_database(stocked.dsn)
    yield attrs.evolve(stocked, dsn=dsn)
    cluster.start()
    cluster.drop_database(dsn)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """For data folders and logs of the servers."""
    return tmp_path
