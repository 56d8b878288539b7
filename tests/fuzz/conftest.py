"""One real server for all of the fuzzing, without a limit that would answer in its place."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.acceptance.server import Server
from ytmarket.testing.postgres import temporary_data_dir


@pytest.fixture(scope="session")
def server() -> Iterator[Server]:
    with temporary_data_dir(in_memory=True) as data_dir:
        running = Server(data_dir, settings={"YTMARKET_RATE_LIMIT": "1000000"}).start()
        yield running
        running.stop()
