"""What every store promises of deposits and of how far chains have been read."""

from __future__ import annotations

from datetime import datetime, timedelta

import attrs
import pytest

from ytmarket.application.ports.chain_reader import Cursor, Page
from ytmarket.domain.deposits import Deposit, DepositRecord, DepositStatus, UnmatchedReason
from ytmarket.domain.ids import DepositId
from ytmarket.domain.matching import Claim, Matched, Unmatched, match_deposit
from ytmarket.domain.money import Usdt
from ytmarket.domain.networks import Network
from ytmarket.domain.topups import TopupStatus
from ytmarket.testing.contracts.concurrency import at_once
from ytmarket.testing.contracts.store_base import StorePartContract
from ytmarket.testing.contracts.world import NOW, SECOND, WALLET, World

TRON = Network.TRON
FIRST = Cursor("block 1")
SECOND_CURSOR = Cursor("block 2")


async def _keep(
    world: World,
    *deposits: Deposit,
    after: Cursor | None = None,
    cursor: Cursor = FIRST,
    until: datetime = NOW,
) -> int | None:
    page = Page(deposits=deposits, cursor=cursor, read_until=until)
    async with world.unit_of_work() as uow:
        new = await uow.deposits.keep_page(TRON, WALLET, after, page, NOW)
        await uow.commit()
    return new


async def _cursor(world: World, wallet: str = WALLET) -> Cursor | None:
    async with world.unit_of_work() as uow:
        return await uow.deposits.cursor(TRON, wallet)


async def _received(world: World, *, limit: int = 100) -> list[DepositId]:
    async with world.unit_of_work() as uow:
        return list(await uow.deposits.received(limit=limit))


async def _claims(world: World, deposit: Deposit) -> list[Claim]:
    async with world.unit_of_work() as uow:
        return list(await uow.deposits.claims(deposit))


async def _refs(world: World, deposit: Deposit) -> set[object]:
    return {claim.ref for claim in await _claims(world, deposit)}


