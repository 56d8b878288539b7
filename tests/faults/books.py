"""What must be true of a shop's database whatever befell it, asked in SQL of the tests' own.

Each rule is a query for what breaks it. They read the tables alone, and believe no stored sum.
"""

from __future__ import annotations

from typing import Any, Final

import psycopg

RULES: Final[dict[str, str]] = {
    "an account's totals are what its transfers say": """
        select account.id, account.balance, said.*
        from account left join lateral (
            select
                coalesce(sum(case when kind = 'order_charged' then amount end), 0) as charged,
                coalesce(sum(case when kind = 'order_refunded' then amount end), 0) as refunded,
                coalesce(sum(case when kind in ('order_charged', 'order_refunded') then 0
                    when credit = 'customer:' || account.id then amount else -amount end), 0) as topped_up
            from transfer where 'customer:' || account.id in (debit, credit)
        ) as said on true
        where (account.charged, account.refunded, account.topped_up)
                <> (said.charged, said.refunded, said.topped_up)
            or account.balance <> said.topped_up - said.charged + said.refunded
            or account.balance < 0
    """,
    "no transfer names a customer that there is not": """
        select transfer.id, side from transfer, lateral (values (debit), (credit)) as sides (side)
        where side like 'customer:%' and not exists (
            select from account where 'customer:' || account.id = side
        )
    """,
    "escrow holds what was charged and is neither earned nor given back": """
        select held, owed from (
            select coalesce(sum(case when credit = 'escrow' then amount else -amount end), 0) as held
            from transfer where 'escrow' in (debit, credit)
        ) as escrow, (
            select coalesce(sum(charged - settled - refunded), 0) as owed from orders
        ) as outstanding
        where held <> owed
    """,
    "an order's money is what its transfers moved": """
        select orders.id, orders.status, orders.charged, orders.settled, orders.refunded, moved.*
        from orders left join lateral (
            select
                coalesce(sum(amount) filter (where kind = 'order_charged'), 0) as charged,
                coalesce(sum(amount) filter (where kind = 'order_settled'), 0) as settled,
                coalesce(sum(amount) filter (where kind = 'order_refunded'), 0) as refunded
            from transfer where transfer.order_id = orders.id
        ) as moved on true
        where channel = 'api' and (orders.charged, orders.settled, orders.refunded)
            <> (moved.charged, moved.settled, moved.refunded)
    """,
    "no money moved for an order that there is not": """
        select transfer.id, transfer.kind, transfer.order_id from transfer
        where order_id is not null and not exists (select from orders where orders.id = transfer.order_id)
    """,
    "a transfer of a kind happened once for what it is for": """
        select kind, ref, count(*) from transfer group by kind, ref having count(*) > 1
    """,
    "an order that ended has divided its charge": """
        select id, status, refund, charged, settled, refunded from orders
        where not case
            when status = 'processing' then refund = 'none' and settled = 0 and refunded = 0
            when status = 'completed' then refund = 'none' and settled = charged and refunded = 0
            when refund = 'due' then refunded = 0 and settled < charged
                and (status = 'partial' or settled = 0)
            when refund = 'refunded' then settled + refunded = charged and refunded > 0
                and (status = 'partial' or settled = 0)
            else channel <> 'api' and charged = 0
        end
    """,
    "a price below the cap is near no amount that counted when it was made": """
        -- An order's number tells when it had its turn at the desk. With eleven hits it pays the cap,
        -- near others or not; an amount whose order ended undelivered may be taken again.
        select later.id, later.product_id, later.price, later.hits, earlier.id, earlier.price
        from orders as later, generate_series(-2, 2) as cents, orders as earlier
        where later.channel = 'api' and later.hits < 11
            and earlier.price = later.price + cents * 10000 and earlier.id < later.id
            and earlier.created_at > later.created_at - interval '15 minutes'
            and not (earlier.channel = 'api' and earlier.status in ('failed', 'expired', 'cancelled'))
    """,
    "what is available is what is free": """
        select product.id, product.available, count(stock_unit.id) from product
        left join stock_unit on stock_unit.product_id = product.id and stock_unit.order_id is null
        group by product.id having product.available <> count(stock_unit.id)
    """,
    "an order in processing holds its units, an ended one what it delivered": """
        select orders.id, orders.status, orders.quantity, orders.delivered, count(stock_unit.id)
        from orders left join stock_unit on stock_unit.order_id = orders.id
        group by orders.id
        having count(stock_unit.id) <> case orders.status
            when 'processing' then orders.quantity else orders.delivered end
    """,
    "no unit is held by an order that there is not, or of another product": """
        select stock_unit.id, stock_unit.order_id from stock_unit
        left join orders on orders.id = stock_unit.order_id
        where stock_unit.order_id is not null
            and (orders.id is null or orders.product_id <> stock_unit.product_id)
    """,
    "a unit was delivered once, to the order that holds it": """
        select delivery.unit_id, count(*) from delivery
        left join stock_unit
            on stock_unit.id = delivery.unit_id and stock_unit.order_id = delivery.order_id
        group by delivery.unit_id having count(*) <> 1 or count(stock_unit.id) <> 1
    """,
    "as many units were delivered as the order says": """
        select orders.id, orders.delivered, count(delivery.unit_id) from orders
        left join delivery on delivery.order_id = orders.id
        group by orders.id
        having orders.delivered <> count(delivery.unit_id)
            or orders.delivered <> case orders.status
                when 'completed' then orders.quantity when 'partial' then orders.delivered else 0 end
    """,
    "everything that happened to an order has its event, once": """
        select orders.id, orders.status, orders.refund, array_agg(event.status order by event.id)
        from orders left join event on event.order_id = orders.id
        where channel = 'api'
        group by orders.id
        having array_agg(event.status order by event.id) <> array_remove(array[
            'processing',
            case when orders.status <> 'processing' then orders.status end,
            case when orders.refund = 'refunded' then 'refunded' end
        ], null)
    """,
    "a deposit was credited once, with what arrived": """
        select deposit.id, deposit.status, deposit.amount, array_agg(transfer.kind), sum(transfer.amount)
        from deposit left join transfer on transfer.deposit_id = deposit.id
        where deposit.amount > 0
        group by deposit.id
        having not case deposit.status
            when 'received' then count(transfer.id) = 0
            when 'credited_auto' then sum(transfer.amount) = deposit.amount
                and array_agg(transfer.kind) in (array['deposit_credited'], array['website_payment'])
            when 'unmatched' then array_agg(transfer.kind) = array['deposit_set_aside']
                and sum(transfer.amount) = deposit.amount
            else count(transfer.id) > 0
        end
    """,
    "a top-up was credited by a deposit of its own, to its account": """
        select topup.id, topup.status, deposit.id, deposit.account_id from topup
        left join deposit on deposit.topup_id = topup.id and deposit.id = topup.deposit_id
        where (topup.status like 'credited%') <> (deposit.id is not null)
            or deposit.account_id <> topup.account_id
    """,
    "what the chain sent was read once": """
        select network, tx_hash, event_index, count(*) from deposit
        group by network, tx_hash, event_index having count(*) > 1
    """,
    "no two reservations of a network overlap": """
        select one.id, other.id from reservation as one join reservation as other
            on one.id < other.id and one.network = other.network
            and abs(one.amount - other.amount) <= 20000 and one.live && other.live
    """,
    "an answer that is kept tells of an effect that was kept": """
        select told.key, told.answer from (
            select key, convert_from(answer, 'utf8')::jsonb as answer from idempotency
            where api_key_id > 0 -- an operator's are of many kinds
        ) as told
        where not case
            when told.answer ? 'order_id'
                then exists (select from orders where id = (told.answer ->> 'order_id')::bigint)
            when told.answer ? 'topup_id'
                then exists (select from topup where id = (told.answer ->> 'topup_id')::uuid)
            else false
        end
    """,
    "an effect was answered under one key alone": """
        select answer, count(*) from idempotency where api_key_id > 0
        group by answer having count(*) > 1
    """,
}

UNFINISHED: Final[dict[str, str]] = {
    "orders in processing": "select id, deadline_at from orders where status = 'processing'",
    "refunds due": "select id from orders where refund = 'due'",
    "deposits received": "select id from deposit where status = 'received'",
}


def broken_rules(dsn: str) -> dict[str, list[Any]]:
    """The rules that do not hold, each with the first few rows that break it."""
    return _found(dsn, RULES)


def unfinished(dsn: str) -> dict[str, list[Any]]:
    """What the workers have still to do."""
    return _found(dsn, UNFINISHED)


def count(dsn: str, table: str) -> int:
    (row,) = rows(dsn, f"select count(*) from {table}")
    return int(row[0])


def rows(dsn: str, query: str) -> list[Any]:
    with psycopg.connect(dsn, autocommit=True) as connection:
        return connection.execute(query.encode()).fetchall()


def _found(dsn: str, queries: dict[str, str]) -> dict[str, list[Any]]:
    found: dict[str, list[Any]] = {}
    with psycopg.connect(dsn) as connection:
        connection.execute("set transaction isolation level repeatable read read only")
        for name, query in queries.items():
            found[name] = connection.execute(query.encode()).fetchmany(5)
    return {name: some for name, some in found.items() if some}
