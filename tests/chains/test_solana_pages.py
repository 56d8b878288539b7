"""A node of Solana that is limited, falters or is slow is read all the same, some slots at a time."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from datetime import timedelta

import pytest

from tests.chains.optional import require

require("solana", "solana")
require("aiohttp", "evm")

from aiohttp import web

from ytmarket.adapters.chains.solana.reading import PAGE_TIME
from ytmarket.application.ports.chain_reader import ChainRateLimited, ChainUnavailable, Cursor, Page
from ytmarket.domain.money import Usdt
from ytmarket.testing.chains.solana import SolanaWorld, new_solana_world
from ytmarket.testing.contracts.node_reader import trouble_of

pytestmark = pytest.mark.anyio

PAID = 10
BUSY = 429
LIST, ONE = "getSignaturesForAddress", "getTransaction"


@pytest.fixture
async def world() -> AsyncIterator[SolanaWorld]:
    async with new_solana_world() as world:
        yield world


class Allowance:
    """Answers so many calls for a transaction, and then with this status, until it is filled again."""

    def __init__(self, world: SolanaWorld, left: int, status: int = BUSY) -> None:
        self.left, self.status = left, status
        self.asked = dict.fromkeys((LIST, ONE), 0)
        self.before: Callable[[], object] | None = None
        world.node.respond = self

    def __call__(self, body: bytes) -> web.Response | None:
        method = json.loads(body)["method"]
        if method in self.asked:
            self.asked[method] += 1
        if method != ONE:
            return None
        if self.before is not None:
            self.before()
        self.left -= 1
        return None if self.left >= 0 else web.Response(status=self.status, headers={"Retry-After": "10"})


async def paid_after(world: SolanaWorld, *, one_slot: bool = False) -> Cursor:
    start = await world.reader().start()
    for number in range(1, PAID + 1):
        world.ledger.execute(world.opening(), world.paying(number))
        if not one_slot:
            world.ledger.pass_slots(1)
    await world.settle()
    return start


def units(*pages: Page) -> list[int]:
    return [deposit.raw for page in pages for deposit in page.deposits]


async def test_what_a_limited_node_gives_is_read_and_what_was_listed_is_kept(world: SolanaWorld) -> None:
    start, reader, node = await paid_after(world), world.reader(), Allowance(world, 4)
    first = await reader.read(start)
    assert (units(first), first.more) == ([1, 2, 3, 4], True)
    trouble = await trouble_of(reader, first.cursor)
    assert isinstance(trouble, ChainRateLimited)
    assert trouble.retry_after == 10
    assert node.asked[ONE] == 5, "it is told to whoever reads on, and the node left alone"
    world.clock.advance(timedelta(seconds=11))
    node.left = PAID
    second = await reader.read(first.cursor)
    assert (units(first, second), second.more) == ([*range(1, PAID + 1)], False)
    assert node.asked == {LIST: 1, ONE: PAID + 1}
    assert first.span is not None
    assert second.span is not None
    assert second.span.first == first.span.last + 1
    assert all(deposit.at >= first.read_until for deposit in second.deposits)


async def test_a_slot_larger_than_what_a_node_allows_at_once_is_read_in_the_end(world: SolanaWorld) -> None:
    start, reader, node = await paid_after(world, one_slot=True), world.reader(), Allowance(world, 4)
    for _ in range(2):
        assert isinstance(await trouble_of(reader, start), ChainRateLimited)
        world.clock.advance(timedelta(seconds=11))
        node.left = 4
    assert sorted(units(await reader.read(start))) == [*range(1, PAID + 1)]
    assert node.asked == {LIST: 1, ONE: PAID + 2}


async def test_what_a_node_gives_that_falters_is_read_and_the_rest_listed_anew(world: SolanaWorld) -> None:
    start, reader, node = await paid_after(world), world.reader(), Allowance(world, 4, status=500)
    first = await reader.read(start)
    assert (units(first), first.more) == ([1, 2, 3, 4], True)
    assert type(await trouble_of(reader, first.cursor)) is ChainUnavailable
    node.left = PAID
    assert units(first, await reader.read(first.cursor)) == [*range(1, PAID + 1)]
    assert node.asked[LIST] == 3


async def test_a_page_of_a_slow_node_ends_before_patience_does(world: SolanaWorld) -> None:
    start, reader, node = await paid_after(world), world.reader(), Allowance(world, PAID)
    node.before = lambda: world.clock.advance(PAGE_TIME / 3)
    first = await reader.read(start)
    assert (units(first), first.more) == ([1, 2, 3], True)
    assert units(first, await reader.read(first.cursor)) == [*range(1, 7)]
    assert node.asked[LIST] == 1


async def test_what_was_listed_is_kept_when_nobody_waits_any_more(world: SolanaWorld) -> None:
    start, reader, node = await paid_after(world), world.reader(), Allowance(world, PAID)
    reading: asyncio.Future[Page]
    node.before = lambda: reading.cancel() if node.asked[ONE] == 4 else None
    reading = asyncio.ensure_future(reader.read(start))
    with pytest.raises(asyncio.CancelledError):
        await reading
    node.left = PAID
    assert units(await reader.read(start)) == [*range(1, PAID + 1)]
    assert node.asked == {LIST: 1, ONE: PAID + 1}


async def test_a_list_of_one_is_refused(world: SolanaWorld) -> None:
    with pytest.raises(ValueError, match="cannot hold"):
        world.reader_of(world.url, listing=1)
    await world.pay(Usdt.of(1))
    await world.settle()
    reader = world.reader_of(world.url, listing=2)
    assert len((await reader.read(await reader.cursor_at(1))).deposits) == 1
