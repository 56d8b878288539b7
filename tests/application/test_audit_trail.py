"""A trail is followed while operators act: however acts and looks fall together, a whole trail is whole."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice

import attrs
import pytest

from ytmarket.adapters.inmemory.audit import InMemoryAudit
from ytmarket.adapters.inmemory.queries import InMemoryQueries
from ytmarket.adapters.inmemory.state import State
from ytmarket.application.audit_trail import ROWS_AT_ONCE, AuditService, Verified
from ytmarket.domain.audit import AuditEnd, AuditEntry
from ytmarket.testing.contracts.world import NOW

pytestmark = pytest.mark.anyio

ENTRY = AuditEntry(at=NOW, actor="http:ops", action="webhook.resend", target="event:evt_1")


@attrs.frozen
class BusyTrail(InMemoryQueries):
    """A trail whose operators act so many times, each time just before its end is told."""

    acts: Iterator[int]

    async def audit_end(self) -> AuditEnd | None:
        for _ in islice(self.acts, 1):
            await InMemoryAudit(self._state).append(ENTRY)
            self._state.journal.keep()
        return await super().audit_end()


async def trail_of(rows: int) -> State:
    state = State()
    for _ in range(rows):
        await InMemoryAudit(state).append(ENTRY)
    state.journal.keep()
    return state


async def verified_while_acting(state: State, acts: int) -> Verified:
    return await AuditService(queries=BusyTrail(state, lambda: None, iter(range(acts)))).verify()


@pytest.mark.parametrize("rows", [0, 1, ROWS_AT_ONCE - 1, ROWS_AT_ONCE, ROWS_AT_ONCE + 1])
@pytest.mark.parametrize("acts", [0, 1, 3])
async def test_a_trail_that_grows_while_it_is_followed_is_whole(rows: int, acts: int) -> None:
    verified = await verified_while_acting(await trail_of(rows), acts)
    assert (verified.broken_at, verified.end.number) == (None, rows + acts)


@pytest.mark.parametrize("left", [0, 1, ROWS_AT_ONCE - 1, ROWS_AT_ONCE])
async def test_a_trail_that_was_cut_short_is_broken_where_it_ends(left: int) -> None:
    state = await trail_of(ROWS_AT_ONCE + 1)
    for number in range(left + 1, ROWS_AT_ONCE + 2):
        state.audit.drop(number)
    state.journal.keep()
    verified = await verified_while_acting(state, 0)
    assert verified.broken_at == left + 1
