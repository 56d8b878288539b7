"""Keeps one network being read, by one process at a time, whatever befalls it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import timedelta
from typing import Final

import attrs
import structlog

from ytmarket.application.coverage import Rereading
from ytmarket.application.errors import ApplicationError
from ytmarket.application.ports.chain_reader import (
    ChainBehind,
    ChainGap,
    ChainMisconfigured,
    ChainRateLimited,
    ChainReader,
    ReaderError,
)
from ytmarket.application.ports.leadership import Leadership, LeadershipLost
from ytmarket.application.services import Services
from ytmarket.domain.alarms import Alarm, AlarmKind

log = structlog.get_logger()

SECOND: Final = timedelta(seconds=1)
BACK_OFF_MAX: Final = 60 * SECOND
GAP_PAUSE: Final = 60 * SECOND
GAPS_PAUSE: Final = 60 * SECOND
GAPS_PAUSE_AFTER_TROUBLE: Final = 600 * SECOND
BUSY_MAX: Final = timedelta(hours=1)  # whatever a node asks for, look in again sometime
DOUBLINGS_MAX: Final = 6


@attrs.define(kw_only=True)
class Scanner:
    """Reads one network page after page while this process leads, and pauses when there is no more.

    Trouble is told in the network's state and waited out, each kind in its own way; a setting that is
    wrong ends the scanner. *on_found* hears of every page with new deposits.
    """

    reader: ChainReader
    services: Services
    leadership: Leadership
    pause: timedelta
    on_found: Callable[[], None] = lambda: None
    _failures: int = attrs.field(default=0, init=False)
    _is_sound: bool = attrs.field(default=False, init=False)  # nothing to put right in state or alarms
    has_stopped: bool = attrs.field(default=False, init=False)
    _filling: Rereading | None = attrs.field(default=None, init=False)
    _look_for_gaps_at: float = attrs.field(default=0.0, init=False)
    _gap_given_up: int = attrs.field(default=-1, init=False)  # where it ends

    @property
    def name(self) -> str:
        return f"scan:{self.reader.network}"

    async def run(self) -> None:
        """Run until cancelled, or until a setting turns out to be wrong."""
        while not self.has_stopped:
            try:
                async with self.leadership.lead(self.name):
                    log.info("leads", loop=self.name)
                    await self._lead()
            except LeadershipLost:
                log.warning("leads no more", loop=self.name)
            except Exception as trouble:  # noqa: BLE001 - a scanner outlives whatever befalls it
                await asyncio.sleep(self._back_off(trouble) / SECOND)

    async def _lead(self) -> None:
        self._is_sound = False  # whoever led meanwhile may have rung
        while True:
            wait = await self.step()
            if self.has_stopped:
                return
            await asyncio.sleep(wait / SECOND)

    async def step(self) -> timedelta:
        """Read one page; how long to wait before the next."""
        try:
            found, more = await self.services.scan.scan_page(self.reader)
        except ReaderError as trouble:
            return await self._fail(trouble, str(trouble))
        except ApplicationError as trouble:
            return self._back_off(trouble)  # the store's: nobody could be told now
        except Exception as trouble:  # noqa: BLE001 - a library meets garbage in more ways than it names
            return await self._fail(trouble, f"Unexpected {type(trouble).__name__}; the log tells more")
        if found:
            self.on_found()
        await self._recover()
        if more:
            return timedelta(0)
        return timedelta(0) if await self._fill() else self.pause

    async def _fill(self) -> bool:
        """Read a page of what was left out, if anything was; whether there is more of it at once."""
        try:
            filling = self._filling = self._filling or await self._left_out()
            if filling is not None and await filling.step():
                self.on_found()
        except Exception as trouble:  # noqa: BLE001 - what was left out holds up nothing that is new
            self._log(trouble, GAPS_PAUSE_AFTER_TROUBLE)
            self._give_gap_up()
            return False
        if filling is None:
            return False
        if not filling.is_done:
            return not filling.waits
        if filling.is_filled:
            self._filling = None
        else:
            self._give_gap_up()
        return False

    def _give_gap_up(self) -> None:
        """For now: the next ones have their turn first, so that one that is gone for good starves none."""
        if self._filling is not None and self._filling.last is not None:
            self._gap_given_up = self._filling.last
        self._filling = None
        self._look_again(GAPS_PAUSE_AFTER_TROUBLE)

    async def _left_out(self) -> Rereading | None:
        if asyncio.get_running_loop().time() < self._look_for_gaps_at:
            return None
        coverage = self.services.coverage
        gaps = await coverage.gaps(self.reader.network, self.reader.wallet)
        if not gaps:
            self._look_again(GAPS_PAUSE)
            return None
        gap = next((one for one in gaps if one.first > self._gap_given_up), gaps[0])
        log.warning("some of a network was left out: it is read now", loop=self.name, gap=gap)
        return coverage.filling(self.reader, gap)

    def _look_again(self, after: timedelta) -> None:
        self._look_for_gaps_at = asyncio.get_running_loop().time() + after / SECOND

    async def _fail(self, trouble: Exception, told: str) -> timedelta:
        self._is_sound = False
        is_final = isinstance(trouble, ChainMisconfigured)
        wait = self._wait_after(trouble)
        try:
            await self.services.scan.note_trouble(self.reader, told, stopped=is_final)
            if isinstance(trouble, (ChainMisconfigured, ChainGap)):
                network = self.reader.network.value
                await self.services.alarms.ring(Alarm(AlarmKind.NETWORK_STOPPED, network, told))
        except Exception as untold:  # noqa: BLE001 - tried again with the next failure
            return max(wait, self._back_off(untold))
        if is_final:
            log.error("stopped: change the setting, and start again", loop=self.name, trouble=told)
            self.has_stopped = True
        return wait

    async def _recover(self) -> None:
        self._failures = 0
        if not self._is_sound:
            await self.services.alarms.end(AlarmKind.NETWORK_STOPPED, self.reader.network.value)
            self._is_sound = True

    def _wait_after(self, trouble: Exception) -> timedelta:
        match trouble:
            case ChainRateLimited(retry_after=int(seconds)):
                wait = min(max(seconds * SECOND, self.pause), BUSY_MAX)
            case ChainGap():
                wait = GAP_PAUSE
            case ChainBehind():
                wait = self.pause  # it catches up by itself, within blocks
            case ChainMisconfigured():
                return timedelta(0)
            case _:
                return self._back_off(trouble)
        self._log(trouble, wait)
        return wait

    def _back_off(self, trouble: Exception) -> timedelta:
        wait = min(SECOND * (1 << self._failures), BACK_OFF_MAX)
        self._failures = min(self._failures + 1, DOUBLINGS_MAX)
        wait += wait * self.services.tokens.below(20) // 100
        self._log(trouble, wait)
        return wait

    def _log(self, trouble: Exception, wait: timedelta) -> None:
        is_expected = isinstance(trouble, ApplicationError)
        log.warning(
            "a network was not read",
            loop=self.name,
            wait=wait / SECOND,
            trouble=str(trouble) if is_expected else type(trouble).__name__,
            exc_info=None if is_expected else trouble,
        )
