"""The loop that settles deposits is held up by none of them."""

from __future__ import annotations

from typing import NoReturn

import pytest
from structlog.testing import capture_logs

from tests.http.shop import open_world
from ytmarket.adapters.inmemory.leadership import InMemoryLeadership
from ytmarket.application.deposits import DepositService, NotSettled
from ytmarket.domain.ids import DepositId
from ytmarket.entrypoints.loops import STEP_LIMIT, Worker
from ytmarket.entrypoints.settings import Settings


@pytest.mark.parametrize("settled", [0, STEP_LIMIT - 1, STEP_LIMIT])
async def test_a_deposit_that_the_books_refuse_is_told_and_no_step_fails(
    monkeypatch: pytest.MonkeyPatch, settled: int
) -> None:
    async def refused(*_: object, limit: int) -> NoReturn:
        assert limit == STEP_LIMIT
        raise NotSettled(DepositId(7), settled=settled)

    monkeypatch.setattr(DepositService, "settle_due", refused)
    worker = Worker(open_world().services, [], Settings(), InMemoryLeadership())
    with capture_logs() as logs:
        busy = await worker.settling.step()
    assert busy == (settled == STEP_LIMIT), "the usual pause, unless there may be more"
    (entry,) = logs
    assert entry["log_level"] == "error"
    assert entry["exc_info"]
