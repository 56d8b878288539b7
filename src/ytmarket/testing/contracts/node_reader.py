"""What a reader promises that asks nodes over a network, beside what every reader does."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable
from collections.abc import Set as AbstractSet
from contextlib import AbstractAsyncContextManager
from datetime import timedelta
from typing import Final, Protocol

import pytest

from ytmarket.application.ports.chain_reader import (
    ChainBehind,
    ChainMisconfigured,
    ChainRateLimited,
    ChainReader,
    ChainUnavailable,
    Cursor,
    ReaderError,
)
from ytmarket.domain.money import Usdt
from ytmarket.testing.chains.faults import RETRY_AFTER_SECONDS, Fault
from ytmarket.testing.contracts.chain_reader import ChainReaderContract, ChainUnderTest, amounts, drain

FAILS: Final = (
    Fault.HANGS_UP,
    Fault.IS_SILENT,
    Fault.IS_BROKEN,
    Fault.LOCKS_US_OUT,
    Fault.TALKS_NONSENSE,
    Fault.BREAKS_OFF,
)
IS_WRONG: Final = (Fault.IS_OF_ANOTHER_CHAIN, Fault.LACKS_THE_TOKEN, Fault.HAS_OTHER_DECIMALS)


class NodeUnderTest(ChainUnderTest, Protocol):
    """A chain whose readers ask a node that can be made to fail."""

    @property
    def faults(self) -> AbstractSet[Fault]:
        """Which faults a node of this kind can have."""
        ...

    @property
    def setting(self) -> str:
        """The name of the setting that lists the nodes."""
        ...

    @property
    def secret(self) -> str:
        """A part of the node's URL that nobody may see."""
        ...

    def failing(self, fault: Fault) -> AbstractAsyncContextManager[None]:
        """The node has this fault inside the block."""
        ...

    def reader_with_spare(self) -> ChainReader:
        """A reader that may ask a second node, which never fails."""
        ...

    def pass_time(self, by: timedelta) -> None:
        """Let so much time pass for the reader, and not for the chain."""
        ...


async def trouble_of(reader: ChainReader, cursor: Cursor | None) -> ReaderError:
    """What is raised by reading on from this cursor, or by starting where there is none."""
    with pytest.raises(ReaderError) as caught:
        await (reader.start() if cursor is None else reader.read(cursor))
    return caught.value


async def _logged(attempt: Awaitable[object]) -> None:
    try:
        await attempt
    except ReaderError:
        logging.getLogger("a loop").exception("a step failed")


def skip_unless(chain: NodeUnderTest, fault: Fault) -> None:
    """A node of this kind cannot fail in every way."""
    if fault not in chain.faults:
        pytest.skip(f"no node of this kind {fault}")


