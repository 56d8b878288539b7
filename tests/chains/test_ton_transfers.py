"""What counts as a payment on TON, among all that can reach a jetton wallet; each by real contracts."""

from collections.abc import AsyncIterator
from datetime import timedelta
from itertools import pairwise
from typing import Any

import pytest

from tests.chains.optional import require

require("pytonlib", "ton")

from ytmarket.adapters.chains.ton.address import Address
from ytmarket.application.ports.chain_reader import ChainBehind, ChainReader, Cursor
from ytmarket.domain.money import Usdt
from ytmarket.testing.chains.ton import COUNTERFEIT, TonWorld, new_person, new_ton_world
from ytmarket.testing.chains.ton_sandbox import TonSandbox
from ytmarket.testing.contracts.chain_reader import amounts, drain

pytestmark = pytest.mark.anyio

FIVE = 5_000_000


@pytest.fixture
async def world(ton_sandbox: TonSandbox) -> AsyncIterator[TonWorld]:
    async with new_ton_world(ton_sandbox) as world:
        yield world


@pytest.fixture
async def reader(world: TonWorld) -> ChainReader:
    return world.reader()


@pytest.fixture
async def start(world: TonWorld, reader: ChainReader) -> Cursor:
    """The cursor after a payment of 1 USDT."""
    await world.pay(Usdt.of(1))
    await world.settle()
    return await reader.start()


async def read(world: TonWorld, reader: ChainReader, start: Cursor) -> list[Usdt]:
    await world.settle()
    return amounts((await drain(reader, start))[0])


async def test_a_deposit_says_whose_it_was_and_where_it_stands(
    world: TonWorld, reader: ChainReader, start: Cursor
) -> None:
    (arrival,) = world.arrivals(await world.transfer(FIVE))
    await world.settle()
    (deposit,), _ = await drain(reader, start)
    assert deposit.tx_hash == arrival["hash"]
    assert (deposit.event_index, deposit.block_ref) == (0, "")
    assert deposit.height == int(arrival["lt"])
    assert int(deposit.at.timestamp()) == arrival["now"]
    assert deposit.sender == world.payer.address
    assert (deposit.raw, deposit.decimals) == (FIVE, 6)


async def test_clients_are_told_the_address_as_the_operator_spells_it(world: TonWorld) -> None:
    spelled = str(Address.of_text(world.shop.address))
    assert spelled.startswith("EQ")
    assert world.shop.address.startswith("UQ")
    reader = world.reader_of(world.config(1), wallet=spelled)
    start = await reader.start()
    await world.pay(Usdt.of(5))
    await world.settle()
    (deposit,), _ = await drain(reader, start)
    assert deposit.recipient == reader.wallet == spelled


@pytest.mark.parametrize("forward", ["0", "1"])
@pytest.mark.parametrize(
    "said",
    [{}, {"comment": "for ann"}, {"comment": "for ann", "inline": True}, {"comment": "a long story " * 40}],
    ids=["no word", "a comment beside it", "a comment in it", "a long one"],
)
async def test_a_transfer_counts_whatever_comes_with_it(
    world: TonWorld, reader: ChainReader, start: Cursor, said: dict[str, Any], forward: str
) -> None:
    await world.transfer(FIVE, forward=forward, **said)
    assert await read(world, reader, start) == [Usdt.of(5)]


async def test_what_the_master_makes_for_us_is_ours(
    world: TonWorld, reader: ChainReader, start: Cursor
) -> None:
    await world.sandbox.act("mint", to=world.shop.raw, amount=str(FIVE))
    assert await read(world, reader, start) == [Usdt.of(5)]


@pytest.mark.parametrize("paid", [0, 1], ids=["a new wallet", "an old wallet"])
async def test_a_forged_message_to_our_jetton_wallet_is_refused_by_its_code(
    world: TonWorld, reader: ChainReader, paid: int
) -> None:
    await world.pay(*[Usdt.of(1)] * paid)
    await world.settle()
    start = await reader.start()
    said = {"amount": str(FIVE), "owner": world.payer.raw}
    (arrival,) = world.arrivals(await world.send(world.thief, world.shop.account, "internalTransfer", **said))
    assert arrival["aborted"]
    assert await read(world, reader, start) == []
    await world.pay(Usdt.of(7))
    assert await read(world, reader, start) == [Usdt.of(7)]


async def test_another_jetton_s_wallet_of_ours_is_not_read(
    world: TonWorld, reader: ChainReader, start: Cursor
) -> None:
    theirs = await world.sandbox.act("jettonWallet", owner=world.shop.raw, jetton=COUNTERFEIT)
    done = await world.transfer(FIVE, sender=world.thief, jetton=COUNTERFEIT, forward="1", comment="5 USDT")
    assert [one["aborted"] for one in done if one["account"] == theirs] == [False]
    assert await read(world, reader, start) == []


async def test_a_notification_alone_is_no_payment(
    world: TonWorld, reader: ChainReader, start: Cursor
) -> None:
    said = {"amount": str(FIVE), "owner": world.payer.raw}
    await world.send(world.thief, world.shop.raw, "notification", **said)
    await world.send(world.thief, world.shop.account, "notification", **said)
    assert await read(world, reader, start) == []


