"""What an operator does with deposits that the shop could not, or should not have, credited by itself."""

from __future__ import annotations

from datetime import datetime

import attrs

from ytmarket.application.api_keys import known_key
from ytmarket.application.audit import audited
from ytmarket.application.instructions import Answered, Instruction, carry_out
from ytmarket.application.orphans import Orphaned, orphan
from ytmarket.application.ports.clock import Clock
from ytmarket.application.ports.queries import Listing, Paging, Queries
from ytmarket.application.ports.tokens import Tokens
from ytmarket.application.ports.unit_of_work import NewUnitOfWork, UnitOfWork
from ytmarket.domain import ledger
from ytmarket.domain.deposits import ENDED_LOOKBACK, DepositRecord, DepositStatus
from ytmarket.domain.errors import AlreadyDone, DepositNotFound, DepositNotWaiting, TopupNotFound, TopupPaid
from ytmarket.domain.ids import AccountId, DepositId, TopupId
from ytmarket.domain.topups import Topup, TopupStatus, TopupTerms, nearest_unpaid, reserved_until

CREDITED = (DepositStatus.CREDITED_AUTO, DepositStatus.CREDITED_MANUAL)


@attrs.frozen(kw_only=True)
class WaitingDeposit:
    """A deposit, and the fingerprint of the key whose top-up it was perhaps meant for."""

    record: DepositRecord
    candidate_fp: str | None