class NodeReaderContract(ChainReaderContract):
    """The promises about troubles, by their kinds. Needs the fixture `chain`, a `NodeUnderTest`."""

    @pytest.mark.parametrize("fault", FAILS)
    async def test_a_node_that_fails_is_unavailable(self, chain: NodeUnderTest, fault: Fault) -> None:
        skip_unless(chain, fault)
        reader = chain.reader()
        start = await reader.start()
        await chain.pay(Usdt.of(5))
        await chain.settle()
        async with chain.failing(fault):
            troubles = asyncio.gather(trouble_of(reader, start), trouble_of(chain.reader(), None))
            for trouble in await troubles:
                assert isinstance(trouble, ChainUnavailable)
                assert not isinstance(trouble, ChainRateLimited)
        assert amounts((await drain(reader, start))[0]) == [Usdt.of(5)]

    async def test_a_busy_node_is_left_alone_as_long_as_it_asks(self, chain: NodeUnderTest) -> None:
        skip_unless(chain, Fault.IS_BUSY)
        reader = chain.reader()
        start = await reader.start()
        await chain.pay(Usdt.of(5))
        await chain.settle()
        async with chain.failing(Fault.IS_BUSY):
            trouble = await trouble_of(reader, start)
            assert isinstance(trouble, ChainRateLimited)
            assert trouble.retry_after == RETRY_AFTER_SECONDS
        chain.pass_time(timedelta(seconds=RETRY_AFTER_SECONDS - 3))
        assert isinstance(await trouble_of(reader, start), ChainRateLimited)
        chain.pass_time(timedelta(seconds=3))
        assert amounts((await drain(reader, start))[0]) == [Usdt.of(5)]

    @pytest.mark.parametrize("fault", [Fault.LAGS, Fault.STANDS_STILL])
    async def test_a_node_without_the_newest_blocks_is_behind(
        self, chain: NodeUnderTest, fault: Fault
    ) -> None:
        skip_unless(chain, fault)
        reader = chain.reader()
        start = await reader.start()
        await chain.pay(Usdt.of(5))
        await chain.settle()
        deposits, end = await drain(reader, start)
        assert amounts(deposits) == [Usdt.of(5)]
        async with chain.failing(fault):
            assert isinstance(await trouble_of(reader, end), ChainBehind)
            if fault is Fault.STANDS_STILL:
                assert isinstance(await trouble_of(chain.reader(), None), ChainBehind)
        await chain.pay(Usdt.of(6))
        await chain.settle()
        assert amounts((await drain(reader, end))[0]) == [Usdt.of(6)]

    async def test_a_node_that_has_stopped_is_behind_though_it_has_blocks_to_read(
        self, chain: NodeUnderTest
    ) -> None:
        skip_unless(chain, Fault.STANDS_STILL)
        reader = chain.reader()
        start = await reader.start()
        await chain.pay(Usdt.of(5))
        await chain.settle()
        page = await chain.reader().read(start)
        async with chain.failing(Fault.STANDS_STILL):
            assert isinstance(await trouble_of(reader, start), ChainBehind)
            fresh = await chain.reader_with_spare().read(start)
        assert amounts(list(fresh.deposits)) == [Usdt.of(5)]
        assert fresh.read_until >= page.read_until, "the spare was asked"
        assert amounts((await drain(reader, start))[0]) == [Usdt.of(5)]

    @pytest.mark.parametrize("fault", IS_WRONG)
    async def test_a_wrong_node_is_refused_by_the_name_of_its_setting(
        self, chain: NodeUnderTest, fault: Fault
    ) -> None:
        skip_unless(chain, fault)
        start = await chain.reader().start()
        async with chain.failing(fault):
            for cursor in (None, start):
                trouble = await trouble_of(chain.reader(), cursor)
                assert isinstance(trouble, ChainMisconfigured)
                assert chain.setting in str(trouble)

    @pytest.mark.parametrize("fault", [*FAILS, Fault.IS_BUSY, Fault.LAGS, Fault.STANDS_STILL])
    async def test_when_a_node_fails_another_is_asked(self, chain: NodeUnderTest, fault: Fault) -> None:
        skip_unless(chain, fault)
        reader = chain.reader_with_spare()
        start = await reader.start()
        await chain.pay(Usdt.of(5))
        await chain.settle()
        first, middle = await drain(reader, start)
        await chain.pay(Usdt.of(6))
        await chain.settle()
        async with chain.failing(fault):
            second, _ = await drain(reader, middle)
        assert amounts([*first, *second]) == [Usdt.of(5), Usdt.of(6)]

    @pytest.mark.parametrize("fault", list(Fault))
    async def test_no_trouble_tells_what_is_secret(
        self, chain: NodeUnderTest, fault: Fault, caplog: pytest.LogCaptureFixture
    ) -> None:
        skip_unless(chain, fault)
        caplog.set_level(logging.DEBUG)
        reader = chain.reader()
        start = await reader.start()
        async with chain.failing(fault):
            await asyncio.gather(_logged(reader.read(start)), _logged(chain.reader().start()))
        await reader.close()
        assert chain.secret not in caplog.text
