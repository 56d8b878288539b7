"""What every store promises of questions that change nothing."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, Final

import attrs
import pytest

from ytmarket.application.errors import Unavailable
from ytmarket.application.ports.queries import Listing, OrderFilter, Paging, Queries
from ytmarket.domain import ledger, orders
from ytmarket.domain.audit import AuditEntry
from ytmarket.domain.catalog import Category, Product, ProductFilter
from ytmarket.domain.deposits import DepositStatus, UnmatchedReason
from ytmarket.domain.ids import AccountId, DepositId, OrderId, ProductId, TopupId
from ytmarket.domain.money import Usdt
from ytmarket.domain.networks import Network
from ytmarket.domain.order_states import OrderStatus
from ytmarket.domain.webhooks import Delivery
from ytmarket.testing.contracts.store_base import StorePartContract
from ytmarket.testing.contracts.world import NOW, SECOND, World

FIRST: Final = Paging()
FAR = Paging(page=9, page_size=2)
ANY = ProductFilter(min_available=0)


def _ids(listing: Listing[Product]) -> list[ProductId]:
    return [product.id for product in listing.rows]


class QueriesContract(StorePartContract):
    """The promises of the `Queries` port.

    The fixture `unreachable_queries`, Queries of a store that is not there, is optional.
    """

    @pytest.fixture
    def unreachable_queries(self) -> Queries:
        pytest.skip("give the fixture `unreachable_queries`: Queries of a store that does not answer")

    async def test_nothing_of_another_account_is_in_an_answer(self, world: World) -> None:
        own, other = await world.customer(10), await world.customer(10)
        product = await world.product(1, units=2)
        order, topup = await world.order(other, product), await world.topup(other, 100)
        assert await world.queries.order(own.account, order.id) is None
        assert await world.queries.topup(own.account, topup.id) is None
        for listing in (
            await world.queries.orders(own.account, Paging()),
            await world.queries.topups(own.account, Paging()),
        ):
            assert not listing.rows
            assert listing.total == 0
        statement = await world.queries.transfers(own.account, Paging())
        assert {transfer.account_id for transfer in statement.rows} == {own.account}
        assert await world.queries.keys([own.digest]) == {own.digest: own.key}
        assert set(await world.queries.totals([own.account])) == {own.account}

    async def test_a_page_past_the_end_is_empty_and_its_total_true(self, world: World) -> None:
        customer, product = await world.customer(10), await world.product(1, units=2)
        await world.order(customer, product)
        await world.topup(customer, 100)
        record = await world.deposit(7)
        queries, account = world.queries, customer.account
        for listing, total in (
            (await queries.products(ANY, FAR), 1),
            (await queries.orders(account, FAR), 1),
            (await queries.topups(account, FAR), 1),
            (await queries.transfers(account, FAR), 2),
            (await queries.key_summaries(FAR), 1),
            (await queries.deposits(record.status, FAR), 1),
        ):
            assert not listing.rows
            assert listing.total == total
            assert listing.paging == FAR

    async def test_questions_to_a_store_that_does_not_answer_are_unavailable(
        self, unreachable_queries: Queries
    ) -> None:
        with pytest.raises(Unavailable):
            await unreachable_queries.product(ProductId(1))

    async def test_unknown_digests_are_absent(self, world: World) -> None:
        customer = await world.customer()
        assert await world.queries.keys([]) == {}
        assert await world.queries.keys([customer.digest, bytes(32)]) == {customer.digest: customer.key}

    async def test_products_are_sorted_by_id_and_paged(self, world: World) -> None:
        keys = [await world.product(price, units=1) for price in (3, 1, 2)]
        first = await world.queries.products(ANY, Paging(page=1, page_size=2))
        second = await world.queries.products(ANY, Paging(page=2, page_size=2))
        assert [*_ids(first), *_ids(second)] == keys
        assert first.total == second.total == 3

    async def test_products_are_filtered_as_the_domain_filters_them(self, world: World) -> None:
        mail = await world.product("1.50", units=2, category="Mail")
        game = await world.product(9, units=5, category="Games", sku="g")
        empty = await world.product("1.49", category="Mail")
        for wanted, keys in (
            (ANY, [mail, game, empty]),
            (ProductFilter(), [mail, game]),
            (ProductFilter(min_available=3), [game]),
            (ProductFilter(category="Mail"), [mail]),
            (ProductFilter(category="Mail", min_available=0), [mail, empty]),
            (ProductFilter(category="mail"), []),
            (ProductFilter(sku="g"), [game]),
            (ProductFilter(min_price=Usdt.of("1.50")), [mail, game]),
            (ProductFilter(max_price=Usdt.of("1.50")), [mail]),
            (ProductFilter(min_price=Usdt.of("1.500001")), [game]),
            (ProductFilter(sku="g", category="Mail"), []),
        ):
            found = await world.queries.products(wanted, Paging())
            assert _ids(found) == keys, wanted
            assert found.total == len(keys)
            assert all(wanted.admits(product) for product in found.rows)

    async def test_categories_are_those_with_stock(self, world: World) -> None:
        await world.product(2, units=1, category="Mail")
        await world.product(1, category="Mail")
        await world.product(3, units=4, category="Mail")
        await world.product(5, units=1, category="Games")
        await world.product(1, category="Empty")
        assert list(await world.queries.categories()) == [
            Category(name="Games", products=1, min_price=Usdt.of(5)),
            Category(name="Mail", products=2, min_price=Usdt.of(2)),
        ]

    async def test_an_order_is_found_by_its_owner_and_by_operators(self, world: World) -> None:
        customer, product = await world.customer(10), await world.product(1)
        await world.stock(product, ["a", "b"])
        order = await world.order(customer, product, 2)
        await world.move(order.id, lambda locked: orders.deliver(locked, NOW))
        for account in (customer.account, None):
            found = await world.queries.order(account, order.id)
            assert found is not None
            assert found.order.status == "completed"
            assert [item.sealed for item in found.items] == [b"sealed a", b"sealed b"]
        assert await world.queries.order(None, OrderId(404)) is None

    async def test_orders_come_newest_first(self, world: World) -> None:
        one, two = await world.customer(10), await world.customer(10)
        product = await world.product(1, units=3)
        placed = [
            await world.order(customer, product, now=NOW + number * SECOND)
            for number, customer in enumerate((one, two, one))
        ]
        mine = await world.queries.orders(one.account, Paging())
        assert list(mine.rows) == [placed[2], placed[0]]
        everybodys = await world.queries.orders(None, Paging(page=1, page_size=2))
        assert list(everybodys.rows) == [placed[2], placed[1]]
        assert everybodys.total == 3

    async def test_topups_come_newest_first_and_tell_how_far_their_network_was_read(
        self, world: World
    ) -> None:
        customer = await world.customer()
        old = await world.topup(customer, 100)
        new = await world.topup(customer, 200, network=Network.TON, now=NOW + SECOND)
        await world.read(Network.TRON, until=NOW)
        listing = await world.queries.topups(customer.account, Paging())
        assert [(view.topup, view.read_until) for view in listing.rows] == [(new, None), (old, NOW)]
        view = await world.queries.topup(customer.account, old.id)
        assert view is not None
        assert (view.topup, view.read_until) == (old, NOW)

    async def test_an_unknown_topup_is_none(self, world: World) -> None:
        customer = await world.customer()
        for unknown in ("00000000-0000-4000-8000-000000000404", "not a uuid", ""):
            assert await world.queries.topup(customer.account, TopupId(unknown)) is None

    async def test_unmatched_deposits_come_newest_first_without_dust(self, world: World) -> None:
        kept = []
        for number, (amount, reason) in enumerate(
            (
                ("5", UnmatchedReason.NO_SUCH_AMOUNT),
                ("0.5", UnmatchedReason.DUST),
                ("6", UnmatchedReason.OVER),
            )
        ):
            record = await world.deposit(amount, at=NOW + number * SECOND)
            aside = attrs.evolve(record, status=DepositStatus.UNMATCHED, reason=reason)
            async with world.unit_of_work() as uow:
                await uow.deposits.save(aside)
                await uow.commit()
            kept.append(aside)
        await world.deposit(7)
        found = await world.queries.deposits(DepositStatus.UNMATCHED, Paging())
        assert list(found.rows) == [kept[2], kept[0]]
        assert found.total == 2
        dust = await world.queries.deposits(DepositStatus.UNMATCHED, Paging(), dust=True)
        assert (list(dust.rows), dust.total) == ([kept[1]], 1)

    async def test_a_statement_comes_newest_first(self, world: World) -> None:
        customer = await world.customer()
        posted = [
            ledger.adjustment(str(n), customer.account, Usdt.of(n), NOW + n * SECOND, "why")
            for n in (1, 2, 3)
        ]
        async with world.unit_of_work() as uow:
            await uow.accounts.post(posted)
            await uow.commit()
        found = await world.queries.transfers(customer.account, Paging(page=1, page_size=2))
        assert list(found.rows) == [posted[2], posted[1]]
        assert found.total == 3

    async def test_keys_are_listed_by_id_with_their_balances(self, world: World) -> None:
        one, two = await world.customer(1), await world.customer(2)
        async with world.unit_of_work() as uow:
            await uow.api_keys.revoke(one.key.id, NOW)
            await uow.commit()
        found = await world.queries.key_summaries(Paging())
        assert [(row.key.id, row.balance) for row in found.rows] == [
            (one.key.id, Usdt.of(1)),
            (two.key.id, Usdt.of(2)),
        ]
        assert found.rows[0].key.revoked_at == NOW
        assert found.total == 2

    async def test_the_latest_audit_rows_come_newest_first(self, world: World) -> None:
        async with world.unit_of_work() as uow:
            for number in range(3):
                await uow.audit.append(
                    AuditEntry(at=NOW + timedelta(minutes=number), actor="a", action="b", target=str(number))
                )
            await uow.commit()
        earlier = await world.queries.audit_rows(limit=2, offset=1)
        assert [row.number for row in earlier] == [2, 1]
        rows = await world.queries.audit_rows(limit=2)
        assert [(row.number, row.entry.target) for row in rows] == [(3, "2"), (2, "1")]

    async def test_an_accounts_newest_live_key_names_it(self, world: World) -> None:
        one, two = await world.customer(), await world.customer()
        async with world.unit_of_work() as uow:
            newer = attrs.evolve(one.key, id=await uow.api_keys.next_id(), fp="newer")
            newest = attrs.evolve(one.key, id=await uow.api_keys.next_id(), fp="newest")
            for number, key in enumerate((newer, newest)):
                await uow.api_keys.add(key, bytes([number]) * 32)
            await uow.api_keys.revoke(newest.id, NOW)
            await uow.api_keys.revoke(two.key.id, NOW)
            await uow.commit()
        accounts = [one.account, two.account, AccountId(404)]
        assert await world.queries.fingerprints(accounts) == {one.account: "newer", two.account: two.key.fp}
        assert await world.queries.fingerprints([]) == {}

    async def test_an_orders_events_come_oldest_first_with_how_they_fare(self, world: World) -> None:
        customer, product = await world.customer(10), await world.product(1, units=2)
        url = "https://shop.example/hook"
        order, other = [await world.order(customer, product, webhook_url=url) for _ in range(2)]
        await world.move(order.id, lambda locked: orders.cancel(locked, "asked for", NOW))
        async with world.unit_of_work() as uow:
            (job,) = await uow.webhooks.claim(NOW, NOW + SECOND, "token", limit=1)
            await uow.webhooks.record(job, Delivery.EXHAUSTED, None, 410)
            await uow.commit()
        events = await world.queries.events(job.event.order_id)
        assert [(told.event.status, told.delivery, told.attempts, told.last_status) for told in events][
            :1
        ] == [(job.event.status, Delivery.EXHAUSTED, 1, 410)]
        told = [event for number in (order.id, other.id) for event in await world.queries.events(number)]
        assert len({event.event.id for event in told}) == len(told)
        assert {event.event.order_id for event in await world.queries.events(order.id)} == {order.id}
        assert await world.queries.events(OrderId(404)) == []

    async def test_orders_are_found_by_what_an_operator_knows_of_them(self, world: World) -> None:
        ann, bob = await world.customer(100), await world.customer(100)
        mail, games = await world.product(10, units=2), await world.product(10, units=1)
        one, two, three = (
            await world.order(ann, mail, 1),
            await world.order(ann, games, 1),
            await world.order(bob, mail, 1),
        )
        await world.move(one.id, lambda order: orders.deliver(order, NOW))

        async def found(paging: Paging = FIRST, **wanted: Any) -> tuple[list[OrderId], int]:
            listing = await world.queries.find_orders(OrderFilter(**wanted), paging)
            return [order.id for order in listing.rows], listing.total

        assert await found() == ([three.id, two.id, one.id], 3)
        assert await found(Paging(page=2, page_size=2)) == ([one.id], 3)
        assert await found(fp=ann.key.fp) == ([two.id, one.id], 2)
        assert await found(product=mail) == ([three.id, one.id], 2)
        assert await found(status=OrderStatus.PROCESSING) == ([three.id, two.id], 2)
        assert await found(fp=ann.key.fp, product=mail, status=OrderStatus.COMPLETED) == ([one.id], 1)
        for nothing in ({"fp": "0" * 12}, {"product": ProductId(404)}, {"status": OrderStatus.EXPIRED}):
            assert await found(**nothing) == ([], 0)

    async def test_acts_that_no_audit_row_tells_of_are_named(self, world: World) -> None:
        assert await world.queries.acts_untold(limit=9) == []
        ann = await world.customer(5)
        key = f"key:{ann.key.fp}"
        assert await world.queries.acts_untold(limit=9) == ["adjustments", key]
        assert await world.queries.acts_untold(limit=1) == ["adjustments"]
        await world.read(Network.TRON, world.transfer(7), until=NOW)
        async with world.unit_of_work() as uow:
            await uow.accounts.post(
                [ledger.deposit_returned(DepositId(1), Network.TRON, Usdt.of(7), NOW, "sent back")]
            )
            await uow.commit()
        assert await world.queries.acts_untold(limit=9) == ["adjustments", "deposit:1", key]
        rows = {"api_key.replace": ("key:former", {"after": ann.key.fp}), "deposit.return": ("deposit:1", {})}
        async with world.unit_of_work() as uow:
            for action, (target, details) in rows.items():
                entry = AuditEntry(at=NOW, actor="a", action=action, target=target, details=details)
                await uow.audit.append(entry)
            await uow.commit()
        assert await world.queries.acts_untold(limit=9) == ["adjustments"]
        async with world.unit_of_work() as uow:
            await uow.audit.append(AuditEntry(at=NOW, actor="a", action="api_key.credit", target=key))
            await uow.commit()
        assert await world.queries.acts_untold(limit=9) == []

    async def test_the_audit_trail_is_read_from_its_beginning_piece_by_piece(self, world: World) -> None:
        assert await world.queries.audit_trail(None, limit=2) == []
        async with world.unit_of_work() as uow:
            for number in range(3):
                await uow.audit.append(AuditEntry(at=NOW, actor="a", action="b", target=str(number)))
            await uow.commit()
        first = await world.queries.audit_trail(None, limit=2)
        rest = await world.queries.audit_trail(2, limit=2)
        assert [row.number for row in (*first, *rest)] == [1, 2, 3]
        assert await world.queries.audit_trail(3, limit=2) == []
        assert await world.queries.audit_rows(limit=3) == [*reversed(rest), *reversed(first)]
