"""What all contracts share: they are asynchronous, and run on asyncio as the server does."""

from __future__ import annotations

import pytest


class Contract:
    """Promises of a port, each a test. Subclass it as `Test...` and give it the fixtures it names."""

    pytestmark = pytest.mark.anyio

    @pytest.fixture(scope="session")
    @classmethod
    def anyio_backend(cls) -> str:
        return "asyncio"
