"""Leadership among the tasks of one process."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from ytmarket.application.errors import Unavailable
from ytmarket.application.leading import Term


class InMemoryLeadership:
    """The `Leadership` port, for a shop that lives in one process."""

    def __init__(self) -> None:
        self._turns: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._terms: dict[str, Term] = {}
        self.is_down = False
        """Set it to rehearse what happens while nobody can be asked who leads."""

    @asynccontextmanager
    async def lead(self, name: str) -> AsyncIterator[None]:
        if self.is_down:
            raise Unavailable("leadership in memory was switched off")
        async with self._turns[name], Term() as term:
            self._terms[name] = term
            try:
                yield
            finally:
                del self._terms[name]

    def depose(self, name: str) -> None:
        """Take the leadership away from whoever leads, to rehearse that."""
        if name in self._terms:
            self._terms[name].end()
