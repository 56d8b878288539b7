"""From a chain into the books: deposits are read, and settled with whatever awaits their amount."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Collection
from datetime import timedelta
from typing import Final, TypeVar

import attrs

from ytmarket.application.errors import ApplicationError
from ytmarket.application.ports.chain_reader import ChainReader, ChainUnavailable, Cursor, Page
from ytmarket.application.ports.clock import Clock
from ytmarket.application.ports.unit_of_work import NewUnitOfWork, UnitOfWork
from ytmarket.application.website_steps import pay
from ytmarket.domain import ledger, matching
from ytmarket.domain.alarms import AlarmKind
from ytmarket.domain.coverage import Span
from ytmarket.domain.deposits import Deposit, DepositRecord, DepositStatus, UnmatchedReason
from ytmarket.domain.errors import AccountFrozen, Refused
from ytmarket.domain.further_networks import source_of
from ytmarket.domain.ids import AccountId, DepositId, OrderId, TopupId
from ytmarket.domain.matching import Ambiguous, Claim, Match, Matched, Unmatched
from ytmarket.domain.money import ZERO
from ytmarket.domain.orders import Order
from ytmarket.domain.reservations import Purpose
from ytmarket.domain.shop import DELIVERY_DEADLINE
from ytmarket.domain.topups import TopupStatus, TopupTerms, payable, reserved_until

T = TypeVar("T")

PAGE_PATIENCE: Final = timedelta(minutes=5)
"""For one page. Hundreds of calls may wait there for an endpoint that allows one a second."""

TROUBLE_CHARS_MAX: Final = 500

RUNG_BY_READERS: Final = (AlarmKind.NETWORK_STOPPED, AlarmKind.NETWORK_DIFFERENCE)
"""Alarms that nobody ends any more once the network is not read."""


@attrs.frozen(kw_only=True)
class ScanService:
    """Reads final transfers into the books, page after page, each exactly once."""

    new_unit_of_work: NewUnitOfWork
    clock: Clock
    page_patience: timedelta = PAGE_PATIENCE

    async def watch(self, readers: Collection[ChainReader]) -> None:
        """From now on these networks are read, and no others: so their states are told, and their alarms."""
        async with self.new_unit_of_work() as uow:
            sources = {reader.network: _source(reader) for reader in readers}
            await uow.networks.watch(sources, self.clock.now())
            await uow.alarms.end_others(RUNG_BY_READERS, [str(one) for one in sources], self.clock.now())
            for reader in readers:
                await uow.reconciliation.forget_other_tokens(
                    reader.network, reader.wallet, _source(reader), self.clock.now()
                )
            await uow.commit()

    async def note_trouble(self, reader: ChainReader, trouble: str, *, stopped: bool = False) -> None:
        """Tell why the network is not read. *trouble* must hold no secret."""
        told = trouble[:TROUBLE_CHARS_MAX]
        async with self.new_unit_of_work() as uow:
            await uow.networks.note_trouble(
                reader.network, _source(reader), told, self.clock.now(), stopped=stopped
            )
            await uow.commit()

    async def scan(self, reader: ChainReader, *, pages: int = 1_000) -> int:
        """Read what is new on the reader's network; how many deposits were.

        A backlog is drained without a pause. Raises `ReaderError`; the cursor has not moved then.
        """
        found = 0
        for _ in range(pages):
            new, more = await self.scan_page(reader)
            found += new
            if not more:
                break
        return found

    async def scan_page(self, reader: ChainReader) -> tuple[int, bool]:
        """Read one page: how many deposits were new, and whether there is more to read at once.

        Raises `ReaderError`, also for a reader that does not come to an end.
        """
        after = await self.cursor(reader)
        page = await self.page(reader, after)
        new = await self.keep(reader, after, page)
        # None: another scanner has read on from here; what it kept is not ours to count.
        return (0, False) if new is None else (new, page.more)

    async def cursor(self, reader: ChainReader) -> Cursor | None:
        """Where reading goes on; None before the first page."""
        async with self.new_unit_of_work() as uow:
            return await uow.deposits.cursor(reader.network, _source(reader))

    async def page(self, reader: ChainReader, after: Cursor | None) -> Page:
        """What comes after this cursor, or after the present head. Raises `ReaderError`."""
        start = await self.in_time(reader.start()) if after is None else after
        page = await self.in_time(reader.read(start))
        if any(deposit.network is not reader.network for deposit in page.deposits):
            raise ChainUnavailable(f"deposits of another network came from {reader.network}'s reader")
        return page

    async def keep(self, reader: ChainReader, after: Cursor | None, page: Page) -> int | None:
        """Keep a page, how far it reached and what it covers; how many deposits were new.

        None, and nothing is kept, when the cursor has moved on meanwhile.
        """
        now = self.clock.now()
        async with self.new_unit_of_work() as uow:
            new = await uow.deposits.keep_page(reader.network, _source(reader), after, page, now)
            if new is not None and page.span is not None:
                await uow.networks.cover(reader.network, _source(reader), page.span, now)
            await uow.commit()
        return new

    async def keep_missed(self, reader: ChainReader, page: Page, covered: Span | None) -> int:
        """Keep what a page holds that is not known yet; how many. The cursor stays where it is.

        So nobody but this reading knows what waits, and what is *covered* with this page ends below that.
        """
        now = self.clock.now()
        async with self.new_unit_of_work() as uow:
            new = await uow.deposits.keep_missed(page.deposits, now)
            if covered is not None:
                await uow.networks.cover(reader.network, _source(reader), covered, now)
            await uow.commit()
        return new

    async def in_time(self, answer: Awaitable[T]) -> T:
        """What a reader answers. Raises `ChainUnavailable` for one that takes longer than any page may."""
        try:
            async with asyncio.timeout(self.page_patience / timedelta(seconds=1)):
                return await answer
        except TimeoutError:
            raise ChainUnavailable(f"no page was read within {self.page_patience}") from None


class NotSettled(ApplicationError):
    """The books refuse a deposit: it stays received, and is tried again. *settled* others were settled."""

    def __init__(self, deposit: DepositId, *, settled: int) -> None:
        super().__init__(f"deposit {deposit}")
        self.settled = settled


@attrs.frozen(kw_only=True)
class DepositService:
    """Settles deposits: each pays what awaited it, a top-up or a website order, or is set aside."""

    new_unit_of_work: NewUnitOfWork
    clock: Clock
    terms: TopupTerms
    deadline: timedelta = DELIVERY_DEADLINE  # of delivery, once a website order is paid

    async def settle_due(self, *, limit: int = 200) -> int:
        """Settle what was received, each deposit in a transaction of its own; how many were.

        A deposit for a frozen account waits, and keeps no other back. Nor does one that the books refuse:
        `NotSettled` is raised for the last of these once the others are settled, or *limit* of them.
        """
        settled = 0
        refused: tuple[DepositId, Refused] | None = None
        after: DepositId | None = None
        while settled < limit:
            async with self.new_unit_of_work() as uow:
                received = await uow.deposits.received(limit=limit - settled, after=after)
            if not received:
                break
            for deposit_id in received:
                try:
                    settled += await self._settle_unless_frozen(deposit_id)
                except Refused as refusal:
                    refused = deposit_id, refusal
            after = received[-1]
        if refused is not None:
            which, why = refused
            raise NotSettled(which, settled=settled) from why
        return settled

    async def _settle_unless_frozen(self, deposit_id: DepositId) -> bool:
        try:
            return await self._settle(deposit_id)
        except AccountFrozen:
            return False

    async def _settle(self, deposit_id: DepositId) -> bool:
        """Settle one. An order is locked before its deposit, so what pays an order is looked at twice."""
        order_id: OrderId | None = None
        while True:
            async with self.new_unit_of_work() as uow:
                order = None if order_id is None else await uow.orders.lock(order_id)
                record = await uow.deposits.lock(deposit_id)
                if record is None or record.status is not DepositStatus.RECEIVED:
                    return False
                match = matching.match_deposit(record.deposit, await uow.deposits.claims(record.deposit))
                wanted = _order_in(match)
                if wanted is not None and wanted != order_id:
                    order_id = wanted
                    continue
                await self._settle_locked(uow, record, match, order)
                await uow.commit()
            return True

    async def _settle_locked(
        self, uow: UnitOfWork, record: DepositRecord, match: Match, order: Order | None
    ) -> None:
        deposit = record.deposit
        match match:
            case Matched(claim) if claim.payer.purpose is Purpose.TOPUP:
                if await self._credit(uow, record, claim):
                    return
                # Paid or expired between our look and our lock: what is true now decides.
                outcome = matching.match_deposit(deposit, await uow.deposits.claims(deposit))
                await self._set_aside(uow, record, _as_unmatched(outcome))
            case Matched() if order is not None and await self._pay(uow, record, order):
                return
            case outcome:
                await self._set_aside(uow, record, _as_unmatched(outcome))

    async def _pay(self, uow: UnitOfWork, record: DepositRecord, order: Order) -> bool:
        """Begin the order's delivery for what arrived; False for an order that is not paid on chain."""
        deposit = record.deposit
        checkout = await uow.website.checkout(order.id)
        if checkout is None:
            return False
        payment = ledger.website_payment(
            record.id, order.id, deposit.network, deposit.amount, self.clock.now()
        )
        await pay(uow, record, order, checkout, payment, self.deadline)
        return True

    async def _credit(self, uow: UnitOfWork, record: DepositRecord, claim: Claim) -> bool:
        """Credit what arrived; False when no top-up of the reservation awaits it any more."""
        account, deposit = AccountId(claim.payer.id), record.deposit
        if claim.reservation_id is None:
            return False
        await uow.accounts.lock([account])
        sharing = await uow.topups.lock_reservation(claim.reservation_id)
        topup = payable(sharing, deposit.at)
        if topup is None:
            return False
        paid = attrs.evolve(topup, status=TopupStatus.CREDITED_AUTO, deposit_id=record.id)
        await uow.topups.save(paid)
        after = [paid if other.id == paid.id else other for other in sharing]
        await uow.topups.release(claim.reservation_id, reserved_until(after, self.terms))
        credit = ledger.deposit_credited(
            record.id, deposit.network, account, deposit.amount, self.clock.now()
        )
        await uow.accounts.post([credit])
        await uow.deposits.save(
            attrs.evolve(record, status=DepositStatus.CREDITED_AUTO, account_id=account, topup_id=topup.id)
        )
        return True

    async def _set_aside(self, uow: UnitOfWork, record: DepositRecord, why: Unmatched) -> None:
        deposit = record.deposit
        if deposit.amount > ZERO:  # less than a micro cannot be booked, only remembered
            transfer = ledger.deposit_set_aside(record.id, deposit.network, deposit.amount, self.clock.now())
            await uow.accounts.post([transfer])
        await uow.deposits.save(_unmatched(record, why, deposit))


