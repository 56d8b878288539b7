"""What a batch of orders stands on: locked and read in one round trip, in two if a guess was wrong."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

import attrs
from psycopg.rows import TupleRow

from ytmarket.adapters.postgres.arrays import numbers
from ytmarket.adapters.postgres.connections import Connection, Cursor
from ytmarket.adapters.postgres.desk_basket import Basket, DeskMemory
from ytmarket.adapters.postgres.errors import translating
from ytmarket.adapters.postgres.rows import PRODUCT_COLUMNS, product_of
from ytmarket.domain import pricing
from ytmarket.domain.catalog import Product
from ytmarket.domain.idempotency import StoredAnswer
from ytmarket.domain.ids import ProductId, UnitId
from ytmarket.domain.money import CENT_MICROS, Usdt
from ytmarket.domain.shop import AccountFacts, Facts, OrderRequest
from ytmarket.domain.signatures import UsedSignature

# A statement of its own, so that those after it see whatever the desk before has committed. It
# answers the orders' numbers, which therefore rise in the order of the commits.
OPEN_DESK: Final = """
    select nextval('order_number')
    from pg_advisory_xact_lock(7091845106227319811), generate_series(1, %s)
"""
LOCK_ACCOUNTS: Final = """
    select id, balance, frozen from account where id = any(%s::bigint[]) order by id for no key update
"""
LOCK_PRODUCTS: Final = f"""
    select {PRODUCT_COLUMNS} from product where id = any(%s::bigint[]) order by id for no key update
"""
# No more units than an account can pay for, where one is named: then a huge order that nobody can
# pay for costs no more than a small one. Rounding takes less than a cent off an order's price.
FREE_UNITS: Final = f"""
    select needed.product_id, needed.units, array(
        select stock_unit.id from stock_unit
        where stock_unit.product_id = needed.product_id and stock_unit.order_id is null
            and stock_unit.id >= needed.free_from
        order by stock_unit.id limit needed.units
    )
    from (
        select line.product_id, max(line.free_from) as free_from, sum(least(
            line.quantity, (account.balance + line.orders * {CENT_MICROS}) / product.price
        ))::bigint as units
        from unnest(%s::bigint[], %s::bigint[], %s::bigint[], %s::bigint[], %s::bigint[])
            as line (product_id, account_id, quantity, orders, free_from)
        left join account on account.id = line.account_id
        left join product on product.id = line.product_id and line.account_id is not null
        group by line.product_id
    ) as needed
"""
TAKEN_NEAR: Final = f"""
    select price_window.amount from unnest(%s::bigint[]) as candidate (amount)
    join price_window on price_window.amount
        between candidate.amount - {pricing.NEAR.micros} and candidate.amount + {pricing.NEAR.micros}
    where price_window.taken_at > %s
"""
ANSWERS: Final = """
    select api_key_id, key, digest, answer, at
    from unnest(%s::bigint[], %s::text[]) as asked (api_key_id, key)
    join idempotency using (api_key_id, key)
"""
USED_SIGNATURES: Final = """
    select api_key_id, digest from unnest(%s::bigint[], %s::bytea[]) as shown (api_key_id, digest)
    join used_signature using (api_key_id, digest)
"""


@attrs.frozen
class FactFinder:
    """Asks for everything at once, and again only for what a wrong guess has left open."""

    _connection: Connection
    _memory: DeskMemory
    _requests: Sequence[OrderRequest]
    _now: datetime

    async def find(self) -> Facts:
        basket = Basket.of(self._requests)
        guess = basket.candidates(self._memory.prices)
        with translating():
            async with self._connection.pipeline():
                order_ids = await self._ask(OPEN_DESK, len(self._requests))
                accounts = await self._ask(LOCK_ACCOUNTS, numbers({r.account_id for r in self._requests}))
                products = await self._ask(LOCK_PRODUCTS, numbers(basket.products))
                units = await self._ask_units(basket, self._memory.free_from)
                taken = await self._ask_taken(guess)
                answers = await self._ask_answers()
                signatures = await self._ask_signatures()
            on_sale = {row[0]: product_of(row) for row in await _rows(products)}
            shelf = {row[0]: (row[1], row[2]) for row in await _rows(units)}
            near = await _rows(taken)
            near += await self._look_again(basket, guess, on_sale, shelf)
            return Facts(
                accounts={row[0]: _account(row) for row in await _rows(accounts)},
                products=on_sale,
                units={product: units for product, (_, units) in shelf.items()},
                taken=frozenset(Usdt(row[0]) for row in near),
                order_ids=[row[0] for row in await _rows(order_ids)],
                answers={(row[0], row[1]): _answer(row) for row in await _rows(answers)},
                used_signatures=frozenset(UsedSignature(*row) for row in await _rows(signatures)),
            )

    async def _look_again(
        self,
        basket: Basket,
        guess: Collection[int],
        on_sale: dict[ProductId, Product],
        shelf: dict[ProductId, tuple[int, list[UnitId]]],
    ) -> list[TupleRow]:
        """Put right what the memory was wrong about; answers amounts that it had not thought of."""
        memory = self._memory
        memory.prices.update((product.id, product.price.micros) for product in on_sale.values())
        unseen = basket.candidates(memory.prices).difference(guess)
        short = {
            product
            for product, (needed, units) in shelf.items()
            if product in memory.free_from and len(units) < min(needed, on_sale[product].available)
        }
        near: list[TupleRow] = []
        if unseen or short:
            async with self._connection.pipeline():
                taken = await self._ask_taken(unseen)
                units = await self._ask_units(basket.only(short), {})
            near = await _rows(taken)
            shelf.update((row[0], (row[1], row[2])) for row in await _rows(units))
        memory.free_from.update((product, units[0]) for product, (_, units) in shelf.items() if units)
        return near

    async def _ask(self, statement: str, *parameters: Any) -> Cursor:
        return await self._connection.execute(statement, parameters)

    async def _ask_units(self, basket: Basket, free_from: Mapping[ProductId, UnitId]) -> Cursor | None:
        if not basket.lines:
            return None
        return await self._ask(
            FREE_UNITS,
            numbers(product for product, _ in basket.lines),
            numbers(account for _, account in basket.lines),
            numbers(units for units, _ in basket.lines.values()),
            numbers(orders for _, orders in basket.lines.values()),
            numbers(free_from.get(product, 0) for product, _ in basket.lines),
        )

    async def _ask_taken(self, candidates: Collection[int]) -> Cursor | None:
        if not candidates:
            return None
        return await self._ask(TAKEN_NEAR, numbers(candidates), self._now - pricing.WINDOW)

    async def _ask_answers(self) -> Cursor | None:
        asked = [(r.api_key_id, r.attempt.key) for r in self._requests if r.attempt is not None]
        if not asked:
            return None
        return await self._ask(ANSWERS, numbers(key for key, _ in asked), [name for _, name in asked])

    async def _ask_signatures(self) -> Cursor | None:
        shown = [r.signature for r in self._requests if r.signature is not None]
        if not shown:
            return None
        return await self._ask(
            USED_SIGNATURES, numbers(s.api_key_id for s in shown), [s.digest for s in shown]
        )


async def _rows(cursor: Cursor | None) -> list[TupleRow]:
    return [] if cursor is None else await cursor.fetchall()


def _account(row: TupleRow) -> AccountFacts:
    return AccountFacts(balance=Usdt(row[1]), frozen=row[2])


def _answer(row: TupleRow) -> StoredAnswer:
    return StoredAnswer(digest=row[2], answer=row[3], at=row[4])
