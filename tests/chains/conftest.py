"""The engines that run local chains."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, NoReturn

import pytest

from tests.conftest import STRICT

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="session")
def anvil_program() -> Path:
    """Where anvil is; without it the test is skipped, or fails with STRICT=1."""
    from ytmarket.testing.chains.anvil import find_anvil

    program = find_anvil(ROOT)
    return program or _lacking("anvil")


@pytest.fixture(scope="session")
def ton_sandbox() -> Iterator[Any]:
    """One TON for all tests, a `TonSandbox`; without node the test is skipped, or fails with STRICT=1."""
    from ytmarket.testing.chains.ton_sandbox import find_sandbox, running_sandbox

    with running_sandbox(find_sandbox(ROOT) or _lacking("node or TON's sandbox")) as sandbox:
        yield sandbox


def _lacking(what: str) -> NoReturn:
    lack = f"this machine lacks {what}: npm install --prefix tests/node"
    if STRICT:
        pytest.fail(lack, pytrace=False)
    pytest.skip(lack)
