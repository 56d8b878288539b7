"""Loops that keep the shop going: each runs one step again and again, whatever befalls it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import timedelta
from typing import Final

import attrs
import structlog

from ytmarket.application.books import EVERY
from ytmarket.application.deposits import NotSettled
from ytmarket.application.ports.chain_auditor import AuditedReader, WatchedReader
from ytmarket.application.ports.chain_reader import ChainReader
from ytmarket.application.ports.leadership import Leadership
from ytmarket.application.ports.tokens import Tokens
from ytmarket.application.services import Services
from ytmarket.entrypoints.scanner import Scanner
from ytmarket.entrypoints.settings import Settings
from ytmarket.entrypoints.telegram import BotKeeper, reading_bot
from ytmarket.entrypoints.tellers import teller_of

log = structlog.get_logger()

AUDIT_PAUSE: Final = timedelta(seconds=10)
"""Between two looks at whether a check is due."""

BACK_OFF_MAX: Final = 60
CLOSING_SECONDS: Final = 5
STEP_LIMIT: Final = 100
STRAY_PAUSE: Final = timedelta(days=1)
USAGE_PAUSE: Final = timedelta(seconds=2)
HEARTBEAT_PAUSE: Final = timedelta(seconds=10)


@attrs.frozen(kw_only=True)
class Loop:
    """A step and the pause after it. *wake* cuts the pause short; a step that was busy skips it."""

    name: str
    step: Callable[[], Awaitable[bool]]
    pause: timedelta
    tokens: Tokens
    wake: asyncio.Event = attrs.field(factory=asyncio.Event)

    async def run(self) -> None:
        """Run until cancelled. Trouble is logged and waited out, longer each time."""
        failures = 0
        structlog.contextvars.bind_contextvars(loop=self.name)
        while True:
            # Cleared before the step: who wakes us during it means what it may not have seen.
            self.wake.clear()
            try:
                busy = await self.step()
                failures = 0
            except Exception as trouble:  # noqa: BLE001 - a loop outlives whatever befalls a step
                failures += 1
                await asyncio.sleep(self._back_off(failures, trouble))
                continue
            if not busy:
                await self._rest()

    async def _rest(self) -> None:
        try:
            await asyncio.wait_for(self.wake.wait(), self.pause.total_seconds())
        except TimeoutError:
            return

    def _back_off(self, failures: int, trouble: Exception) -> float:
        wait: int = min(2 ** min(failures - 1, 6), BACK_OFF_MAX)
        log.warning("a step failed", loop=self.name, failures=failures, wait=wait, exc_info=trouble)
        return wait * (1 + self.tokens.below(20) / 100)


def usage_loop(services: Services) -> Loop:
    """Writes down what a process that answers requests has counted; it runs where they are counted."""

    async def flush() -> bool:
        await services.usage.flush()
        return False

    return Loop(name="usage", step=flush, pause=USAGE_PAUSE, tokens=services.tokens)


def heartbeat_loop(services: Services) -> Loop:
    """Says of this process that it is there, and strikes those from the list that ended without a word."""

    async def beat() -> bool:
        await services.presence.beat()
        await services.presence.forget_silent()
        return False

    return Loop(name="heartbeat", step=beat, pause=HEARTBEAT_PAUSE, tokens=services.tokens)


class Worker:
    """All loops of a shop. Any number of workers may run beside each other."""

    def __init__(
        self,
        services: Services,
        readers: Sequence[ChainReader],
        settings: Settings,
        leadership: Leadership,
    ) -> None:
        self._services = services
        self._readers = readers
        self._teller = teller_of(settings)
        self._has_begun = False
        second = timedelta(seconds=1)
        self.webhooks = self._loop("webhooks", self._send, second)
        services.webhooks.on_landed = self.webhooks.wake.set
        self.fulfilment = self._loop("fulfilment", self._fulfil, second)
        self.settling = self._loop("settling", self._settle, settings.scan_interval)
        self.loops = [
            self.fulfilment,
            self.webhooks,
            self._loop("expiry", self._expire, min(5 * second, settings.order_deadline)),
            self._loop("refunds", self._refund, settings.refund_interval),
            self.settling,
            self._loop("forgetting", self._forget, 60 * second),
            self._loop("counting", self._services.watching.count, 5 * second),
            self._loop("alarms", self._look, 5 * second),
            self._loop("books", self._verify, EVERY),
            self._loop("telling", self._tell, 2 * second),
            *(self._auditing(reader) for reader in readers if isinstance(reader, AuditedReader)),
            *(self._watching(reader) for reader in readers if isinstance(reader, WatchedReader)),
        ]
        bot = reading_bot(settings, services)
        self.bots = [] if bot is None else [BotKeeper(bot=bot, leadership=leadership, tokens=services.tokens)]
        self.scanners = [
            Scanner(
                reader=reader,
                services=services,
                leadership=leadership,
                pause=settings.scan_interval,
                on_found=self.settling.wake.set,
            )
            for reader in readers
        ]

    async def run(self) -> None:
        """Run every loop until cancelled."""
        try:
            await asyncio.gather(
                self._watch(),
                *(loop.run() for loop in self.loops),
                *(scanner.run() for scanner in self.scanners),
                *(bot.run() for bot in self.bots),
            )
        finally:
            await self._teller.close()
            await asyncio.gather(*(self._close(reader) for reader in self._readers))

    async def _watch(self) -> None:
        """Tell once which networks are read from now on; the scanners do not wait for that."""
        while True:
            try:
                return await self._services.scan.watch(self._readers)
            except Exception as trouble:
                log.warning("the networks' states stay as they were", exc_info=trouble)
                await asyncio.sleep(CLOSING_SECONDS)

    async def _close(self, reader: ChainReader) -> None:
        try:
            await asyncio.wait_for(reader.close(), CLOSING_SECONDS)
        except Exception as trouble:
            log.warning("a reader was not closed", network=reader.network, exc_info=trouble)

    def _auditing(self, reader: AuditedReader) -> Loop:
        async def look() -> bool:
            if await self._services.reconciliation.look(reader):
                self.settling.wake.set()
            return False

        return self._loop(f"audit:{reader.network}", look, AUDIT_PAUSE)

    def _watching(self, reader: WatchedReader) -> Loop:
        async def look() -> bool:
            await self._services.strays.look(reader)
            return False

        return self._loop(f"strays:{reader.network}", look, STRAY_PAUSE)

    def _loop(self, name: str, step: Callable[[], Awaitable[bool]], pause: timedelta) -> Loop:
        return Loop(name=name, step=step, pause=pause, tokens=self._services.tokens)

    async def _settle(self) -> bool:
        try:
            return await self._services.deposits.settle_due(limit=STEP_LIMIT) == STEP_LIMIT
        except NotSettled as trouble:
            # As many others were settled as would have been without it, and what comes next shall not
            # wait longer because of this one.
            log.exception("a deposit cannot be settled; it is tried again")
            return trouble.settled == STEP_LIMIT

    async def _fulfil(self) -> bool:
        moved = await self._services.fulfilment.fulfil_due(limit=STEP_LIMIT)
        if moved:
            self.webhooks.wake.set()
        return moved == STEP_LIMIT

    async def _send(self) -> bool:
        launched = await self._services.webhooks.launch_due()
        # A back-off for each would keep all other webhooks waiting: the events wait by themselves.
        troubles = self._services.webhooks.told_troubles()
        if troubles:
            log.warning("webhooks are sent again later", events=len(troubles), exc_info=troubles[-1])
        return launched > 0

    async def _expire(self) -> bool:
        orders = await self._services.fulfilment.expire_due(limit=STEP_LIMIT)
        topups = await self._services.topups.expire_due()
        if orders:
            self.webhooks.wake.set()
        return STEP_LIMIT in (orders, topups)

    async def _refund(self) -> bool:
        refunds = await self._services.fulfilment.refund_due(limit=STEP_LIMIT)
        if refunds:
            self.webhooks.wake.set()
        return refunds == STEP_LIMIT

    async def _forget(self) -> bool:
        await self._services.requests.forget_due()
        return False

    async def _look(self) -> bool:
        # A shop that was closed lags until its networks have been read again: that is worth no alarm.
        if self._has_begun:
            await self._services.alarms.look()
        self._has_begun = True
        return False

    async def _verify(self) -> bool:
        for mismatch in await self._services.books.watch():
            log.error("the books do not add up", **attrs.asdict(mismatch))
        return False

    async def _tell(self) -> bool:
        return await self._services.alarms.tell_due(self._teller) > 0
