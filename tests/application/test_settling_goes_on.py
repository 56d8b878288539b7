"""The loop that settles deposits is held up by none of them."""

from __future__ import annotations

from typing import NoReturn

from structlog.testing import capture_logs

from tests.http.shop import open_world
from ytmarket.adapters.inmemory.leadership import InMemoryLeadership
from ytmarket.application.deposits import DepositService, NotSettled
from ytmarket.entrypoints.loops import Worker
from ytmarket.entrypoints.settings import Settings


async def test_a_deposit_that_the_books_refuse_is_told_and_no_step_fails(monkeypatch) -> None:  # type: ignore[no-untyped-def] # pytest's own fixture
    async def refused(*_: object, **__: object) -> NoReturn:
        raise NotSettled("deposit 7")

    monkeypatch.setattr(DepositService, "settle_due", refused)
    worker = Worker(open_world().services, [], Settings(), InMemoryLeadership())
    with capture_logs() as logs:
        busy = await worker.settling.step()
    assert not busy, "the next look comes after the usual pause"
    (entry,) = logs
    assert entry["log_level"] == "error"
    assert entry["exc_info"]
