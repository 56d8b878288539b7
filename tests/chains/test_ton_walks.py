"""A history on TON that is too long for one call: what was followed of it is kept for the next."""

import asyncio
from collections.abc import AsyncIterator
from itertools import pairwise

import pytest

from tests.chains.optional import require

require("pytonlib", "ton")

from pytonlib.tonlibjson import TonlibError

from ytmarket.adapters.chains.ton.position import Position
from ytmarket.application.ports.chain_reader import ChainBehind, ChainUnavailable, Cursor
from ytmarket.domain.money import Usdt
from ytmarket.testing.chains.ton import FAULTY_PORT, SPARE_PORT, TonWorld, new_ton_world
from ytmarket.testing.chains.ton_sandbox import TonSandbox
from ytmarket.testing.chains.ton_wire import Answer, Query, Wire
from ytmarket.testing.contracts.chain_reader import amounts, drain
from ytmarket.testing.contracts.node_reader import trouble_of

pytestmark = pytest.mark.anyio

PAID = 32
LISTS = 4  # tonlib gives ten transactions at once
LIST = "raw.getTransactions"


@pytest.fixture
async def world(ton_sandbox: TonSandbox) -> AsyncIterator[TonWorld]:
    async with new_ton_world(ton_sandbox) as world:
        yield world


async def paid_after(world: TonWorld) -> Cursor:
    """The cursor after a payment, and before many that are final."""
    await world.pay(Usdt.of(100))
    await world.settle()
    start = await world.reader().start()
    await world.pay(*all_of_them())
    await world.settle()
    return start


def all_of_them() -> list[Usdt]:
    return [Usdt.of(number) for number in range(1, PAID + 1)]


class OneListOnly:
    """Gives one list of transactions, and refuses the next, each time it is set up anew."""

    def __init__(self) -> None:
        self.left = 1

    def __call__(self, query: Query, answer: Answer) -> Answer:
        if query["@type"] == LIST:
            self.left -= 1
            if self.left < 0:
                raise TonlibError({"@type": "error", "code": 500, "message": "LITE_SERVER_NETWORK"})
        return answer


async def hangs_after_one_list(wire: Wire, over: asyncio.Event) -> None:
    if wire.calls.count(LIST) > 1:
        wire.is_waiting.set()
        await over.wait()


async def test_a_walk_that_fails_is_gone_on_with(world: TonWorld) -> None:
    start, reader = await paid_after(world), world.reader()
    world.wire.calls.clear()
    for _ in range(LISTS - 1):
        with world.wire.answering(OneListOnly()):
            assert type(await trouble_of(reader, start)) is ChainUnavailable
    assert world.wire.calls.count(LIST) == 2 * (LISTS - 1)
    with world.wire.answering(OneListOnly()):
        deposits, end = await drain(reader, start)
    assert amounts(deposits) == all_of_them()
    assert end == await world.reader().start()


async def test_a_walk_that_is_cancelled_is_gone_on_with_at_another_lite_server(world: TonWorld) -> None:
    start, reader = await paid_after(world), world.reader_of(world.config(FAULTY_PORT, SPARE_PORT))
    over = asyncio.Event()
    world.wire.calls.clear()
    world.wire.before = lambda: hangs_after_one_list(world.wire, over)
    reading = asyncio.ensure_future(reader.read(start))
    await world.wire.is_waiting.wait()
    reading.cancel()
    with pytest.raises(asyncio.CancelledError):
        await reading
    over.set()
    world.wire.before = None
    await world.pay(Usdt.of(50))  # meanwhile: it is read after what the walk began with
    await world.settle()
    page, calls = await reader.read(start), [*world.wire.calls, *world.spare.calls]
    assert amounts([*page.deposits]) == all_of_them()
    assert calls.count(LIST) == LISTS + 1, "the one that was not waited for, and no other, twice"
    assert amounts((await drain(reader, page.cursor))[0]) == [Usdt.of(50)]


async def test_a_lite_server_that_has_not_got_so_far_does_not_go_on_with_a_walk(world: TonWorld) -> None:
    early = await world.sandbox.act("commit") - 1
    start, reader = await paid_after(world), world.reader()
    with world.wire.answering(OneListOnly()):
        await trouble_of(reader, start)
    world.wire.commit = early + 1
    trouble = await trouble_of(reader, start)
    assert isinstance(trouble, ChainBehind), trouble
    world.wire.commit = None
    assert amounts((await drain(reader, start))[0]) == all_of_them()


async def test_the_way_down_to_a_height_is_gone_on_with_and_serves_the_reading_too(world: TonWorld) -> None:
    start, reader = await paid_after(world), world.reader()
    height = Position.read(start).lt + 1
    world.wire.calls.clear()
    for _ in range(LISTS - 1):
        with world.wire.answering(OneListOnly()), pytest.raises(ChainUnavailable):
            await reader.cursor_at(height)
    with world.wire.answering(OneListOnly()):
        assert await reader.cursor_at(height) == start
    world.wire.calls.clear()
    page = await reader.read(start)
    assert amounts([*page.deposits]) == all_of_them()
    assert LIST not in world.wire.calls


async def test_reading_once_more_is_not_undone_by_what_is_new(world: TonWorld) -> None:
    start = await paid_after(world)
    reader = world.reader_of(world.config(FAULTY_PORT), transactions=20)
    head = await reader.start()
    page = await reader.read(await reader.cursor_at(Position.read(start).lt + 1))
    await world.pay(Usdt.of(50))
    await world.settle()
    assert amounts([*(await reader.read(head)).deposits]) == [Usdt.of(50)]
    world.wire.calls.clear()
    rest = await reader.read(page.cursor)
    assert amounts([*page.deposits, *rest.deposits]) == all_of_them()
    assert LIST not in world.wire.calls


async def test_of_a_walk_too_long_to_be_kept_the_oldest_part_is_read_first(world: TonWorld) -> None:
    start = await paid_after(world)
    reader = world.reader_of(world.config(FAULTY_PORT), transactions=8, kept_max=12)
    cursor, pages = start, []
    while True:
        page = await reader.read(cursor)
        pages.append(page)
        cursor = page.cursor
        if not page.more:
            break
    assert [len(page.deposits) for page in pages] == [8, 4, 8, 4, 8]
    found = [deposit for page in pages for deposit in page.deposits]
    assert amounts(found) == all_of_them()
    for before, page in pairwise(pages):
        assert all(deposit.at >= before.read_until for deposit in page.deposits)
        assert before.span is not None
        assert page.span is not None
        assert page.span.first == before.span.last + 1
