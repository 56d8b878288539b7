"""What every store promises when several do the same at once: no race is lost twice."""

from __future__ import annotations

from datetime import timedelta

import anyio.lowlevel

from ytmarket.adapters.inmemory import ManualClock
from ytmarket.application.deposits import DepositService
from ytmarket.domain import ledger
from ytmarket.domain.deposits import DepositStatus
from ytmarket.domain.errors import (
    AlreadyDone,
    InsufficientBalance,
    InsufficientStock,
    Refused,
    SignatureReplayed,
)
from ytmarket.domain.money import ZERO, Usdt
from ytmarket.domain.networks import Network
from ytmarket.domain.shop import OrderRequest, Outcome, Placed, Replayed, decide
from ytmarket.testing.contracts.concurrency import at_once
from ytmarket.testing.contracts.store_base import StorePartContract
from ytmarket.testing.contracts.world import (
    NOW,
    TERMS,
    TOPUP_TERMS,
    WALLET,
    Customer,
    World,
    answers_to,
    attempt,
    order_request,
    signature_of,
    total,
)

END = NOW + timedelta(hours=24)


async def _buy(world: World, *requests: OrderRequest) -> tuple[Outcome, ...]:
    """One desk serving a batch, with time for the others to come between."""
    async with world.unit_of_work() as uow:
        facts = await uow.desk.facts(requests, NOW)
        await anyio.lowlevel.checkpoint()
        decision = decide(requests, facts, NOW, TERMS)
        await uow.desk.record(requests, decision, answers_to(requests, decision), NOW)
        await anyio.lowlevel.checkpoint()
        await uow.commit()
    return decision.outcomes


async def _desks(world: World, batches: list[list[OrderRequest]]) -> list[Outcome]:
    """Several desks at once, each with a batch; the outcomes of all."""
    served = await at_once(batches, lambda batch: _buy(world, *batch))
    outcomes: list[Outcome] = []
    for answer in served:
        assert not isinstance(answer, Refused), answer  # a batch as a whole is never refused
        outcomes += answer
    return outcomes


def _placed(outcomes: list[Outcome]) -> list[Placed]:
    return [outcome for outcome in outcomes if isinstance(outcome, Placed)]