async def test_what_comes_back_to_us_is_no_payment(
    world: TonWorld, reader: ChainReader, start: Cursor
) -> None:
    nobody = await new_person(world.sandbox, f"{world.shop.name}'s debtor")
    await world.sandbox.act("ruin", account=nobody.account, ruin="refuses")
    held = await world.balance()
    done = world.arrivals(await world.transfer(held, sender=world.shop, to=nobody))
    assert [(one["bounced"], one["aborted"]) for one in done] == [(False, False), (True, False)]
    assert await world.balance() == held
    assert await read(world, reader, start) == []


@pytest.mark.parametrize(("ruin", "ended"), [("refuses", 37), ("stumbles", 0)])
async def test_what_could_not_be_taken_in_is_no_payment(
    world: TonWorld, reader: ChainReader, ruin: str, ended: int
) -> None:
    """Code that ran to its end is not enough: what it wanted to send may have failed."""
    await world.sandbox.act("ruin", account=world.shop.account, ruin=ruin)
    start = await reader.start()
    (arrival,) = world.arrivals(await world.transfer(FIVE))
    assert (arrival["aborted"], arrival["exit"]) == (True, ended)
    assert await read(world, reader, start) == []


async def test_what_we_send_to_ourselves_is_no_payment(
    world: TonWorld, reader: ChainReader, start: Cursor
) -> None:
    held = await world.balance()
    done = world.arrivals(await world.transfer(held, sender=world.shop, to=world.shop))
    assert [one["aborted"] for one in done] == [False, False]
    assert await world.balance() == held
    assert await read(world, reader, start) == []


async def test_nothing_arrives_by_nothing(world: TonWorld, reader: ChainReader, start: Cursor) -> None:
    (arrival,) = world.arrivals(await world.transfer(0))
    assert not arrival["aborted"]
    assert await read(world, reader, start) == []


async def test_what_we_pay_out_is_not_taken_for_income(
    world: TonWorld, reader: ChainReader, start: Cursor
) -> None:
    await world.transfer(await world.balance(), sender=world.shop, to=world.payer)
    await world.pay(Usdt.of(7))
    assert await read(world, reader, start) == [Usdt.of(7)]


@pytest.mark.parametrize("size", [1, 2, 3, 500])
async def test_deposits_of_one_moment_are_parted_without_loss(world: TonWorld, size: int) -> None:
    reader = world.reader_of(world.config(1), transactions=size)
    start = await reader.start()
    sent = [Usdt(number) for number in range(1, 13)]  # more than tonlib gives at once
    await world.pay(*sent)
    await world.settle()
    pages = [await reader.read(start)]
    while pages[-1].more:
        pages.append(await reader.read(pages[-1].cursor))
    assert [deposit.amount for page in pages for deposit in page.deposits] == sent
    assert len(pages) == -(-len(sent) // size)
    spans = [page.span for page in pages if page.span is not None]
    assert [span.last_hash for span in spans] == [page.deposits[-1].tx_hash for page in pages]
    assert [span.first_hash for span in spans] == [page.deposits[0].tx_hash for page in pages]
    assert spans[0].first == 1, "nothing was there before"
    for page, following in pairwise(pages):
        assert following.deposits[0].at >= page.read_until >= page.deposits[-1].at


async def test_the_history_can_be_read_once_more_from_any_point(world: TonWorld) -> None:
    reader = world.reader()
    empty = await reader.start()
    await world.pay(*(Usdt(number) for number in range(1, 24)))
    await world.settle()
    deposits, end = await drain(reader, empty)
    assert await reader.cursor_at(0) == await reader.cursor_at(deposits[0].height) == empty
    assert await reader.cursor_at(deposits[-1].height + 1) == end
    with pytest.raises(ChainBehind):
        await reader.cursor_at(deposits[-1].height + 2)
    for place in (1, 9, 10, 11, 22):
        cursor = await reader.cursor_at(deposits[place].height)
        assert (await drain(reader, cursor))[0] == deposits[place:]
        between = await reader.cursor_at(deposits[place].height - 1)
        assert (await drain(reader, between))[0] == deposits[place:]


async def test_reading_costs_one_request_while_nothing_happens(world: TonWorld, start: Cursor) -> None:
    reader = world.reader()
    page = await reader.read(start)
    world.wire.calls.clear()
    again = await reader.read(page.cursor)
    assert world.wire.calls == ["raw.getAccountState"]
    assert (again.cursor, again.deposits, again.more) == (page.cursor, (), False)
    assert again.read_until - page.read_until < timedelta(minutes=1)


async def test_a_backlog_is_listed_once(world: TonWorld, start: Cursor) -> None:
    reader = world.reader_of(world.config(1), transactions=3)
    await world.pay(*(Usdt(number) for number in range(1, 12)))
    await world.settle()
    await reader.start()
    world.wire.calls.clear()
    await drain(reader, start)
    assert world.wire.calls == ["raw.getAccountState", "raw.getTransactions", "raw.getTransactions"]
