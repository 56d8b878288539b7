"""Comparing each wallet on its chain with the books, so that what was missed or made up shows."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

import attrs

from ytmarket.application.alarms import AlarmService
from ytmarket.application.audit import Actor, audited
from ytmarket.application.ports.chain_auditor import AuditedReader
from ytmarket.application.ports.chain_reader import ChainReader, ChainUnavailable
from ytmarket.application.ports.clock import Clock
from ytmarket.application.ports.reconciliation import Task
from ytmarket.application.ports.unit_of_work import NewUnitOfWork
from ytmarket.domain.alarms import Alarm, AlarmKind
from ytmarket.domain.deposits import Deposit
from ytmarket.domain.errors import Conflict
from ytmarket.domain.further_networks import source_of
from ytmarket.domain.networks import Network
from ytmarket.domain.reconciliation import Difference, Holding, Statement, difference
from ytmarket.domain.wording import check_reason

INTERVAL: Final = timedelta(hours=1)
PATIENCE: Final = timedelta(minutes=15)
"""For one check, and until the next one after trouble or a difference."""

PAGES_MAX: Final = 10_000
SHOWN_MAX: Final = 3


@attrs.frozen(kw_only=True)
class Check:
    """A statement that waits for the scanner to have read as far."""

    statement: Statement
    until: datetime
    is_second: bool = False


@attrs.define(kw_only=True)
class ReconciliationService:
    """Compares chain and books from the last point at which they agreed to the present final block.

    A difference counts when a second statement, from another node where there is one, shows it too.
    Then it is an alarm, and the chain is read once more from that point: what had been missed is kept,
    and nothing is kept twice. The alarm ends with the next comparison that finds nothing.
    """

    new_unit_of_work: NewUnitOfWork
    clock: Clock
    alarms: AlarmService
    interval: timedelta = INTERVAL
    patience: timedelta = PATIENCE
    _waiting: dict[tuple[Network, str], Check] = attrs.field(factory=dict, init=False)

    async def look(self, reader: AuditedReader) -> bool:
        """Begin the check that is due, or go on with the one that waits; whether anything was missed.

        Raises `ReaderError`: nothing has been found out then, and it is tried again.
        """
        check = self._waiting.pop((reader.network, _source(reader)), None)
        if check is None or check.until <= self.clock.now():
            check = await self._begin(reader)
        return check is not None and await self._compare(reader, check)

    async def accept(self, actor: Actor, network: Network, wallet: str, reason: str) -> None:
        """Take what the chain says for the truth from now on: the next check opens anew.

        Raises `InvalidRequest`, and `Conflict` where nothing was agreed on before.
        """
        check_reason(reason)
        now, source = self.clock.now(), source_of(network, wallet)
        async with self.new_unit_of_work() as uow:
            height = await uow.reconciliation.forget(network, source, now)
            if height is None:
                raise Conflict
            await audited(
                uow,
                actor,
                now,
                "network.accepted",
                f"network:{network.value}",
                wallet=wallet,
                before=f"agreed up to block {height}",
                after="the next check opens anew",
                reason=reason,
            )
            await uow.alarms.end(AlarmKind.NETWORK_DIFFERENCE, network.value, now)
            await uow.commit()
        self._waiting.pop((network, source), None)

    async def _begin(self, reader: AuditedReader) -> Check | None:
        now = self.clock.now()
        async with self.new_unit_of_work() as uow:
            task = await uow.reconciliation.take_up(reader.network, _source(reader), now, now + self.patience)
            await uow.commit()
        if task is None:
            return None
        if task.agreed is None:
            await self._open(reader, task)
            return None
        statement = await reader.auditor.statement(task.agreed)
        check = Check(statement=statement, until=now + self.patience)
        # What does not even add up by itself need not wait for the books.
        return await self._second(reader, check) if statement.unexplained else check

    async def _open(self, reader: AuditedReader, task: Task) -> None:
        """Deposits from before the reading began are in no books: the first block has to be a later one."""
        holding = await reader.auditor.holding()
        if holding.point.at > task.not_before:
            await self._agree(reader, holding, after=None)

    async def _second(self, reader: AuditedReader, check: Check) -> Check:
        reader.auditor.doubt()
        statement = await reader.auditor.statement(check.statement.opening)
        return attrs.evolve(check, statement=statement, is_second=True)

    async def _compare(self, reader: AuditedReader, check: Check) -> bool:
        booked = await self._booked(reader, check.statement)
        if booked is None:
            self._waiting[reader.network, _source(reader)] = check
            return False
        found = difference(check.statement, booked)
        if found is None:
            await self._agree(reader, check.statement.closing, after=check.statement.opening)
            return False
        if not check.is_second:
            return await self._compare(reader, await self._second(reader, check))
        return await self._put_right(reader, check.statement, found)

    async def _booked(self, reader: ChainReader, statement: Statement) -> int | None:
        """What the books hold of these blocks; None while the scanner has not read all of them."""
        first, last = statement.opening.point, statement.closing.point
        async with self.new_unit_of_work() as uow:
            booked = await uow.reconciliation.booked(
                reader.network, reader.wallet, first.height, last.height, source=_source(reader)
            )
        return booked.raw if booked is not None and booked.read_until > last.at else None

    async def _put_right(self, reader: AuditedReader, statement: Statement, found: Difference) -> bool:
        await self._ring(reader, statement, found, "It is being read once more.")
        read, missed = await self._read_again(reader, statement)
        booked = await self._booked(reader, statement)
        left = found if booked is None else difference(statement, booked)
        if left is None:
            await self._agree(reader, statement.closing, after=statement.opening)
        else:
            invented = await self._invented(reader, statement, read)
            await self._ring(reader, statement, left, invented or "Reading once more put nothing right.")
        return missed > 0

    async def _read_again(self, reader: AuditedReader, statement: Statement) -> tuple[list[Deposit], int]:
        """All deposits of these blocks, and how many of them, or of later ones, had been missed."""
        read, missed = list[Deposit](), 0
        cursor = await reader.cursor_at(statement.opening.point.height + 1)
        for _ in range(PAGES_MAX):
            page = await reader.read(cursor)
            async with self.new_unit_of_work() as uow:
                missed += await uow.deposits.keep_missed(page.deposits, self.clock.now())
                await uow.commit()
            read += page.deposits
            if not page.more:
                return read, missed
            cursor = page.cursor
        raise ChainUnavailable(f"no end was found in {PAGES_MAX} pages of {reader.network}")

    async def _invented(self, reader: ChainReader, statement: Statement, read: list[Deposit]) -> str:
        """Which deposits in the books the chain knows nothing of, and what to do, in words; nothing: none."""
        first, last = statement.opening.point.height, statement.closing.point.height
        async with self.new_unit_of_work() as uow:
            kept = await uow.reconciliation.deposits(reader.network, reader.wallet, first, last)
        true = {(deposit.key, deposit.raw) for deposit in read}
        false = [
            f"deposit {record.id} ({record.deposit.tx_hash})"
            for record in kept
            if (record.deposit.key, record.deposit.raw) not in true
        ]
        if not false:
            return ""
        more = f" and {len(false) - SHOWN_MAX} more" if len(false) > SHOWN_MAX else ""
        return (
            f"In the books and not on the chain: {', '.join(false[:SHOWN_MAX])}{more}."
            " Once an explorer agrees, `ytmarket deposits orphan` takes each back by its number."
        )

    async def _agree(self, reader: ChainReader, holding: Holding, *, after: Holding | None) -> None:
        now = self.clock.now()
        async with self.new_unit_of_work() as uow:
            is_ours = await uow.reconciliation.agree(
                reader.network, _source(reader), holding, after=after, due_at=now + self.interval
            )
            if is_ours and after is not None:
                await uow.alarms.end(AlarmKind.NETWORK_DIFFERENCE, reader.network.value, now)
            await uow.commit()

    async def _ring(self, reader: ChainReader, statement: Statement, found: Difference, told: str) -> None:
        blocks = f"after block {statement.opening.point.height} up to {statement.closing.point.height}"
        detail = f"{_words(found, reader.network.facts.decimals)}, {blocks}. {told}"
        await self.alarms.ring(Alarm(AlarmKind.NETWORK_DIFFERENCE, reader.network.value, detail))


def _source(reader: ChainReader) -> str:
    return source_of(reader.network, reader.wallet)


def _words(found: Difference, decimals: int) -> str:
    """What differs, by how much."""
    told = []
    if found.unbooked:
        amount = _amount(abs(found.unbooked), decimals)
        told.append(
            f"{amount} USDT arrived that the books lack"
            if found.unbooked > 0
            else f"the books hold {amount} USDT that never arrived"
        )
    if found.unexplained:
        amount = _amount(abs(found.unexplained), decimals)
        side = "more" if found.unexplained > 0 else "less"
        told.append(f"the wallet holds {amount} USDT {side} than its transfers say")
    text = "; ".join(told)
    return text[:1].upper() + text[1:]


def _amount(raw: int, decimals: int) -> str:
    whole, part = divmod(raw, 10**decimals)
    return f"{whole}.{part:0{decimals}d}".rstrip("0").rstrip(".")
