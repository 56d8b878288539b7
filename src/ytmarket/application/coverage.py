"""Reading some of a chain once more: what was left out, or what an operator doubts."""

from __future__ import annotations

from collections.abc import Sequence

import attrs

from ytmarket.application.audit import Actor, audited
from ytmarket.application.deposits import ScanService
from ytmarket.application.errors import ApplicationError
from ytmarket.application.ports.chain_reader import ChainReader, Cursor, Page
from ytmarket.application.ports.queries import Queries
from ytmarket.domain.coverage import Gap, Span, gaps_between
from ytmarket.domain.errors import InvalidRequest
from ytmarket.domain.further_networks import source_of
from ytmarket.domain.networks import Network


class NotStuck(ApplicationError):
    """Reading goes on by itself there, so there is nothing to restart."""


@attrs.define(kw_only=True)
class Rereading:
    """Reads from one height to another beside the scanner, a page at a time.

    What had been missed is kept, nothing twice. The scanner's cursor stays where it is, unless it
    stands at *stuck*: then, at the end, reading goes on from here.
    """

    scan: ScanService
    reader: ChainReader
    first: int
    last: int | None = None  # None: as far as there is anything
    stuck: Cursor | None = None
    reached: int = attrs.field(init=False)
    found: int = attrs.field(default=0, init=False)
    is_done: bool = attrs.field(default=False, init=False)
    has_restarted: bool = attrs.field(default=False, init=False)
    waits: bool = attrs.field(default=False, init=False)  # for what is not final yet: ask again later
    _cursor: Cursor | None = attrs.field(default=None, init=False)
    _read: Span | None = attrs.field(default=None, init=False)

    def __attrs_post_init__(self) -> None:
        self.reached = self.first - 1

    @property
    def is_filled(self) -> bool:
        """Whether it got as far as it was to."""
        return self.last is None or self.reached >= self.last

    async def step(self) -> int:
        """Read one page; how many deposits had been missed. Raises `ReaderError`, and can be repeated."""
        if self._cursor is None:
            self._cursor = await self.scan.in_time(self.reader.cursor_at(self.first))
        page = await self.scan.page(self.reader, self._cursor)
        reached = self.reached if page.span is None else max(self.reached, page.span.last)
        is_read = not page.more or (self.last is not None and reached >= self.last)
        read = self._read_with(page)
        new = await self._hand_over(page) if is_read else None
        if new is None:
            covered = None if read is None else read.below(page.waits_from)
            new = await self.scan.keep_missed(self.reader, page, covered)
        self._cursor, self._read, self.reached, self.found = page.cursor, read, reached, self.found + new
        # What waits comes out of turn, at the latest when the network calls its block final.
        self.is_done = is_read and (self.has_restarted or not self._waits_for(page.waits_from))
        self.waits = is_read and not self.is_done
        return new

    def _read_with(self, page: Page) -> Span | None:
        """All that was read, this page included."""
        if page.span is None or self._read is None or not page.span.touches(self._read):
            return page.span or self._read
        return page.span.joined([self._read])

    def _waits_for(self, height: int | None) -> bool:
        """Whether what waits from this height on is ours: later, something always waits in a busy shop."""
        return height is not None and (self.last is None or height <= self.last)

    async def _hand_over(self, page: Page) -> int | None:
        """Let the scanner go on behind this page, if it still stands where it was stuck."""
        if self.stuck is None:
            return None
        new = await self.scan.keep(self.reader, self.stuck, page)
        self.has_restarted, self.stuck = new is not None, None
        return new


@attrs.frozen(kw_only=True)
class CoverageService:
    """Knows what has been read of each network, and has the rest read."""

    scan: ScanService
    queries: Queries

    async def gaps(self, network: Network, wallet: str) -> Sequence[Gap]:
        """What was left out, lowest first."""
        covered = await self.queries.coverage(network, source_of(network, wallet))
        return gaps_between(one.span for one in covered)

    def filling(self, reader: ChainReader, gap: Gap) -> Rereading:
        """Reads what was left out."""
        return Rereading(scan=self.scan, reader=reader, first=gap.first, last=gap.last)

    async def rescan(
        self, reader: ChainReader, first: int, actor: Actor, *, restart: bool = False
    ) -> Rereading:
        """Have everything read once more, from a height to where reading has got by now.

        With *restart*, which is for a network that cannot be read on, reading goes on from there.
        Raises `NotStuck` where it can, and without it `InvalidRequest` for a height not reached yet.
        """
        source = source_of(reader.network, reader.wallet)
        covered = await self.queries.coverage(reader.network, source)
        last = max((one.span.last for one in covered), default=None)
        if last is not None and first > last and not restart:
            raise InvalidRequest(pointer="--from", problem=f"must be at most {last}: so far it is read")
        stuck = await self._stuck(reader) if restart else None
        async with self.scan.new_unit_of_work() as uow:
            details = {
                "wallet": reader.wallet,
                "first": first,
                "last": last,
                "restart": restart or None,
                "before": "nothing read yet" if last is None else f"read up to block {last}",
                "after": f"{'reading goes on' if restart else 'read again'} from block {first}",
            }
            now = self.scan.clock.now()
            await audited(uow, actor, now, "network.rescan", f"network:{reader.network}", **details)
            await uow.commit()
        return Rereading(scan=self.scan, reader=reader, first=first, last=last, stuck=stuck)

    async def _stuck(self, reader: ChainReader) -> Cursor:
        states = await self.queries.network_states()
        source = source_of(reader.network, reader.wallet)
        is_in_trouble = any(
            state.trouble is not None and (state.network, state.wallet) == (reader.network, source)
            for state in states
        )
        cursor = await self.scan.cursor(reader)
        if cursor is None or not is_in_trouble:
            raise NotStuck(reader.network)
        return cursor
