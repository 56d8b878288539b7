"""What every reader of a chain promises."""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager
from itertools import pairwise
from typing import Protocol

import pytest

from ytmarket.application.ports.chain_reader import ChainReader, Cursor, Page, ReaderError
from ytmarket.domain.coverage import Span
from ytmarket.domain.deposits import Deposit
from ytmarket.domain.money import Usdt
from ytmarket.testing.contracts.base import Contract

PAGES_MAX = 1_000


class ChainUnderTest(Protocol):
    """A chain that the test writes to. It closes the readers it has made when the test is over."""

    @property
    def transfers_per_transaction_max(self) -> int:
        """1 where a transaction cannot hold more, or where only their sum is kept."""
        ...

    @property
    def keeps_sums(self) -> bool:
        """Whether a transaction may hold several, of which only their sum is kept."""
        ...

    @property
    def waits_above(self) -> Usdt | None:
        """What is more than this must wait longer than the rest; None where nothing must."""
        ...

    @property
    def final_at_once(self) -> bool:
        """Whether nothing ever waits to become final."""
        ...

    def reader(self) -> ChainReader:
        """A new reader of this chain, as another process would make one."""
        ...

    def hasty_reader(self) -> ChainReader:
        """One that takes few transfers a page: 23 of them are a backlog."""
        ...

    async def pay(self, *amounts: Usdt) -> str:
        """One transaction with so many transfers to the shop's wallet; answers its hash."""
        ...

    async def make_noise(self) -> None:
        """All that looks like a deposit and is none: failed, of nothing, to others, counterfeit."""
        ...

    async def settle(self) -> None:
        """Let all that was paid become final."""
        ...

    async def settle_soon(self) -> None:
        """Let all become final that need not wait longer than the rest."""
        ...

    def outage(self) -> AbstractAsyncContextManager[None]:
        """The node does not answer inside this block."""
        ...


async def drain(reader: ChainReader, cursor: Cursor) -> tuple[list[Deposit], Cursor]:
    """All that is final after this cursor, and the cursor behind it."""
    deposits, page = list[Deposit](), None
    for _ in range(PAGES_MAX):
        page = await reader.read(cursor)
        deposits += page.deposits
        cursor = page.cursor
        if not page.more:
            return deposits, cursor
    raise AssertionError(f"there is no end to the backlog after {PAGES_MAX} pages: {page}")


def amounts(deposits: list[Deposit]) -> list[Usdt]:
    """What arrived, deposit by deposit."""
    return [deposit.amount for deposit in deposits]


