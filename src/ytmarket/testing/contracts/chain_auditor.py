"""What everybody promises who audits a wallet on its chain."""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager
from typing import Protocol

import attrs
import pytest

from ytmarket.application.ports.chain_auditor import AuditedReader
from ytmarket.application.ports.chain_reader import ChainBehind, ChainGap, ChainUnavailable, ReaderError
from ytmarket.domain.money import Usdt
from ytmarket.domain.reconciliation import Holding
from ytmarket.testing.chains.faults import Fault
from ytmarket.testing.contracts.base import Contract
from ytmarket.testing.contracts.chain_reader import drain

ANOTHER_BLOCK = "another block"


class AuditUnderTest(Protocol):
    """A chain that the test writes to, in whose wallet there may be something before."""

    def reader(self) -> AuditedReader:
        """A new reader of this chain, as another process would make one."""
        ...

    def reader_with_spare(self) -> AuditedReader:
        """One that may ask a second node as well, which never fails."""
        ...

    async def fund(self) -> None:
        """Let the wallet hold something that came before anybody read the chain."""
        ...

    async def pay(self, *amounts: Usdt) -> str:
        """One transaction with so many transfers to the shop's wallet."""
        ...

    async def pay_raw(self, *amounts: int) -> str:
        """The same in the token's smallest units."""
        ...

    async def withdraw(self, amount: int) -> None:
        """Send so many of the smallest units from the shop's wallet to somebody else."""
        ...

    async def charge(self, basis_points: int) -> None:
        """Let the token keep so much of every transfer from now on."""
        ...

    async def make_noise(self) -> None:
        """All that looks like a transfer of ours and is none, and one that is: 5 USDT go out."""
        ...

    async def settle(self) -> None:
        """Let all that was done become final."""
        ...

    def failing(self, fault: Fault) -> AbstractAsyncContextManager[None]:
        """The node has this fault inside the block; the spare one has not."""
        ...


async def opened(chain: AuditUnderTest) -> tuple[AuditedReader, Holding]:
    """A reader of a funded wallet, and what is held at the beginning."""
    await chain.fund()
    await chain.settle()
    reader = chain.reader()
    return reader, await reader.auditor.holding()


class ChainAuditorContract(Contract):
    """The promises of the `ChainAuditor` port. Needs the fixture `chain`, an `AuditUnderTest`."""

    async def test_what_was_held_with_what_moved_is_what_is_held(self, chain: AuditUnderTest) -> None:
        reader, opening = await opened(chain)
        assert opening.balance > 0
        for number in range(5):
            await chain.pay(Usdt.of(100 + number))
            await chain.withdraw(7 + number)
        await chain.pay_raw(1, 1, 3)
        await chain.settle()
        unit = 10**reader.network.facts.decimals
        first = await reader.auditor.statement(opening)
        assert (first.incoming, first.outgoing) == (510 * unit + 5, 45)
        assert first.closing.balance == opening.balance + 510 * unit - 40
        assert first.unexplained == 0
        await chain.withdraw(11)
        await chain.settle()
        second = await reader.auditor.statement(first.closing)
        assert (second.incoming, second.outgoing, second.unexplained) == (0, 11, 0)

    async def test_incoming_is_what_a_reader_returns_from_the_same_blocks(
        self, chain: AuditUnderTest
    ) -> None:
        reader, opening = await opened(chain)
        cursor = await reader.cursor_at(opening.point.height + 1)
        await chain.make_noise()
        await chain.pay(Usdt.of(3), Usdt.of("0.000001"))
        await chain.pay_raw(1)
        await chain.settle()
        statement = await reader.auditor.statement(opening)
        deposits, _ = await drain(reader, cursor)
        assert sum(deposit.raw for deposit in deposits) == statement.incoming > 0
        assert {deposit.height for deposit in deposits} <= set(
            range(opening.point.height + 1, statement.closing.point.height + 1)
        )

    async def test_what_moved_nothing_of_ours_counts_on_neither_side(self, chain: AuditUnderTest) -> None:
        reader, opening = await opened(chain)
        await chain.make_noise()
        await chain.settle()
        statement = await reader.auditor.statement(opening)
        five = 5 * 10**reader.network.facts.decimals
        assert (statement.incoming, statement.outgoing, statement.unexplained) == (0, five, 0)

    async def test_a_token_that_keeps_a_fee_adds_up_too(self, chain: AuditUnderTest) -> None:
        reader, opening = await opened(chain)
        await chain.charge(25)
        await chain.pay_raw(10_000)
        await chain.withdraw(20_000)
        await chain.settle()
        statement = await reader.auditor.statement(opening)
        assert (statement.incoming, statement.outgoing, statement.unexplained) == (9_975, 20_000, 0)

    async def test_nothing_counts_before_it_is_final(self, chain: AuditUnderTest) -> None:
        reader, opening = await opened(chain)
        await chain.pay_raw(5)
        await chain.withdraw(3)
        early = await reader.auditor.statement(opening)
        assert (early.incoming, early.outgoing) == (0, 0)
        assert early.closing.balance == opening.balance
        await chain.settle()
        later = await reader.auditor.statement(early.closing)
        assert (later.incoming, later.outgoing, later.unexplained) == (5, 3, 0)

    async def test_a_node_that_has_not_got_as_far_is_behind(self, chain: AuditUnderTest) -> None:
        reader, opening = await opened(chain)
        point = attrs.evolve(opening.point, height=opening.point.height + 1_000)
        with pytest.raises(ChainBehind):
            await reader.auditor.statement(attrs.evolve(opening, point=point))

    async def test_another_block_in_the_openings_place_is_a_gap(self, chain: AuditUnderTest) -> None:
        reader, opening = await opened(chain)
        elsewhere = attrs.evolve(opening, point=attrs.evolve(opening.point, ref=ANOTHER_BLOCK))
        for _ in range(2):
            with pytest.raises(ChainGap, match="another block"):
                await reader.auditor.statement(elsewhere)
            await chain.settle()

    @pytest.mark.parametrize(
        "fault", [Fault.HANGS_UP, Fault.TALKS_NONSENSE, Fault.IS_BUSY, Fault.STANDS_STILL]
    )
    async def test_any_trouble_is_a_reader_error(self, chain: AuditUnderTest, fault: Fault) -> None:
        reader, opening = await opened(chain)
        async with chain.failing(fault):
            with pytest.raises(ReaderError):
                await reader.auditor.statement(opening)
            with pytest.raises(ReaderError):
                await chain.reader().auditor.holding()

    async def test_after_a_doubt_another_node_is_asked(self, chain: AuditUnderTest) -> None:
        _, opening = await opened(chain)
        reader = chain.reader_with_spare()
        await reader.auditor.statement(opening)
        async with chain.failing(Fault.HANGS_UP):
            await reader.auditor.statement(opening)  # the spare node answers, and is kept
        reader.auditor.doubt()
        async with chain.failing(Fault.IS_BROKEN):
            # The first is asked again, fails, and the doubted one answers: none is left out for good.
            await reader.auditor.statement(opening)

    async def test_a_doubted_node_that_is_the_only_one_is_asked_again(self, chain: AuditUnderTest) -> None:
        reader, opening = await opened(chain)
        reader.auditor.doubt()
        assert (await reader.auditor.statement(opening)).unexplained == 0
        async with chain.failing(Fault.HANGS_UP):
            with pytest.raises(ChainUnavailable):
                await reader.auditor.statement(opening)