class RaceContract(StorePartContract):
    """Promises that take several at once to be broken."""

    async def test_two_buyers_and_one_balance(self, world: World) -> None:
        customer, product = await world.customer(250), await world.product(100, units=9)
        outcomes = await _desks(world, [[order_request(customer, product)] for _ in range(4)])
        placed = _placed(outcomes)
        assert sorted(p.order.price for p in placed) == [Usdt.of(100), Usdt.of(101)]
        assert sum(isinstance(outcome, InsufficientBalance) for outcome in outcomes) == 2
        assert await world.balance(customer) == Usdt.of(49)

    async def test_many_buyers_and_fewer_units(self, world: World) -> None:
        product, units = await world.product(1, units=5), 5
        customers = [await world.customer(10) for _ in range(8)]
        batches = [
            [order_request(customer, product) for customer in customers[first : first + 2]]
            for first in (0, 2, 4, 6)
        ]
        outcomes = await _desks(world, batches)
        placed = _placed(outcomes)
        handed_out = [unit for p in placed for unit in p.units]
        assert len(placed) == len(set(handed_out)) == units
        assert sum(isinstance(outcome, InsufficientStock) for outcome in outcomes) == 3
        found = await world.queries.product(product)
        assert found is not None
        assert found.available == 0
        left = [await world.balance(customer) for customer in customers]
        assert total(left) == Usdt.of(80) - total([p.order.price for p in placed])

    async def test_orders_of_the_same_price_at_once_drift_apart(self, world: World) -> None:
        customers = [await world.customer(1_000) for _ in range(5)]
        products = [await world.product(100, units=2) for _ in customers]
        outcomes = await _desks(
            world, [[order_request(c, p)] for c, p in zip(customers, products, strict=True)]
        )
        prices = sorted(p.order.price for p in _placed(outcomes))
        assert prices == [Usdt.of(cents) for cents in (100, 101, 102, 103, 104)]

    async def test_a_request_repeated_at_once_is_one_order(self, world: World) -> None:
        customer, product = await world.customer(100), await world.product(1, units=9)
        request = order_request(customer, product, attempt=attempt("key-1"))
        outcomes = await _desks(world, [[request] for _ in range(4)])
        (placed,) = _placed(outcomes)
        replays = [outcome for outcome in outcomes if isinstance(outcome, Replayed)]
        assert replays == [Replayed(b"order %d" % placed.order.id)] * 3
        assert await world.balance(customer) == Usdt.of(99)

    async def test_a_signature_replayed_at_once_is_one_order(self, world: World) -> None:
        customer, product = await world.customer(100), await world.product(1, units=9)
        request = order_request(customer, product, signature=signature_of(customer, "one"))
        outcomes = await _desks(world, [[request] for _ in range(4)])
        assert len(_placed(outcomes)) == 1
        assert sum(isinstance(outcome, SignatureReplayed) for outcome in outcomes) == 3
        assert await world.balance(customer) == Usdt.of(99)

    async def test_an_order_and_a_debit_by_hand_do_not_spend_the_same_money(self, world: World) -> None:
        customer, product = await world.customer(100), await world.product(60, units=9)
        debit = ledger.adjustment("debit", customer.account, Usdt.of(-60), NOW, "by hand")

        async def take() -> bool:
            async with world.unit_of_work() as uow:
                await uow.accounts.post([debit])
                await uow.commit()
            return True

        async def buy() -> bool:
            return bool(_placed(list(await _buy(world, order_request(customer, product)))))

        outcomes = await at_once([buy, take], lambda act: act())
        assert sum(outcome is True for outcome in outcomes) == 1
        assert await world.balance(customer) == Usdt.of(40)

    async def test_the_same_deposit_from_two_scanners_is_credited_once(self, world: World) -> None:
        customer = await world.customer()
        topup = await world.topup(customer, 100)
        transfer = world.transfer("99.995")
        settle = DepositService(
            new_unit_of_work=world.unit_of_work, clock=ManualClock(NOW), terms=TOPUP_TERMS
        )

        async def scan_and_settle(wallet: str) -> None:
            await world.read(Network.TRON, transfer, until=NOW, wallet=wallet)
            await settle.settle_due()

        # Scanners of two wallets of one network stand for two that do not know of each other.
        outcomes = await at_once([WALLET, "old wallet"], scan_and_settle)
        assert not [outcome for outcome in outcomes if isinstance(outcome, Refused)]
        assert await world.balance(customer) == Usdt.of("99.995")
        (record,) = await world.queries.deposits_by_hash(transfer.tx_hash)
        assert (record.status, record.topup_id) == (DepositStatus.CREDITED_AUTO, topup.id)

    async def test_a_deposit_is_credited_once_even_without_a_lock(self, world: World) -> None:
        customer = await world.customer()
        record = await world.deposit(100)
        credit = ledger.deposit_credited(
            record.id, Network.TRON, customer.account, record.deposit.amount, NOW
        )

        async def post(_: int) -> None:
            async with world.unit_of_work() as uow:
                await uow.accounts.post([credit])
                await uow.commit()

        outcomes = await at_once(range(4), post)
        assert sum(isinstance(outcome, AlreadyDone) for outcome in outcomes) == 3
        assert await world.balance(customer) == Usdt.of(100)

    async def test_the_same_top_up_amount_at_once_goes_to_one_payer(self, world: World) -> None:
        customers = [await world.customer() for _ in range(4)]

        async def ask(customer: Customer) -> str:
            async with world.unit_of_work() as uow:
                for cents in (0, 3, 6, 9):
                    amount = Usdt.of(100) + Usdt.cents(cents)
                    held = await uow.topups.reserve(Network.TRON, amount, customer.payer, NOW, END)
                    if held is not None:
                        await uow.commit()
                        return str(amount)
            return "none"

        got = await at_once(customers, ask)
        assert sorted(map(str, got)) == ["100.0", "100.03", "100.06", "100.09"]

    async def test_money_is_neither_made_nor_lost_in_a_crowd(self, world: World) -> None:
        customers = [await world.customer(30) for _ in range(4)]
        product = await world.product(7, units=12)
        batches = [[order_request(customer, product, 1) for customer in customers] for _ in range(4)]
        placed = _placed(await _desks(world, batches))
        assert len(placed) == 12
        for customer in customers:
            totals = await world.totals(customer)
            own = [p.order.price for p in placed if p.order.account_id == customer.account]
            assert totals.charged == total(own)
            assert totals.balance == Usdt.of(30) - total(own) >= ZERO
