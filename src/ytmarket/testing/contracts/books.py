"""What everybody promises who recomputes the books."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import timedelta

from ytmarket.application.ports.books import Books
from ytmarket.domain import orders
from ytmarket.domain.ids import AccountId
from ytmarket.testing.contracts.store_base import StorePartContract
from ytmarket.testing.contracts.world import NOW, World

MINUTE = timedelta(minutes=1)
Spoil = Callable[[AccountId], Awaitable[None]]


async def _trade(world: World) -> AccountId:
    """A customer with a delivered, a refunded and an open order."""
    customer, product = await world.customer(10), await world.product(1, units=3)
    placed = [await world.order(customer, product) for _ in range(3)]
    await world.move(placed[0].id, lambda order: orders.deliver(order, NOW))
    await world.move(placed[1].id, lambda order: orders.fail(order, "no", NOW))
    await world.move(placed[1].id, lambda order: orders.refund(order, NOW))
    return customer.account


class BooksContract(StorePartContract):
    """The promises of the `Books` port.

    Beside a store's fixtures it needs `books` of that store, and `spoil`: a way to make an account's
    balance a micro too much behind the store's back, and to take it away when called again.
    """

    async def test_what_the_shop_has_kept_has_no_mismatch(self, world: World, books: Books) -> None:
        assert await books.check() == []
        assert await books.check_changes(NOW, every=MINUTE) == []
        await _trade(world)
        assert await books.check() == []
        assert await books.check_changes(NOW + MINUTE, every=MINUTE) == []

    async def test_a_mismatch_is_found_by_every_check_until_it_is_put_right(
        self, world: World, books: Books, spoil: Spoil
    ) -> None:
        account = await _trade(world)
        await _trade(world)
        assert await books.check_changes(NOW, every=MINUTE) == []
        await spoil(account)
        for look in (1, 2):
            (found,) = await books.check()
            assert (found.what, found.account_id) == ("balance", account)
            assert f"account {account}" in str(found)
            assert await books.check_changes(NOW + look * MINUTE, every=MINUTE) == [found]
        await spoil(account)
        assert await books.check() == []
        assert await books.check_changes(NOW + 3 * MINUTE, every=MINUTE) == []

    async def test_when_somebody_looked_last_is_told(self, world: World, books: Books) -> None:
        assert await world.queries.books_checked_at() is None
        for now in (NOW, NOW + MINUTE):
            assert await books.check_changes(now, every=MINUTE) == []
            assert await books.check_changes(now + MINUTE / 2, every=MINUTE) is None
            assert await world.queries.books_checked_at() == now

    async def test_changes_are_not_looked_for_too_soon_again(self, world: World, books: Books) -> None:
        await _trade(world)
        assert await books.check_changes(NOW, every=MINUTE) == []
        assert await books.check_changes(NOW + MINUTE // 2, every=MINUTE) is None
        assert await books.check_changes(NOW + MINUTE, every=MINUTE) == []
