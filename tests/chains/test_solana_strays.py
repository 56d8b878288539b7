"""USDT on Solana that was sent to another token account of our wallet is told of, and not lost sight of."""

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any

import pytest

from tests.chains.optional import require
from tests.http.shop import open_world

require("solana", "solana")
require("aiohttp", "evm")

from solders.keypair import Keypair
from solders.token.associated import get_associated_token_address
from spl.token.instructions import set_authority, transfer
from spl.token.models import AuthorityType, SetAuthorityParams, TransferParams

from ytmarket.adapters.chains.solana.chain import MINT, TOKEN_PROGRAM
from ytmarket.adapters.inmemory.database import InMemoryDatabase
from ytmarket.adapters.inmemory.leadership import InMemoryLeadership
from ytmarket.application.alarms import AlarmService
from ytmarket.application.ports.chain_auditor import AuditedReader, StrayAccount, WatchedReader
from ytmarket.application.ports.chain_reader import ChainUnavailable, ReaderError
from ytmarket.application.strays import StrayService
from ytmarket.domain.alarms import AlarmKind
from ytmarket.domain.deposits import DepositStatus
from ytmarket.domain.money import Usdt
from ytmarket.entrypoints.loops import Worker
from ytmarket.entrypoints.settings import Settings
from ytmarket.testing.chains.faults import Fault
from ytmarket.testing.chains.solana import SolanaWorld, new_solana_world
from ytmarket.testing.contracts.chain_reader import drain

pytestmark = pytest.mark.anyio


@pytest.fixture
async def world() -> AsyncIterator[SolanaWorld]:
    async with new_solana_world() as world:
        yield world


def make_over(world: SolanaWorld, units: int) -> str:
    """Somebody gives us a token account with so much in it; its address."""
    giver = Keypair()
    account = get_associated_token_address(giver.pubkey(), MINT)
    world.send(world.opening(giver.pubkey()), world.paying(units, giver.pubkey()))
    made_over = SetAuthorityParams(
        program_id=TOKEN_PROGRAM,
        account=account,
        authority=AuthorityType.ACCOUNT_OWNER,
        current_authority=giver.pubkey(),
        signers=[],
        new_authority=world.wallet,
    )
    entry = world.send(set_authority(made_over), signers=(giver,))
    assert entry.error is None, entry.error
    return str(account)


async def test_what_lies_in_other_accounts_of_ours_is_told(world: SolanaWorld) -> None:
    reader = world.reader()
    start = await reader.start()
    assert await reader.stray_accounts() == []
    await world.pay(Usdt.of(5))
    await world.make_noise()
    assert await reader.stray_accounts() == []  # what arrives where it should is no stray
    strays = [StrayAccount(address=make_over(world, units), balance=units) for units in (7, 9)]
    make_over(world, 0)  # anybody can give us empty ones
    found = await reader.stray_accounts()
    assert found == sorted(strays, key=lambda stray: stray.address)
    await world.settle()
    deposits, _ = await drain(reader, start)
    assert Usdt.of(5) in {deposit.amount for deposit in deposits}
    assert {7, 9}.isdisjoint(deposit.raw for deposit in deposits)


async def test_an_alarm_rings_while_something_lies_there(world: SolanaWorld) -> None:
    database, reader = InMemoryDatabase(), world.reader()
    alarms = AlarmService(new_unit_of_work=database.unit_of_work, queries=database.queries, clock=world.clock)
    strays = StrayService(alarms=alarms)
    await strays.look(reader)
    assert await database.queries.alarms() == []
    addresses = [make_over(world, 1_500_000) for _ in range(5)]
    for _ in range(2):
        await strays.look(reader)
    (rung,) = await database.queries.alarms()
    assert (rung.alarm.kind, rung.alarm.subject) == (AlarmKind.NETWORK_DIFFERENCE, "usdt_solana")
    assert rung.alarm.detail.startswith("7.5 USDT of ours lie beside the account that is read, in ")
    assert f"{', '.join(sorted(addresses)[:3])} and 2 more." in rung.alarm.detail
    async with world.failing(Fault.HANGS_UP):
        with pytest.raises(ReaderError):
            await strays.look(reader)
    assert await database.queries.alarms() != []
    for address in addresses:
        from_there = TransferParams(
            program_id=TOKEN_PROGRAM,
            source=type(world.wallet).from_string(address),
            dest=get_associated_token_address(world.payer, MINT),
            owner=world.wallet,
            amount=1_500_000,
            signers=[],
        )
        world.send(transfer(from_there), signers=(world.owner,))
    await strays.look(reader)
    assert await database.queries.alarms() == []


async def test_what_is_moved_as_the_alarm_says_arrives_as_a_deposit_to_be_credited(
    world: SolanaWorld,
) -> None:
    shop, reader = open_world(), world.reader()
    world.send(world.opening())
    stray = make_over(world, 7_500_000)
    await world.settle()
    await shop.services.scan.scan(reader)
    await StrayService(alarms=shop.services.alarms).look(reader)
    (rung,) = await shop.services.queries.alarms()
    assert "Credit that one with `ytmarket deposits credit`, and nothing by hand." in rung.alarm.detail
    moved = TransferParams(
        program_id=TOKEN_PROGRAM,
        source=type(world.wallet).from_string(stray),
        dest=world.account,
        owner=world.wallet,
        amount=7_500_000,
        signers=[],
    )
    entry = world.send(transfer(moved), signers=(world.owner,))
    await world.settle()
    assert await shop.services.scan.scan(reader) == 1
    await shop.services.deposits.settle_due()
    (record,) = await shop.services.queries.deposits_by_hash(entry.signature)
    assert (record.status, record.deposit.amount, record.deposit.sender) == (
        DepositStatus.UNMATCHED,
        Usdt.of("7.5"),
        None,
    )


async def test_accounts_that_nobody_asked_for_are_not_believed(world: SolanaWorld) -> None:
    make_over(world, 7)
    other = world.ledger.payer.pubkey()
    theirs = world.rpc.answer(
        {
            "id": 1,
            "method": "getTokenAccountsByOwner",
            "params": [str(other), {"mint": str(MINT)}, {"commitment": "finalized", "encoding": "base64"}],
        }
    )["result"]
    assert theirs["value"]

    def is_mistaken(call: dict[str, Any], reply: dict[str, Any]) -> dict[str, Any]:
        return {**reply, "result": theirs} if call["method"] == "getTokenAccountsByOwner" else reply

    reader = world.reader()
    with world.node.answering(is_mistaken), pytest.raises(ChainUnavailable, match="nobody asked for"):
        await reader.stray_accounts()


async def test_solana_is_watched_and_not_audited(world: SolanaWorld) -> None:
    reader = world.reader()
    assert isinstance(reader, WatchedReader)
    assert not isinstance(reader, AuditedReader)


async def test_a_worker_looks_for_them_once_a_day(world: SolanaWorld) -> None:
    worker = Worker(open_world().services, [world.reader()], Settings(), InMemoryLeadership())
    (loop,) = [loop for loop in worker.loops if loop.name.startswith("strays:")]
    assert (loop.name, loop.pause) == ("strays:usdt_solana", timedelta(days=1))
    world.node.calls.clear()
    assert not await loop.step()
    assert "getTokenAccountsByOwner" in world.node.calls