@attrs.frozen(kw_only=True)
class DepositDesk:
    """Every act happens once: a deposit that somebody has dealt with waits for nobody else."""

    new_unit_of_work: NewUnitOfWork
    queries: Queries
    clock: Clock
    tokens: Tokens
    terms: TopupTerms

    async def listing(
        self, status: DepositStatus, paging: Paging, *, dust: bool = False
    ) -> Listing[WaitingDeposit]:
        """Deposits in that status, newest first: those that are worth a look, or else the *dust*."""
        found = await self.queries.deposits(status, paging, dust=dust)
        accounts = {r.candidate_account_id for r in found.rows if r.candidate_account_id is not None}
        names = await self.queries.fingerprints(accounts) if accounts else {}
        rows = [
            WaitingDeposit(
                record=record,
                candidate_fp=None
                if record.candidate_account_id is None
                else names.get(record.candidate_account_id),
            )
            for record in found.rows
        ]
        return Listing(rows=rows, paging=found.paging, total=found.total)

    async def waiting(self, deposit: DepositId) -> DepositRecord:
        """An unmatched deposit as it is now.

        Raises `DepositNotFound`, `DepositNotWaiting` and `DepositTooSmall`.
        """
        async with self.new_unit_of_work() as uow:
            return await _waiting(uow, deposit)

    async def credit(
        self,
        deposit: DepositId,
        fp: str,
        instruction: Instruction[DepositRecord],
        *,
        topup: TopupId | None = None,
    ) -> Answered[DepositRecord]:
        """Say whose an unmatched deposit is: the key's account gets what arrived.

        The named top-up, or else the account's unpaid one that is nearest, becomes credited_manual.
        Raises `DepositNotFound`, `DepositNotWaiting`, `DepositTooSmall`, `KeyNotFound`, `TopupNotFound`,
        `TopupPaid` and what `carry_out` does.
        """

        async def step(uow: UnitOfWork, now: datetime) -> DepositRecord:
            record = await _waiting(uow, deposit)
            account = (await known_key(uow, fp)).account_id
            await uow.accounts.lock([account])
            paid = await self._pay(uow, record, account, topup)
            arrived = record.deposit
            transfer = ledger.manual_credit(
                record.id, arrived.network, account, arrived.amount, now, instruction.reason
            )
            await uow.accounts.post([transfer])
            credited = attrs.evolve(
                record,
                status=DepositStatus.CREDITED_MANUAL,
                account_id=account,
                topup_id=None if paid is None else paid.id,
            )
            await uow.deposits.save(credited)
            await _told(uow, instruction, now, "deposit.credit", record, credited, key=fp)
            return credited

        return await carry_out(self.new_unit_of_work, self.clock, instruction, step)

    async def send_back(
        self, deposit: DepositId, instruction: Instruction[DepositRecord]
    ) -> Answered[DepositRecord]:
        """Write down that an unmatched deposit went back to its sender; it is the operator who sends it.

        Raises `DepositNotFound`, `DepositNotWaiting`, `DepositTooSmall` and what `carry_out` does.
        """

        async def step(uow: UnitOfWork, now: datetime) -> DepositRecord:
            record = await _waiting(uow, deposit)
            arrived = record.deposit
            await uow.accounts.post(
                [ledger.deposit_returned(record.id, arrived.network, arrived.amount, now, instruction.reason)]
            )
            returned = attrs.evolve(record, status=DepositStatus.RETURNED)
            await uow.deposits.save(returned)
            await _told(uow, instruction, now, "deposit.return", record, returned)
            return returned

        return await carry_out(self.new_unit_of_work, self.clock, instruction, step)

    async def correct(
        self, deposit: DepositId, fp: str, instruction: Instruction[DepositRecord]
    ) -> Answered[DepositRecord]:
        """Put a wrong credit right: take it from the account that got it, and give it to the key's.

        Raises `DepositNotFound`, `DepositNotWaiting` for one that nobody was credited with,
        `KeyNotFound`, `AlreadyDone` where the account has it already, `Overdrawn` where the wrong one
        has spent it, and what `carry_out` does.
        """

        async def step(uow: UnitOfWork, now: datetime) -> DepositRecord:
            record = await uow.deposits.lock(deposit)
            if record is None:
                raise DepositNotFound
            wrong = record.account_id
            if record.status not in CREDITED or wrong is None:
                raise DepositNotWaiting(deposit_status=record.status)
            right = (await known_key(uow, fp)).account_id
            if right == wrong:
                raise AlreadyDone
            await uow.accounts.lock(sorted({wrong, right}))
            act = self.tokens.lease()  # a deposit may be put right twice: names only keep the legs apart
            for account, amount in ((wrong, -record.deposit.amount), (right, record.deposit.amount)):
                ref = f"deposit {deposit} put right, account {account}, {act}"
                transfer = ledger.adjustment(ref, account, amount, now, instruction.reason)
                await uow.accounts.post([attrs.evolve(transfer, deposit_id=deposit)])
            # Whose top-up it settled stays with that top-up; the deposit itself has another owner.
            corrected = attrs.evolve(
                record, status=DepositStatus.CREDITED_MANUAL, account_id=right, topup_id=None
            )
            await uow.deposits.save(corrected)
            await _told(uow, instruction, now, "deposit.correct", record, corrected, key=fp)
            return corrected

        return await carry_out(self.new_unit_of_work, self.clock, instruction, step)

    async def orphan(self, deposit: DepositId, instruction: Instruction[Orphaned]) -> Answered[Orphaned]:
        """Take back what the chain took back, or never had: from its customer as far as the balance reaches.

        What was spent is our loss, and the account is frozen until `BooksService.unfreeze`. A
        website order that it paid goes on; call it off first if it is not delivered. Raises
        `DepositNotFound`, `DepositNotWaiting` for one that was returned or taken back before,
        `AccountFrozen` where the account's books do not add up, and what `carry_out` does.
        """
        return await carry_out(
            self.new_unit_of_work,
            self.clock,
            instruction,
            lambda uow, now: orphan(uow, now, deposit, instruction),
        )

    async def _pay(
        self, uow: UnitOfWork, record: DepositRecord, account: AccountId, named: TopupId | None
    ) -> Topup | None:
        """The top-up that the deposit settles, settled; None when the account has none that fits."""
        if named is not None:
            chosen = await uow.topups.find(account, named)
            if chosen is None:
                raise TopupNotFound
            if chosen.is_credited:
                raise TopupPaid
        else:
            unpaid = await uow.topups.unpaid(account, since=record.deposit.at - ENDED_LOOKBACK)
            chosen = nearest_unpaid(unpaid, record.deposit, candidate=record.candidate_topup_id)
            if chosen is None:
                return None
        sharing = await uow.topups.lock_reservation(chosen.reservation_id)
        paid = attrs.evolve(chosen, status=TopupStatus.CREDITED_MANUAL, deposit_id=record.id)
        await uow.topups.save(paid)
        after = [paid if other.id == paid.id else other for other in sharing]
        await uow.topups.release(chosen.reservation_id, reserved_until(after, self.terms))
        return paid


async def _waiting(uow: UnitOfWork, deposit: DepositId) -> DepositRecord:
    """The deposit, locked, if it is unmatched and there is something of it to book."""
    record = await uow.deposits.lock(deposit)
    if record is None:
        raise DepositNotFound
    record.check_waiting()
    return record


async def _told(
    uow: UnitOfWork,
    instruction: Instruction[DepositRecord],
    now: datetime,
    action: str,
    before: DepositRecord,
    after: DepositRecord,
    key: str | None = None,
) -> None:
    await audited(
        uow,
        instruction.actor,
        now,
        action,
        f"deposit:{before.id}",
        amount_usdt=before.deposit.amount,
        before=_status(before),
        after=_status(after),
        key=key,
        topup=after.topup_id,
        reason=instruction.reason,
    )


def _status(record: DepositRecord) -> str:
    owner = "" if record.account_id is None else f" to account {record.account_id}"
    return f"{record.status}{owner}"
