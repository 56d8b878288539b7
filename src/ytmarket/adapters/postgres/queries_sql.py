"""The questions in SQL.

A page comes with the length of the whole list, from the same moment: `total`, then the row's columns,
and one row of nulls beside the total when the page lies past the end.
"""

from __future__ import annotations

from typing import Final

from ytmarket.adapters.postgres.accounts import TRANSFER_COLUMNS
from ytmarket.adapters.postgres.alarms import ALARM_COLUMNS
from ytmarket.adapters.postgres.api_keys import KEY_COLUMNS
from ytmarket.adapters.postgres.audit import AUDIT_COLUMNS
from ytmarket.adapters.postgres.deposits import DEPOSIT_COLUMNS
from ytmarket.adapters.postgres.heartbeats import HEARTBEAT_COLUMNS
from ytmarket.adapters.postgres.rows import ORDER_COLUMNS, PRODUCT_COLUMNS
from ytmarket.adapters.postgres.topups import TOPUP_COLUMNS

KEYS: Final = f"""
    select api_key.digest, {KEY_COLUMNS} from api_key
    where digest = any(%s::bytea[]) and revoked_at is null
"""
TOTALS: Final = "select id, topped_up, charged, refunded from account where id = any(%s::bigint[])"
PRODUCT: Final = f"select {PRODUCT_COLUMNS} from product where id = %s"

ORDER: Final = f"""
    select {ORDER_COLUMNS}, items.units, items.sealed
    from orders cross join lateral (
        select
            array_agg(stock_unit.id order by stock_unit.id) as units,
            array_agg(stock_unit.sealed order by stock_unit.id) as sealed
        from delivery join stock_unit on stock_unit.id = delivery.unit_id
        where delivery.order_id = orders.id and orders.status in ('completed', 'partial')
    ) items
    where orders.id = %(order)s
        and (%(account)s::bigint is null or orders.account_id = %(account)s::bigint)
"""
ALL_ORDERS: Final = f"""
    select counted.total, page.*
    from (select count(*) as total from orders) counted left join lateral (
        select {ORDER_COLUMNS} from orders order by id desc limit %(limit)s offset %(offset)s
    ) page on true
    order by page.id desc
"""
_IS_WANTED: Final = """
    (%(status)s::text is null or status = %(status)s)
        and (%(product)s::bigint is null or product_id = %(product)s)
        and (%(fp)s::text is null or account_id = (select account_id from api_key where fp = %(fp)s))
"""
FIND_ORDERS: Final = f"""
    select counted.total, page.*
    from (select count(*) as total from orders where {_IS_WANTED}) counted left join lateral (
        select {ORDER_COLUMNS} from orders where {_IS_WANTED}
        order by id desc limit %(limit)s offset %(offset)s
    ) page on true
    order by page.id desc
"""
ORDERS: Final = f"""
    select counted.total, page.*
    from (select count(*) as total from orders where account_id = %(account)s) counted left join lateral (
        select {ORDER_COLUMNS} from orders where account_id = %(account)s
        order by id desc limit %(limit)s offset %(offset)s
    ) page on true
    order by page.id desc
"""

SEALED: Final = """
    select (select count(*) from api_key where sealed_secret is not null) + (select count(*) from stock_unit)
"""
_READ_UNTIL_OF_TOPUP: Final = """
    (
        select read_until from network_progress where network = topup.network
        order by updated_at desc limit 1
    ) as read_until
"""
TOPUP: Final = f"""
    select {TOPUP_COLUMNS}, {_READ_UNTIL_OF_TOPUP} from topup where id = %s::uuid and account_id = %s
"""
TOPUPS: Final = f"""
    select counted.total, page.*
    from (select count(*) as total from topup where account_id = %(account)s) counted left join lateral (
        select {TOPUP_COLUMNS}, {_READ_UNTIL_OF_TOPUP} from topup where account_id = %(account)s
        order by created_at desc, topup.id desc limit %(limit)s offset %(offset)s
    ) page on true
    order by page.created_at desc, page.id desc
"""