class ChainReaderContract(Contract):
    """The promises of the `ChainReader` port. Needs the fixture `chain`, a `ChainUnderTest`."""

    async def test_each_transfer_is_returned_once_and_in_chain_order(self, chain: ChainUnderTest) -> None:
        reader = chain.reader()
        start = await reader.start()
        sent = [Usdt.of(100), Usdt.of("0.010001"), Usdt.of(7), Usdt.of(7)]
        hashes = [await chain.pay(amount) for amount in sent]
        await chain.settle()
        deposits, end = await drain(reader, start)
        assert amounts(deposits) == sent
        assert [deposit.tx_hash for deposit in deposits] == hashes
        assert len({deposit.key for deposit in deposits}) == len(sent)
        assert await drain(reader, end) == ([], end)

    async def test_the_same_cursor_gives_the_same_deposits_to_any_reader(self, chain: ChainUnderTest) -> None:
        start = await chain.reader().start()
        for amount in (1, 2, 3):
            await chain.pay(Usdt.of(amount))
        await chain.settle()
        first, _ = await drain(chain.reader(), start)
        assert len(first) == 3
        assert await drain(chain.reader(), start) == await drain(chain.reader(), start)
        assert [d.key for d in (await drain(chain.hasty_reader(), start))[0]] == [d.key for d in first]

    async def test_what_was_there_before_the_start_is_not_read(self, chain: ChainUnderTest) -> None:
        await chain.pay(Usdt.of(1))
        await chain.settle()
        reader = chain.reader()
        start = await reader.start()
        await chain.pay(Usdt.of(2))
        await chain.settle()
        assert amounts((await drain(reader, start))[0]) == [Usdt.of(2)]

    async def test_nothing_is_returned_before_it_is_final(self, chain: ChainUnderTest) -> None:
        reader = chain.reader()
        start = await reader.start()
        await chain.pay(Usdt.of(5))
        early, cursor = await drain(reader, start)
        assert amounts(early) == ([Usdt.of(5)] if chain.final_at_once else [])
        await chain.settle()
        later, _ = await drain(reader, cursor)
        assert amounts(early + later) == [Usdt.of(5)]

    async def test_what_must_wait_longer_holds_up_nothing_but_how_far_was_read(
        self, chain: ChainUnderTest
    ) -> None:
        if chain.waits_above is None:
            pytest.skip("nothing on this chain waits longer than the rest")
        large, small = chain.waits_above + Usdt(1), Usdt.of(7)
        reader = chain.reader()
        cursor = start = await reader.start()
        await chain.pay(large)
        await chain.pay(small)
        await chain.settle_soon()
        pages = list[Page]()
        while not pages or pages[-1].more:
            pages.append(await reader.read(cursor))
            cursor = pages[-1].cursor
        soon = [deposit for page in pages for deposit in page.deposits]
        assert amounts(soon) == [small]
        await chain.settle()
        (late,), end = await drain(reader, cursor)
        assert late.amount == large
        assert pages[-1].waits_from == late.height
        assert (await reader.read(end)).waits_from is None
        assert pages[-1].read_until <= late.at
        again, _ = await drain(chain.reader(), start)
        assert {deposit.key for deposit in again} == {deposit.key for deposit in [*soon, late]}

    async def test_of_a_transaction_that_keeps_balances_the_sum_is_one_deposit(
        self, chain: ChainUnderTest
    ) -> None:
        if not chain.keeps_sums:
            pytest.skip("this chain keeps transfers, each by itself")
        reader = chain.reader()
        start = await reader.start()
        tx_hash = await chain.pay(Usdt.of(1), Usdt.of(2), Usdt(1))
        await chain.settle()
        (deposit,), _ = await drain(reader, start)
        assert (deposit.tx_hash, deposit.amount) == (tx_hash, Usdt.of("3.000001"))

    async def test_many_transfers_in_one_transaction_are_as_many_deposits(
        self, chain: ChainUnderTest
    ) -> None:
        if chain.transfers_per_transaction_max < 2:
            pytest.skip("a transaction of this chain is one deposit")
        reader = chain.reader()
        start = await reader.start()
        tx_hash = await chain.pay(Usdt.of(1), Usdt.of(2))
        await chain.settle()
        deposits, _ = await drain(reader, start)
        assert sorted(amounts(deposits)) == [Usdt.of(1), Usdt.of(2)]
        assert {deposit.tx_hash for deposit in deposits} == {tx_hash}
        assert len({deposit.event_index for deposit in deposits}) == 2

    async def test_a_backlog_is_caught_up_over_pages(self, chain: ChainUnderTest) -> None:
        reader = chain.hasty_reader()
        start = await reader.start()
        sent = [Usdt.of(1) + Usdt.cents(number) for number in range(23)]
        for amount in sent:
            await chain.pay(amount)
        await chain.settle()
        first = await reader.read(start)
        assert first.more
        rest, end = await drain(reader, first.cursor)
        assert amounts([*first.deposits, *rest]) == sent
        assert not (await reader.read(end)).more

    async def test_nothing_comes_from_before_the_time_up_to_which_all_was_read(
        self, chain: ChainUnderTest
    ) -> None:
        reader = chain.hasty_reader()
        cursor = await reader.start()
        for number in range(23):
            await chain.pay(Usdt.of(1 + number))
        await chain.settle()
        pages = list[Page]()
        while not pages or pages[-1].more:
            pages.append(await reader.read(cursor))
            cursor = pages[-1].cursor
        await chain.pay(Usdt.of(99))
        await chain.settle()
        pages.append(await reader.read(cursor))
        for number, page in enumerate(pages):
            later = [deposit for other in pages[number + 1 :] for deposit in other.deposits]
            assert all(deposit.at >= page.read_until for deposit in later)

    async def test_amounts_are_exact(self, chain: ChainUnderTest) -> None:
        reader = chain.reader()
        start = await reader.start()
        await chain.pay(Usdt(1))
        await chain.pay(Usdt.of("99999.999999"))
        await chain.settle()
        deposits, _ = await drain(reader, start)
        assert amounts(deposits) == [Usdt(1), Usdt.of("99999.999999")]
        for deposit in deposits:
            assert deposit.network is reader.network
            assert deposit.decimals == reader.network.facts.decimals
            assert deposit.raw == deposit.amount.micros * 10 ** (deposit.decimals - 6)
            assert deposit.recipient == reader.wallet
            assert deposit.at.utcoffset() is not None
            assert deposit.at.microsecond == 0

    async def test_what_is_no_deposit_never_appears(self, chain: ChainUnderTest) -> None:
        reader = chain.reader()
        start = await reader.start()
        await chain.make_noise()
        await chain.pay(Usdt.of(7))
        await chain.make_noise()
        await chain.settle()
        assert amounts((await drain(reader, start))[0]) == [Usdt.of(7)]

    async def test_spans_follow_on_each_other_and_hold_their_deposits(self, chain: ChainUnderTest) -> None:
        reader = chain.hasty_reader()
        cursor, spans, deposits = await reader.start(), list[Span](), list[Deposit]()
        for _ in range(2):
            for number in range(12):
                await chain.pay(Usdt.of(1 + number))
            await chain.settle()
            more = True
            while more:
                page = await reader.read(cursor)
                cursor, more = page.cursor, page.more
                deposits += page.deposits
                spans += [] if page.span is None else [page.span]
            assert (await reader.read(cursor)).span is None or not chain.final_at_once
        assert len(deposits) == 24
        assert len(spans) > 2
        for before, after in pairwise(spans):
            assert after.first == before.last + 1
        for deposit in deposits:
            assert any(span.first <= deposit.height <= span.last for span in spans)
        assert all(span.last_hash for span in spans[:1])

    async def test_a_height_and_all_after_it_can_be_read_once_more(self, chain: ChainUnderTest) -> None:
        reader = chain.reader()
        cursor = await reader.start()
        read = list[Deposit]()
        for amount in (1, 2, 3):
            await chain.pay(Usdt.of(amount))
            await chain.settle()
            new, cursor = await drain(reader, cursor)
            read += new
        again, _ = await drain(chain.reader(), await reader.cursor_at(read[1].height))
        assert again == read[1:]
        after, _ = await drain(chain.reader(), await reader.cursor_at(read[1].height + 1))
        assert after == read[2:]

    async def test_after_any_trouble_the_same_cursor_reads_on(self, chain: ChainUnderTest) -> None:
        reader = chain.reader()
        start = await reader.start()
        await chain.pay(Usdt.of(5))
        await chain.settle()
        async with chain.outage():
            with pytest.raises(ReaderError):
                await reader.read(start)
            with pytest.raises(ReaderError):
                await chain.reader().start()
        assert amounts((await drain(reader, start))[0]) == [Usdt.of(5)]
