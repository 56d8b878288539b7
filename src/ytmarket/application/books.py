"""Watching the books: whoever's money does not add up is frozen until an operator has put it right."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from itertools import groupby
from typing import Final

import attrs

from ytmarket.application.api_keys import known_key
from ytmarket.application.audit import Actor, audited
from ytmarket.application.errors import BooksUnbalanced
from ytmarket.application.instructions import Instruction
from ytmarket.application.ports.books import Books, Mismatch
from ytmarket.application.ports.clock import Clock
from ytmarket.application.ports.unit_of_work import NewUnitOfWork
from ytmarket.domain.alarms import Alarm, AlarmKind, account_subject
from ytmarket.domain.ids import AccountId

EVERY: Final = timedelta(minutes=1)
WATCHMAN: Final = Actor("worker:verify")
SHOP: Final = "shop"
"""The subject of an alarm about what is no customer's: stock, website orders, the ledger itself."""

TOLD_MAX: Final = 3


@attrs.frozen(kw_only=True)
class BooksService:
    """Nothing moves a frozen customer's money: its orders are refused, its deposits and refunds wait."""

    new_unit_of_work: NewUnitOfWork
    clock: Clock
    books: Books

    async def watch(self) -> Sequence[Mismatch]:
        """Check what has changed; freeze whose money it is, and ring. What was found."""
        found = await self.books.check_changes(self.clock.now(), every=EVERY)
        if found is None:
            return ()
        nobodys = [m for m in found if m.account_id is None]
        owned = sorted((m for m in found if m.account_id is not None), key=_owner)
        for account, group in groupby(owned, key=_owner):
            theirs = list(group)
            if not await self._freeze(AccountId(account), theirs):
                nobodys += theirs
        await self._ring_for_the_shop(nobodys)
        return found

    async def unfreeze(self, fp: str, instruction: Instruction[None]) -> bool:
        """Let the money of the key's account move again; False when it was not frozen.

        Raises `KeyNotFound`, and `BooksUnbalanced` while its books are not in order.
        """
        async with self.new_unit_of_work() as uow:
            account = (await known_key(uow, fp)).account_id
        wrong = [m for m in await self.books.check() if m.account_id == account]
        if wrong:
            raise BooksUnbalanced(wrong)
        now = self.clock.now()
        async with self.new_unit_of_work() as uow:
            thawed = await uow.accounts.set_frozen(account, frozen=False)
            await uow.alarms.end(AlarmKind.BOOKS_UNBALANCED, account_subject(account), now)
            await audited(
                uow,
                instruction.actor,
                now,
                "account.unfreeze",
                f"key:{fp}",
                account=account,
                before="frozen" if thawed else "not frozen",
                after="not frozen",
                reason=instruction.reason,
            )
            await uow.commit()
        return thawed

    async def _freeze(self, account: AccountId, wrong: Sequence[Mismatch]) -> bool:
        """False when an order or deposit names an account that is not there."""
        now, told = self.clock.now(), _told(wrong)
        detail = f"{told}. The account is frozen: put it right, then `ytmarket books unfreeze` its key."
        async with self.new_unit_of_work() as uow:
            if not await uow.accounts.lock([account]):
                return False
            if await uow.accounts.set_frozen(account, frozen=True):
                await audited(
                    uow,
                    WATCHMAN,
                    now,
                    "account.freeze",
                    account_subject(account),
                    before="not frozen",
                    after="frozen",
                    reason=told,
                )
            await uow.alarms.ring(Alarm(AlarmKind.BOOKS_UNBALANCED, account_subject(account), detail), now)
            await uow.commit()
        return True

    async def _ring_for_the_shop(self, wrong: Sequence[Mismatch]) -> None:
        now = self.clock.now()
        async with self.new_unit_of_work() as uow:
            if wrong:
                detail = f"{_told(wrong)}. No customer is frozen for it; `ytmarket verify` names all of it."
                await uow.alarms.ring(Alarm(AlarmKind.BOOKS_UNBALANCED, SHOP, detail), now)
            else:
                await uow.alarms.end(AlarmKind.BOOKS_UNBALANCED, SHOP, now)
            await uow.commit()


def _owner(mismatch: Mismatch) -> int:
    return mismatch.account_id or 0


def _told(wrong: Sequence[Mismatch]) -> str:
    more = len(wrong) - TOLD_MAX
    return "; ".join(map(str, wrong[:TOLD_MAX])) + (f"; and {more} more" if more > 0 else "")
