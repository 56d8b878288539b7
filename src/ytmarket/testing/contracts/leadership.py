"""What every way of agreeing on a leader promises."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final, TypeAlias

import pytest

from ytmarket.application.errors import Unavailable
from ytmarket.application.ports.leadership import Leadership, LeadershipLost
from ytmarket.testing.contracts.base import Contract

PATIENCE_SECONDS: Final = 30.0
Depose: TypeAlias = Callable[[str], Awaitable[None]]


class Reign:
    """Somebody who leads, or waits to, until told to leave."""

    def __init__(self, leadership: Leadership, name: str) -> None:
        self.leads = asyncio.Event()
        self.leave = asyncio.Event()
        self.task = asyncio.create_task(self._reign(leadership, name))

    async def begun(self) -> None:
        async with asyncio.timeout(PATIENCE_SECONDS):
            waiting = asyncio.create_task(self.leads.wait())
            await asyncio.wait([waiting, self.task], return_when=asyncio.FIRST_COMPLETED)
            waiting.cancel()
        assert self.leads.is_set(), self.task

    async def ended(self) -> None:
        """Raises what the block raised."""
        # Waited for from outside: a cancellation of ours must not be taken for a loss of leadership.
        await asyncio.wait([self.task], timeout=PATIENCE_SECONDS)
        assert self.task.done(), "it goes on"
        await self.task

    async def _reign(self, leadership: Leadership, name: str) -> None:
        async with leadership.lead(name):
            self.leads.set()
            await self.leave.wait()


class LeadershipContract(Contract):
    """The promises of the `Leadership` port.

    Needs the fixtures `leadership`; `elsewhere`, the same as another process sees it; and `depose`, which
    takes the leadership of a name away from whoever has it through `leadership`. `unreachable`, one that
    cannot be asked, is optional.
    """

    @pytest.fixture
    def unreachable(self) -> Leadership:
        pytest.skip("give the fixture `unreachable`: leadership on a store that does not answer")

    async def test_one_leads_at_a_time(self, leadership: Leadership, elsewhere: Leadership) -> None:
        leaders, most = 0, 0

        async def take_a_turn(where: Leadership) -> None:
            nonlocal leaders, most
            async with where.lead("scan"):
                leaders += 1
                most = max(most, leaders)
                await asyncio.sleep(0.01)
                leaders -= 1

        async with asyncio.timeout(PATIENCE_SECONDS):
            await asyncio.gather(*(take_a_turn(where) for where in (leadership, elsewhere) * 3))
        assert most == 1

    async def test_the_next_leads_when_the_leader_has_left(
        self, leadership: Leadership, elsewhere: Leadership
    ) -> None:
        first = Reign(leadership, "scan")
        await first.begun()
        second = Reign(elsewhere, "scan")
        await asyncio.sleep(0.05)
        assert not second.leads.is_set()
        first.leave.set()
        await first.ended()
        await second.begun()
        second.leave.set()
        await second.ended()

    async def test_the_next_leads_when_the_leader_has_failed(
        self, leadership: Leadership, elsewhere: Leadership
    ) -> None:
        with pytest.raises(ZeroDivisionError):
            async with leadership.lead("scan"):
                raise ZeroDivisionError
        other = Reign(elsewhere, "scan")
        await other.begun()
        other.leave.set()
        await other.ended()

    async def test_names_do_not_hinder_each_other(
        self, leadership: Leadership, elsewhere: Leadership
    ) -> None:
        reigns = [Reign(leadership, "scan"), Reign(leadership, "bot"), Reign(elsewhere, "other")]
        for reign in reigns:
            await reign.begun()
        for reign in reigns:
            reign.leave.set()
            await reign.ended()

    async def test_a_leader_that_loses_its_leadership_is_cut_short(
        self, leadership: Leadership, elsewhere: Leadership, depose: Depose
    ) -> None:
        old = Reign(leadership, "scan")
        await old.begun()
        await depose("scan")
        with pytest.raises(LeadershipLost):
            await old.ended()
        new = Reign(elsewhere, "scan")
        await new.begun()
        again = Reign(leadership, "scan")
        new.leave.set()
        await new.ended()
        await again.begun()
        again.leave.set()
        await again.ended()

    async def test_a_leader_that_is_cancelled_is_cancelled(
        self, leadership: Leadership, elsewhere: Leadership
    ) -> None:
        first = Reign(leadership, "scan")
        await first.begun()
        first.task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await first.ended()
        second = Reign(elsewhere, "scan")
        await second.begun()
        second.leave.set()
        await second.ended()

    async def test_who_gives_up_waiting_leaves_nothing_behind(
        self, leadership: Leadership, elsewhere: Leadership
    ) -> None:
        leader = Reign(leadership, "scan")
        await leader.begun()
        for where in (leadership, elsewhere):
            waiting = Reign(where, "scan")
            await asyncio.sleep(0.05)
            waiting.task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await waiting.ended()
        leader.leave.set()
        await leader.ended()
        for where in (elsewhere, leadership):
            after = Reign(where, "scan")
            await after.begun()
            after.leave.set()
            await after.ended()

    async def test_a_store_that_does_not_answer_is_told_on_the_way_in(self, unreachable: Leadership) -> None:
        async with asyncio.timeout(PATIENCE_SECONDS):
            with pytest.raises(Unavailable):
                async with unreachable.lead("scan"):
                    raise AssertionError("nobody leads what cannot be asked")
