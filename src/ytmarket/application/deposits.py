"""From a chain to a balance: deposits are read, matched by their amount, and credited or set aside."""

from __future__ import annotations

import attrs

from ytmarket.application.ports.chain_reader import ChainReader
from ytmarket.application.ports.clock import Clock
from ytmarket.application.ports.unit_of_work import NewUnitOfWork, UnitOfWork
from ytmarket.domain import ledger, matching
from ytmarket.domain.deposits import Deposit, DepositRecord, DepositStatus, UnmatchedReason
from ytmarket.domain.ids import AccountId, DepositId, OrderId, TopupId
from ytmarket.domain.matching import Ambiguous, Claim, Matched, Unmatched
from ytmarket.domain.money import ZERO
from ytmarket.domain.reservations import Purpose
from ytmarket.domain.topups import TopupStatus, TopupTerms, payable, reserved_until


@attrs.frozen(kw_only=True)
class ScanService:
    """Reads final transfers into the books, page after page, each exactly once."""

    new_unit_of_work: NewUnitOfWork
    clock: Clock

    async def scan(self, reader: ChainReader, *, pages: int = 1_000) -> int:
        """Read what is new on the reader's network; how many deposits were.

        A backlog is drained without a pause. Raises `ReaderError`; the cursor has not moved then.
        """
        found = 0
        for _ in range(pages):
            new, more = await self._scan_page(reader)
            found += new
            if not more:
                break
        return found

    async def _scan_page(self, reader: ChainReader) -> tuple[int, bool]:
        async with self.new_unit_of_work() as uow:
            after = await uow.deposits.cursor(reader.network, reader.wallet)
        page = await reader.read(after if after is not None else await reader.start())
        async with self.new_unit_of_work() as uow:
            new = await uow.deposits.keep_page(reader.network, reader.wallet, after, page, self.clock.now())
            await uow.commit()
        # None: another scanner has read on from here; what it kept is not ours to count.
        return (0, False) if new is None else (new, page.more)


@attrs.frozen(kw_only=True)
class DepositService:
    """Settles deposits: credits the top-up that awaited it, or sets it aside for a person."""

    new_unit_of_work: NewUnitOfWork
    clock: Clock
    terms: TopupTerms

    async def settle_due(self, *, limit: int = 200) -> int:
        """Settle what was received, each deposit in a transaction of its own; how many were."""
        async with self.new_unit_of_work() as uow:
            received = await uow.deposits.received(limit=limit)
        settled = 0
        for deposit_id in received:
            settled += await self._settle(deposit_id)
        return settled

    async def _settle(self, deposit_id: DepositId) -> bool:
        async with self.new_unit_of_work() as uow:
            record = await uow.deposits.lock(deposit_id)
            if record is None or record.status is not DepositStatus.RECEIVED:
                return False
            await self._settle_locked(uow, record)
            await uow.commit()
        return True

    async def _settle_locked(self, uow: UnitOfWork, record: DepositRecord) -> None:
        deposit = record.deposit
        match matching.match_deposit(deposit, await uow.deposits.claims(deposit)):
            case Matched(claim) if claim.payer.purpose is Purpose.TOPUP:
                if await self._credit(uow, record, claim):
                    return
                # Paid or expired between our look and our lock: what is true now decides.
                outcome = matching.match_deposit(deposit, await uow.deposits.claims(deposit))
                await self._set_aside(uow, record, _as_unmatched(outcome))
            case outcome:
                await self._set_aside(uow, record, _as_unmatched(outcome))

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
        await uow.topups.set_reserved_until(claim.reservation_id, reserved_until(after, self.terms))
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


def _as_unmatched(outcome: matching.Match) -> Unmatched:
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