def _source(reader: ChainReader) -> str:
    return source_of(reader.network, reader.wallet)


def _order_in(match: Match) -> OrderId | None:
    """The website order that the deposit pays, if it pays one."""
    match match:
        case Matched(claim) if claim.payer.purpose is Purpose.WEBSITE_ORDER:
            return OrderId(claim.payer.id)
        case _:
            return None


def _as_unmatched(outcome: Match) -> Unmatched:
    match outcome:
        case Unmatched():
            return outcome
        case Ambiguous(candidates):
            return Unmatched(reason=UnmatchedReason.AMBIGUOUS, candidate=candidates[0])
        case Matched(claim):
            return Unmatched(reason=UnmatchedReason.AMBIGUOUS, candidate=claim)


def _unmatched(record: DepositRecord, why: Unmatched, deposit: Deposit) -> DepositRecord:
    candidate = why.candidate
    named = attrs.evolve(
        record,
        status=DepositStatus.UNMATCHED,
        reason=why.reason,
        distance=why.distance(deposit),
    )
    if candidate is None:
        return named
    if candidate.payer.purpose is Purpose.WEBSITE_ORDER:
        return attrs.evolve(named, candidate_order_id=OrderId(int(candidate.ref)))
    return attrs.evolve(
        named,
        candidate_topup_id=TopupId(str(candidate.ref)),
        candidate_account_id=AccountId(candidate.payer.id),
    )
