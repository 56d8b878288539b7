"""Taking a deposit back that its chain took back: the books, its customer's account and the audit."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import attrs

from ytmarket.application.audit import audited
from ytmarket.application.instructions import Instruction
from ytmarket.application.ports.unit_of_work import UnitOfWork
from ytmarket.domain.alarms import AlarmKind, account_subject
from ytmarket.domain.chart import TransferKind
from ytmarket.domain.deposits import DepositRecord, DepositStatus
from ytmarket.domain.errors import AccountFrozen, DepositNotFound
from ytmarket.domain.ids import AccountId, DepositId
from ytmarket.domain.money import ZERO, Usdt
from ytmarket.domain.orphans import taken_back


@attrs.frozen(kw_only=True)
class Orphaned:
    """A deposit that is none any more."""

    record: DepositRecord
    taken: Usdt
    """From the customer's balance."""

    lost: Usdt
    """What the customer has spent of it already, or a website order was paid with."""


async def orphan(
    uow: UnitOfWork, now: datetime, deposit: DepositId, instruction: Instruction[Any]
) -> Orphaned:
    """Undo the deposit in the books, and freeze its customer's account if it was credited.

    Raises `DepositNotFound`, `DepositNotWaiting`, and `AccountFrozen` where the account's own books
    do not add up: its balance does not tell how much may be taken then.
    """
    record = await uow.deposits.lock(deposit)
    if record is None:
        raise DepositNotFound
    account = record.account_id
    balance = ZERO if account is None else await _opened(uow, account)
    transfers = taken_back(record, balance, now, instruction.reason)
    await uow.accounts.post(transfers)
    if account is not None:
        # Only now: nothing moves the balance of a frozen account, this neither.
        await uow.accounts.set_frozen(account, frozen=True)
    orphaned = attrs.evolve(record, status=DepositStatus.ORPHANED)
    await uow.deposits.save(orphaned)
    moved = {transfer.kind: transfer.amount for transfer in transfers}
    taken = moved.get(TransferKind.DEPOSIT_ORPHANED, ZERO)
    lost = moved.get(TransferKind.ORPHAN_SHORTFALL, ZERO)
    await audited(
        uow,
        instruction.actor,
        now,
        "deposit.orphan",
        f"deposit:{deposit}",
        amount_usdt=record.deposit.amount,
        taken_usdt=taken,
        lost_usdt=lost,
        before=record.status,
        after=orphaned.status,
        frozen=None if account is None else account_subject(account),
        order=record.order_id,
        reason=instruction.reason,
    )
    return Orphaned(record=orphaned, taken=taken, lost=lost)


async def _opened(uow: UnitOfWork, account: AccountId) -> Usdt:
    """The balance of the locked account, which was perhaps frozen for another deposit that was orphaned."""
    totals = (await uow.accounts.lock([account]))[account]
    if await uow.alarms.rings(AlarmKind.BOOKS_UNBALANCED, account_subject(account)):
        raise AccountFrozen
    await uow.accounts.set_frozen(account, frozen=False)
    return totals.balance
