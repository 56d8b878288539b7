"""What every store promises of the order desk."""

from __future__ import annotations

from datetime import timedelta

import pytest

from ytmarket.application.ports.queries import Paging
from ytmarket.domain import orders, pricing
from ytmarket.domain.errors import InsufficientBalance, ProductNotFound, Refused, SignatureReplayed
from ytmarket.domain.ids import ProductId
from ytmarket.domain.ledger import adjustment
from ytmarket.domain.money import Usdt
from ytmarket.domain.order_states import OrderStatus
from ytmarket.domain.shop import Facts, OrderRequest, Placed, Replayed, decide
from ytmarket.testing.contracts.concurrency import while_open
from ytmarket.testing.contracts.store_base import StorePartContract
from ytmarket.testing.contracts.world import (
    NOW,
    SECOND,
    TERMS,
    World,
    answers_to,
    attempt,
    order_request,
    signature_of,
)

URL = "https://receiver.example/hook"


async def _facts(world: World, *requests: OrderRequest) -> Facts:
    async with world.unit_of_work() as uow:
        return await uow.desk.facts(requests, NOW)


class OrderDeskContract(StorePartContract):
    """The promises of the `OrderDeskRepository` port."""

    async def test_facts_tell_balances_products_and_units(self, world: World) -> None:
        one, two = await world.customer(10), await world.customer(20)
        product = await world.product("2.50", units=6)
        facts = await _facts(world, order_request(one, product, 2), order_request(two, product, 3))
        assert {account: known.balance for account, known in facts.accounts.items()} == {
            one.account: Usdt.of(10),
            two.account: Usdt.of(20),
        }
        assert facts.products == {product: await world.queries.product(product)}
        assert len(set(facts.units[product])) >= 5  # as many as the whole batch can need
        assert facts.answers == {}
        assert not facts.used_signatures

    async def test_fewer_units_than_wanted_are_all_there_are(self, world: World) -> None:
        customer, product = await world.customer(10), await world.product(1, units=2)
        facts = await _facts(world, order_request(customer, product, 9))
        assert len(facts.units[product]) == facts.products[product].available == 2

    async def test_an_unknown_product_is_not_among_the_facts(self, world: World) -> None:
        customer = await world.customer(10)
        (outcome,) = (await world.place(order_request(customer, ProductId(404)))).outcomes
        assert isinstance(outcome, ProductNotFound)

    async def test_a_request_that_is_no_order_has_facts_too(self, world: World) -> None:
        customer = await world.customer(10)
        request = OrderRequest(
            account_id=customer.account, api_key_id=customer.key.id, command=ProductNotFound()
        )
        assert (await world.place(request)).outcomes == (request.command,)

    async def test_every_request_gets_a_number_of_its_own(self, world: World) -> None:
        customer, product = await world.customer(10), await world.product(1, units=2)
        requests = [order_request(customer, product)] * 3
        first, second = await _facts(world, *requests), await _facts(world, *requests)
        assert len({*first.order_ids, *second.order_ids}) == 6

    async def test_recording_keeps_all_of_it_together(self, world: World) -> None:
        customer, product = await world.customer(10), await world.product("2.50", units=3)
        made, signature = attempt("key-1"), signature_of(customer, "one")
        request = order_request(customer, product, 2, webhook_url=URL, attempt=made, signature=signature)
        (placed,) = (await world.place(request)).outcomes
        assert isinstance(placed, Placed)
        assert await world.balance(customer) == Usdt.of(5)
        found = await world.queries.order(customer.account, placed.order.id)
        assert found is not None
        assert found.order == placed.order
        assert not found.items
        shelf = await world.queries.product(product)
        assert shelf is not None
        assert shelf.available == 1
        async with world.unit_of_work() as uow:
            assert not await uow.requests.use_signature(signature, NOW)
            stored = await uow.requests.hold(customer.key.id, made)
            assert stored is not None
            assert stored.replay(made) == b"order %d" % placed.order.id
            (job,) = await uow.webhooks.claim(NOW, NOW + SECOND, "lease", limit=10)
        assert job.order == placed.order
        assert job.event.status == OrderStatus.PROCESSING

    async def test_what_is_not_committed_was_not_ordered(self, world: World) -> None:
        customer, product = await world.customer(10), await world.product(1, units=1)
        made, signature = attempt("key-1"), signature_of(customer, "one")
        requests = [order_request(customer, product, attempt=made, signature=signature)]
        async with world.unit_of_work() as uow:
            facts = await uow.desk.facts(requests, NOW)
            decision = decide(requests, facts, NOW, TERMS)
            await uow.desk.record(requests, decision, answers_to(requests, decision), NOW)
        assert await world.balance(customer) == Usdt.of(10)
        (placed,) = (await world.place(*requests)).outcomes
        assert isinstance(placed, Placed)
        assert placed.order.hits == 0

    async def test_facts_that_are_true_no_more_are_not_recorded(self, world: World) -> None:
        one, two = await world.customer(10), await world.customer(10)
        product = await world.product(1, units=1)
        requests = [order_request(one, product)]
        async with world.unit_of_work() as uow:
            stale = decide(requests, await uow.desk.facts(requests, NOW), NOW, TERMS)
        await world.order(two, product)
        with pytest.raises(Refused):
            async with world.unit_of_work() as uow:
                await uow.desk.record(requests, stale, {}, NOW)
                await uow.commit()
        assert await world.balance(one) == Usdt.of(10)
        assert not (await world.queries.orders(one.account, Paging())).rows

    async def test_a_refusal_in_a_batch_touches_nobody_elses_order(self, world: World) -> None:
        rich, poor = await world.customer(10), await world.customer("0.50")
        product = await world.product(1, units=9)
        signature = signature_of(poor, "one")
        refused_request = order_request(poor, product, signature=signature)
        first, refused, last = (
            await world.place(
                order_request(rich, product, 2), refused_request, order_request(rich, product, 3)
            )
        ).outcomes
        assert isinstance(first, Placed)
        assert isinstance(refused, InsufficientBalance)
        assert isinstance(last, Placed)
        assert not set(first.units) & set(last.units)
        assert await world.balance(rich) == Usdt.of(5)
        assert await world.balance(poor) == Usdt.of("0.50")
        # Refused or not, a request uses its signature up.
        (again,) = (await world.place(refused_request)).outcomes
        assert isinstance(again, SignatureReplayed)

    async def test_a_repeated_request_finds_its_answer(self, world: World) -> None:
        customer, product = await world.customer(10), await world.product(1, units=5)
        request = order_request(customer, product, attempt=attempt("key-1"))
        (placed,) = (await world.place(request)).outcomes
        assert isinstance(placed, Placed)
        (again,) = (await world.place(request)).outcomes
        assert again == Replayed(b"order %d" % placed.order.id)
        assert await world.balance(customer) == Usdt.of(9)

    async def test_an_answer_from_another_path_is_found_too(self, world: World) -> None:
        customer, product = await world.customer(10), await world.product(1, units=5)
        made = attempt("key-1")
        async with world.unit_of_work() as uow:
            await uow.requests.keep(customer.key.id, made, b"a top-up", NOW)
            await uow.commit()
        (outcome,) = (await world.place(order_request(customer, product, attempt=made))).outcomes
        assert outcome == Replayed(b"a top-up")

    async def test_an_amount_counts_for_a_quarter_of_an_hour(self, world: World) -> None:
        customer, product = await world.customer(1_000), await world.product(100, units=5)
        window = timedelta(minutes=15)
        await world.order(customer, product)
        just_inside = await world.order(customer, product, now=NOW + window - SECOND)
        assert (just_inside.price, just_inside.hits) == (Usdt.of(101), 1)
        outside = await world.order(customer, product, now=NOW + window)
        assert (outside.price, outside.hits) == (Usdt.of(100), 0)

    async def test_an_amount_two_cents_away_counts_and_three_cents_away_does_not(self, world: World) -> None:
        customer = await world.customer(1_000)
        await world.order(customer, await world.product(100, units=1))
        near = await world.order(customer, await world.product("100.02", units=1))
        assert near.hits == 1
        await world.order(customer, await world.product(200, units=1))
        far = await world.order(customer, await world.product("199.97", units=1))
        assert far.hits == 0

    async def test_past_the_last_step_the_price_stays(self, world: World) -> None:
        customer, product = await world.customer(100), await world.product(1, units=13)
        placed = [await world.order(customer, product) for _ in range(13)]
        cents = [order.price.micros // 10_000 for order in placed]
        # Steps of a cent lie within two cents of each other, so each order skips two of them.
        assert cents[:4] == [100, 103, 106, 109]
        assert set(cents[4:]) == {110}
        assert placed[-1].hits == pricing.CAP_PERCENT + 1

    async def test_orders_of_one_batch_see_each_others_amounts(self, world: World) -> None:
        customer, product = await world.customer(1_000), await world.product(100, units=3)
        decision = await world.place(*[order_request(customer, product)] * 3)
        placed = [outcome for outcome in decision.outcomes if isinstance(outcome, Placed)]
        assert [p.order.price for p in placed] == [Usdt.of(100), Usdt.of(101), Usdt.of(102)]

    async def test_an_undelivered_order_does_not_make_the_next_one_dearer(self, world: World) -> None:
        customer, product = await world.customer(1_000), await world.product(100, units=9)
        for step in (
            lambda order: orders.fail(order, "no", NOW),
            lambda order: orders.expire(order, NOW),
            lambda order: orders.cancel(order, "no", NOW),
        ):
            order = await world.order(customer, product)
            assert order.hits == 0
            await world.move(order.id, step)
        await world.move((await world.order(customer, product)).id, lambda order: orders.deliver(order, NOW))
        assert (await world.order(customer, product)).hits == 1

    async def test_nobody_else_orders_between_the_facts_and_the_end(self, world: World) -> None:
        one, two = await world.customer(10), await world.customer(10)
        product = await world.product(1, units=1)
        happened = await while_open(
            world.unit_of_work,
            lambda uow: uow.desk.facts([order_request(one, product)], NOW),
            lambda uow: uow.desk.facts([order_request(two, product)], NOW),
        )
        assert happened == ["first ended", "second done"]

    async def test_nobody_else_changes_a_balance_between_the_facts_and_the_end(self, world: World) -> None:
        customer, product = await world.customer(10), await world.product(1, units=1)
        debit = adjustment("debit", customer.account, Usdt.of(-10), NOW, "by hand")
        happened = await while_open(
            world.unit_of_work,
            lambda uow: uow.desk.facts([order_request(customer, product)], NOW),
            lambda uow: uow.accounts.post([debit]),
        )
        assert happened == ["first ended", "second done"]
