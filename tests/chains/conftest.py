"""The engines that run local chains."""

from pathlib import Path

import pytest

from tests.conftest import STRICT

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="session")
def anvil_program() -> Path:
    """Where anvil is; without it the test is skipped, or fails with STRICT=1."""
    from ytmarket.testing.chains.anvil import find_anvil

    program = find_anvil(ROOT)
    if program is not None:
        return program
    lack = "this machine lacks anvil: npm install --prefix tests/node"
    if STRICT:
        pytest.fail(lack, pytrace=False)
    pytest.skip(lack)