DEPOSITS_BY_HASH: Final = f"select {DEPOSIT_COLUMNS} from deposit where tx_hash = %s order by deposit.id"
DEPOSITS: Final = f"""
    select counted.total, page.*
    from (
        select count(*) as total from deposit
        where status = %(status)s and reason is distinct from 'dust'
    ) counted left join lateral (
        select {DEPOSIT_COLUMNS} from deposit
        where status = %(status)s and reason is distinct from 'dust'
        order by deposit.id desc limit %(limit)s offset %(offset)s
    ) page on true
    order by page.id desc
"""

DUST: Final = f"""
    select counted.total, page.*
    from (
        select count(*) as total from deposit
        where status = %(status)s and reason = 'dust'
    ) counted left join lateral (
        select {DEPOSIT_COLUMNS} from deposit
        where status = %(status)s and reason = 'dust'
        order by deposit.id desc limit %(limit)s offset %(offset)s
    ) page on true
    order by page.id desc
"""

# The row's own number only puts the page in order.
TRANSFERS: Final = f"""
    select counted.total, page.*
    from (select count(*) as total from transfer where account_id = %(account)s) counted left join lateral (
        select {TRANSFER_COLUMNS}, transfer.id as number from transfer where account_id = %(account)s
        order by transfer.id desc limit %(limit)s offset %(offset)s
    ) page on true
    order by page.number desc
"""

USAGE: Final = """
    select requests, first_used_at, last_used_at, last_endpoint from api_key_usage where api_key_id = %s
"""
KEY_SUMMARIES: Final = f"""
    select counted.total, page.*
    from (select count(*) as total from api_key) counted left join lateral (
        select {KEY_COLUMNS}, account.balance, api_key_usage.last_used_at
        from api_key
        join account on account.id = api_key.account_id
        left join api_key_usage on api_key_usage.api_key_id = api_key.id
        order by api_key.id limit %(limit)s offset %(offset)s
    ) page on true
    order by page.id
"""
AUDIT_ROWS: Final = f"select {AUDIT_COLUMNS} from api_audit_log order by number desc limit %s offset %s"
# A moment that no clock tells would not be read at all; clamped, it reads and is found to be forged.
AUDIT_TRAIL: Final = """
    select number, least(greatest(at, '0001-01-02+00'), '9999-12-30+00') as at, actor, action, target,
        details, previous, hash
    from api_audit_log where number > %s order by number limit %s
"""
# A key that replaces another stands in the row of the one replaced; an adjustment that puts a deposit
# right in the deposit's.
ACTS_UNTOLD: Final = """
    select target from (
        select 'key:' || fp as target from api_key
        union all
        select 'deposit:' || deposit_id from transfer
        where kind in (
            'manual_credit', 'deposit_applied', 'deposit_returned', 'deposit_orphaned', 'orphan_shortfall'
        )
        union all
        select 'order:' || order_id from transfer where kind in ('website_refund_paid', 'marketplace_taken')
        union all
        select 'adjustments'
        where (select count(*) from transfer where kind = 'adjustment' and deposit_id is null)
            > (select count(*) from api_audit_log where action = 'api_key.credit')
        except
        (
            select target from api_audit_log
            union all
            select 'key:' || (details ->> 'after') from api_audit_log where action = 'api_key.replace'
        )
    ) untold
    order by target collate "C" limit %s
"""
HEARTBEATS: Final = f"select {HEARTBEAT_COLUMNS} from heartbeat order by started_at, process"
SETTING: Final = "select value from setting where name = %s"
FINGERPRINTS: Final = """
    select distinct on (account_id) account_id, fp from api_key
    where account_id = any(%s::bigint[]) order by account_id, (revoked_at is null) desc, id desc
"""
EVENTS: Final = """
    select id, order_id, status, refunded, error_message, at, delivery, attempts, last_status
    from event where order_id = %s order by id
"""
EXHAUSTED: Final = """
    select receiver, count(*), min(lost.id), (array_agg(lost.order_id order by lost.id))[1]
    from (
        select event.id, event.order_id, orders.receiver
        from event join orders on orders.id = event.order_id
        where event.delivery = 'exhausted' and event.at >= %s and orders.receiver is not null
    ) lost
    group by receiver order by receiver collate "C"
"""
ALARMS: Final = f"select {ALARM_COLUMNS} from alarm where ended_at is null order by id"
