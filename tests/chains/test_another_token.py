"""A further network whose token is edited: reading begins anew, and nothing of the old token is touched."""

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import attrs
import pytest

from tests.chains.optional import require

require("web3", "evm")

from ytmarket.adapters.chains.evm.chains import CHAINS
from ytmarket.adapters.chains.evm.reader import EvmReader
from ytmarket.adapters.inmemory.database import InMemoryDatabase
from ytmarket.application.alarms import AlarmService
from ytmarket.application.coverage import CoverageService
from ytmarket.application.deposits import ScanService
from ytmarket.application.errors import Unavailable
from ytmarket.application.paying import Payees
from ytmarket.application.reconciliation import ReconciliationService
from ytmarket.domain.further_networks import source_of
from ytmarket.domain.money import Usdt
from ytmarket.domain.networks import ADDED, FACTS, Network
from ytmarket.domain.reconciliation import Holding
from ytmarket.testing.chains.evm import EvmWorld, lay_out, new_evm_world

pytestmark = pytest.mark.anyio

CHAIN = CHAINS[Network.POLYGON]
OTHER = attrs.evolve(CHAIN, token="0x" + "7E" * 20)
NETWORK = CHAIN.network


@pytest.fixture
async def world(anvil_program: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[EvmWorld]:
    """Polygon as if a file had added it, with two tokens on it."""
    monkeypatch.setitem(ADDED, NETWORK.value, NETWORK)
    async with new_evm_world(anvil_program, CHAIN) as world:
        await lay_out(world.anvil, OTHER)
        yield world


@attrs.define
class Shop:
    """No more than what is read, and compared at once."""

    world: EvmWorld
    database: InMemoryDatabase = attrs.field(factory=InMemoryDatabase)

    @property
    def scanner(self) -> ScanService:
        return ScanService(new_unit_of_work=self.database.unit_of_work, clock=self.world.clock)

    @property
    def checks(self) -> ReconciliationService:
        uow, queries, clock = self.database.unit_of_work, self.database.queries, self.world.clock
        alarms = AlarmService(new_unit_of_work=uow, queries=queries, clock=clock)
        return ReconciliationService(
            new_unit_of_work=uow, clock=clock, alarms=alarms, interval=timedelta(0), patience=timedelta(0)
        )

    async def agreed(self) -> Holding | None:
        """What chain and books were last found to agree on, for the token of now."""
        later, source = self.world.clock.now() + timedelta(days=1), source_of(NETWORK, self.world.wallet)
        async with self.database.unit_of_work() as uow:
            task = await uow.reconciliation.take_up(NETWORK, source, later, later)
        assert task is not None
        return task.agreed

    async def deposits(self, *hashes: str) -> list[Usdt]:
        found = [record for tx in hashes for record in await self.database.queries.deposits_by_hash(tx)]
        return [record.deposit.amount for record in found]


async def test_another_token_is_a_new_cursor_at_the_present_head(
    world: EvmWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop, reader = Shop(world), world.reader()
    old_source = source_of(NETWORK, world.wallet)
    await shop.scanner.watch([reader])
    await shop.scanner.scan(reader)
    first = await world.pay(Usdt.of(7))
    await world.settle()
    assert await shop.scanner.scan(reader) == 1
    covered, cursor = (
        await shop.database.queries.coverage(NETWORK, old_source),
        await shop.scanner.cursor(reader),
    )
    assert cursor is not None

    other_world = attrs.evolve(world, chain=OTHER)
    unseen = await other_world.pay(Usdt.of(8))
    await world.settle()
    monkeypatch.setitem(FACTS, NETWORK, attrs.evolve(NETWORK.facts, token=OTHER.token))
    other = other_world.reader()
    payees = Payees(wallets={NETWORK: world.wallet}, only_read=True)
    async with shop.database.unit_of_work() as uow:
        with pytest.raises(Unavailable):  # nobody is told to pay before the token has been read
            await payees.address(uow, NETWORK)

    await shop.scanner.watch([other])
    assert await shop.scanner.cursor(other) is None
    assert await shop.scanner.scan(other) == 0
    seen = await other_world.pay(Usdt.of(9))
    await world.settle()
    assert await shop.scanner.scan(other) == 1
    assert await shop.deposits(first, unseen, seen) == [Usdt.of(7), Usdt.of(9)]

    source = source_of(NETWORK, world.wallet)
    assert source != old_source
    assert await shop.database.queries.coverage(NETWORK, old_source) == covered
    (began, *_) = await shop.database.queries.coverage(NETWORK, source)
    assert began.span.first > covered[-1].span.last
    assert [state.wallet for state in await shop.database.queries.network_states()] == [source]
    gaps = CoverageService(scan=shop.scanner, queries=shop.database.queries)
    assert not await gaps.gaps(NETWORK, world.wallet)
    await other_world.close()


async def test_its_balance_is_compared_anew(world: EvmWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    shop, reader = Shop(world), world.reader()
    checks = shop.checks
    await shop.scanner.scan(reader)
    for _ in range(2):  # the first look is told how far was read, and the second opens behind that
        assert not await checks.look(reader)
        await world.anvil.call("evm_increaseTime", 1)
        await world.settle()
    await shop.scanner.scan(reader)
    assert await shop.agreed() is not None

    monkeypatch.setitem(FACTS, NETWORK, attrs.evolve(NETWORK.facts, token=OTHER.token))
    other_world = attrs.evolve(world, chain=OTHER)
    await other_world.fund()  # what the wallet holds of the other token would be a difference to the old
    other = other_world.reader()
    await shop.scanner.scan(other)
    assert await shop.agreed() is None
    await other_world.close()


async def test_a_token_that_is_set_back_is_compared_anew_too(
    world: EvmWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was booked of the other one meanwhile came to the same wallet, and never in this token."""
    shop, reader, old = Shop(world), world.reader(), NETWORK.facts
    opening = shop.checks
    comparing = attrs.evolve(opening, patience=timedelta(hours=1))

    async def look(reader: EvmReader) -> None:
        for checks in (opening, opening, *[comparing] * 4):
            await checks.look(reader)
            await world.anvil.call("evm_increaseTime", 1)
            await world.settle()
            await shop.scanner.scan(reader)

    await shop.scanner.watch([reader])
    await shop.scanner.scan(reader)
    await look(reader)
    assert await shop.agreed() is not None

    monkeypatch.setitem(FACTS, NETWORK, attrs.evolve(old, token=OTHER.token))
    other_world = attrs.evolve(world, chain=OTHER)
    other = other_world.reader()
    await shop.scanner.watch([other])
    await shop.scanner.scan(other)
    await other_world.pay(Usdt.of(9))
    await world.settle()
    assert await shop.scanner.scan(other) == 1

    monkeypatch.setitem(FACTS, NETWORK, old)
    reader = world.reader()
    await shop.scanner.watch([reader])
    await shop.scanner.scan(reader)
    await look(reader)
    assert await shop.agreed() is not None
    assert await shop.database.queries.alarms() == []
    await other_world.close()


def test_the_case_of_a_token_makes_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(ADDED, NETWORK.value, NETWORK)
    written = source_of(NETWORK, "0xabc")
    monkeypatch.setitem(FACTS, NETWORK, attrs.evolve(NETWORK.facts, token=NETWORK.facts.token.lower()))
    assert source_of(NETWORK, "0xabc") == written == f"0xabc/{NETWORK.facts.token}"


def test_what_is_read_of_the_six_is_kept_under_the_wallet_alone() -> None:
    assert {source_of(network, "a wallet") for network in Network} == {"a wallet"}