class DepositContract(StorePartContract):
    """The promises of the `DepositRepository` port."""

    async def test_a_page_and_its_cursor_are_kept_together(self, world: World) -> None:
        assert await _cursor(world) is None
        assert await world.queries.read_until(TRON) is None
        one, two = world.transfer(1), world.transfer(2)
        assert await _keep(world, one, two) == 2
        assert await _cursor(world) == FIRST
        assert await world.queries.read_until(TRON) == NOW
        assert await world.queries.read_until(Network.BSC) is None
        assert len(await _received(world)) == 2

    async def test_how_far_was_read_tells_the_wallet_that_was_read_last(self, world: World) -> None:
        async def read_until() -> datetime | None:
            async with world.unit_of_work() as uow:
                within = await uow.deposits.read_until(TRON)
            assert within == await world.queries.read_until(TRON)
            return within

        assert await read_until() is None
        await _keep(world)
        assert await read_until() == NOW
        earlier = Page(deposits=(), cursor=FIRST, read_until=NOW - SECOND)
        async with world.unit_of_work() as uow:
            await uow.deposits.keep_page(TRON, "another wallet", None, earlier, NOW + SECOND)
            await uow.commit()
        assert await read_until() == NOW - SECOND

    async def test_neither_is_kept_without_a_commit(self, world: World) -> None:
        page = Page(deposits=(world.transfer(1),), cursor=FIRST, read_until=NOW)
        async with world.unit_of_work() as uow:
            assert await uow.deposits.keep_page(TRON, WALLET, None, page, NOW) == 1
        assert await _cursor(world) is None
        assert await _received(world) == []
        assert await world.queries.read_until(TRON) is None

    async def test_an_empty_page_moves_the_cursor(self, world: World) -> None:
        assert await _keep(world) == 0
        assert await _keep(world, after=FIRST, cursor=SECOND_CURSOR, until=NOW + SECOND) == 0
        assert await _cursor(world) == SECOND_CURSOR
        assert await world.queries.read_until(TRON) == NOW + SECOND

    async def test_a_wallet_is_read_from_its_own_cursor(self, world: World) -> None:
        await _keep(world)
        assert await _cursor(world, "another wallet") is None

    async def test_the_same_deposit_is_kept_once_ever(self, world: World) -> None:
        transfer, other = world.transfer(1), world.transfer(2)
        assert await _keep(world, transfer, transfer) == 1
        assert await _keep(world, transfer, other, after=FIRST, cursor=SECOND_CURSOR) == 1
        assert len(await _received(world)) == 2

    async def test_what_was_missed_is_kept_without_moving_the_cursor(self, world: World) -> None:
        known, missed = world.transfer(1), world.transfer(2)
        await _keep(world, known)
        async with world.unit_of_work() as uow:
            assert await uow.deposits.keep_missed([], NOW) == 0
            assert await uow.deposits.keep_missed([missed, known, missed], NOW + SECOND) == 1
            await uow.commit()
        assert await _cursor(world) == FIRST
        assert await world.queries.read_until(TRON) == NOW
        assert len(await _received(world)) == 2

    async def test_place_on_the_chain_is_what_names_a_deposit(self, world: World) -> None:
        transfer = world.transfer(1)
        second_event = attrs.evolve(transfer, event_index=1)
        assert await _keep(world, transfer, second_event) == 2
        elsewhere = attrs.evolve(transfer, network=Network.POLYGON)
        await world.read(Network.POLYGON, elsewhere, until=NOW)
        records = await world.queries.deposits_by_hash(transfer.tx_hash)
        assert {record.deposit for record in records} == {transfer, second_event, elsewhere}

    async def test_a_page_after_a_cursor_that_has_moved_on_is_not_kept(self, world: World) -> None:
        await _keep(world)
        late = world.transfer(1)
        for after in (None, SECOND_CURSOR):
            assert await _keep(world, late, after=after, cursor=Cursor("block 3")) is None
        assert await _cursor(world) == FIRST
        assert await _received(world) == []

    async def test_of_two_scanners_after_the_same_cursor_one_keeps_its_page(self, world: World) -> None:
        for after, cursor in ((None, FIRST), (FIRST, SECOND_CURSOR)):
            pages = [(world.transfer(n), after, cursor) for n in (1, 2, 3)]
            outcomes = await at_once(pages, lambda page: _keep(world, page[0], after=page[1], cursor=page[2]))
            assert sorted(outcomes, key=str) == [1, None, None]
        assert len(await _received(world)) == 2

    async def test_a_deposit_reads_as_the_chain_told_it(self, world: World) -> None:
        exact = attrs.evolve(
            world.transfer(1, network=Network.BSC), raw=1_234_567_890_123_456_789, sender=None
        )
        await world.read(Network.BSC, exact, until=NOW)
        (record,) = await world.queries.deposits_by_hash(exact.tx_hash)
        assert record == DepositRecord(id=record.id, deposit=exact)
        assert record.deposit.amount == Usdt.of("1.234567")
        async with world.unit_of_work() as uow:
            assert await uow.deposits.lock(record.id) == record

    async def test_an_unknown_deposit_is_none(self, world: World) -> None:
        async with world.unit_of_work() as uow:
            assert await uow.deposits.lock(DepositId(404)) is None
        assert not await world.queries.deposits_by_hash("no such hash")

    async def test_those_that_wait_to_be_settled_come_oldest_first(self, world: World) -> None:
        records = [await world.deposit(number, at=NOW + number * SECOND) for number in (1, 2, 3)]
        assert await _received(world) == [record.id for record in records]
        assert await _received(world, limit=2) == [record.id for record in records[:2]]
        async with world.unit_of_work() as uow:
            rest = await uow.deposits.received(limit=100, after=records[0].id)
        assert list(rest) == [record.id for record in records[1:]]

    async def test_a_settled_deposit_waits_no_more(self, world: World) -> None:
        customer = await world.customer()
        topup, record = await world.topup(customer, 100), await world.deposit(100)
        settled = attrs.evolve(
            record, status=DepositStatus.CREDITED_AUTO, account_id=customer.account, topup_id=topup.id
        )
        async with world.unit_of_work() as uow:
            await uow.deposits.lock(record.id)
            await uow.deposits.save(settled)
            await uow.commit()
        assert await _received(world) == []
        assert list(await world.queries.deposits_by_hash(record.deposit.tx_hash)) == [settled]

    async def test_why_a_deposit_was_set_aside_is_kept(self, world: World) -> None:
        customer = await world.customer()
        topup, record = await world.topup(customer, 100), await world.deposit(98)
        aside = attrs.evolve(
            record,
            status=DepositStatus.UNMATCHED,
            reason=UnmatchedReason.UNDER,
            candidate_topup_id=topup.id,
            candidate_account_id=customer.account,
            distance=Usdt.of(2),
        )
        async with world.unit_of_work() as uow:
            await uow.deposits.save(aside)
            await uow.commit()
            assert await uow.deposits.lock(record.id) == aside

    async def test_a_claim_tells_all_that_matching_needs(self, world: World) -> None:
        customer = await world.customer()
        topup = await world.topup(customer, 100)
        (claim,) = await _claims(world, world.transfer(100))
        assert claim == Claim(
            payer=customer.payer,
            ref=topup.id,
            network=TRON,
            amount=topup.amount,
            starts_at=topup.starts_at,
            expires_at=topup.expires_at,
            reserved_until=NOW + timedelta(hours=24),
            pending=True,
            paid=False,
            reservation_id=topup.reservation_id,
        )

    async def test_all_topups_of_a_reservation_are_claims(self, world: World) -> None:
        first = await world.topup(await world.customer(), 100)
        second = await world.share(first, NOW + SECOND)
        claims = await _claims(world, world.transfer("99.99"))
        assert {claim.ref for claim in claims} == {first.id, second.id}
        assert {claim.reserved_until for claim in claims} == {NOW + SECOND + timedelta(hours=24)}

    @pytest.mark.parametrize("amount", ["99.99", "100", "100.01"])
    async def test_a_claim_is_found_by_any_amount_in_its_band(self, world: World, amount: str) -> None:
        topup = await world.topup(await world.customer(), 100)
        deposit = world.transfer(amount)
        (claim,) = await _claims(world, deposit)
        assert claim.ref == topup.id
        assert match_deposit(deposit, [claim]) == Matched(claim)

    async def test_claims_on_other_networks_bear_on_it_in_the_band_only(self, world: World) -> None:
        customer = await world.customer()
        inside = await world.topup(customer, 100, network=Network.TON)
        await world.topup(customer, 200, network=Network.TON)
        for amount in ("99.99", "100", "100.01"):
            deposit = world.transfer(amount)
            assert await _refs(world, deposit) == {inside.id}
            outcome = match_deposit(deposit, await _claims(world, deposit))
            assert isinstance(outcome, Unmatched)
            assert outcome.reason is UnmatchedReason.WRONG_NETWORK
        assert await _refs(world, world.transfer("100.010001")) == set()

    async def test_the_nearest_live_claims_beside_it_bear_on_it(self, world: World) -> None:
        customer = await world.customer()
        for amount in (50, 400):
            await world.topup(customer, amount)
        below, above = await world.topup(customer, 90), await world.topup(customer, 200)
        deposit = world.transfer(100)
        assert {below.id, above.id} <= await _refs(world, deposit)
        outcome = match_deposit(deposit, await _claims(world, deposit))
        assert isinstance(outcome, Unmatched)
        assert outcome.reason is UnmatchedReason.OVER
        assert outcome.candidate is not None
        assert outcome.candidate.ref == below.id

    async def test_a_nearer_one_that_has_ended_hides_no_live_one(self, world: World) -> None:
        customer = await world.customer()
        ended = await world.topup(customer, 99, now=NOW - timedelta(days=3))
        live = await world.topup(customer, 90)
        deposit = world.transfer(100)
        refs = await _refs(world, deposit)
        assert live.id in refs
        assert ended.id not in refs

    async def test_what_ended_within_thirty_days_explains_a_late_deposit(self, world: World) -> None:
        topup = await world.topup(await world.customer(), 100)
        await world.read(TRON, until=topup.expires_at)
        await world.expire()
        late = world.transfer("99.99", at=topup.expires_at + timedelta(days=30))
        outcome = match_deposit(late, await _claims(world, late))
        assert isinstance(outcome, Unmatched)
        assert outcome.reason is UnmatchedReason.EXPIRED
        assert outcome.candidate is not None
        assert outcome.candidate.ref == topup.id
        assert not outcome.candidate.pending
        later = attrs.evolve(late, at=late.at + timedelta(days=2))
        outcome = match_deposit(later, await _claims(world, later))
        assert outcome == Unmatched(reason=UnmatchedReason.NO_SUCH_AMOUNT)

    async def test_a_paid_topup_says_so(self, world: World) -> None:
        topup, record = await world.topup(await world.customer(), 100), await world.deposit(100)
        await world.save_topup(attrs.evolve(topup, status=TopupStatus.CREDITED_AUTO, deposit_id=record.id))
        again = world.transfer(100, at=NOW + SECOND)
        (claim,) = await _claims(world, again)
        assert (claim.pending, claim.paid) == (False, True)
        outcome = match_deposit(again, [claim])
        assert isinstance(outcome, Unmatched)
        assert outcome.reason is UnmatchedReason.ALREADY_CREDITED
