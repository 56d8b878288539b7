"""What the books must be, as questions in SQL: each answers the rows for which it is not so.

They share nothing with the code that keeps the books. Every answer has four columns: where, what is kept
there, what it must be as recomputed from the transfers and rows, and the customer whose money it is.

A mark such as `{orders:orders.id}` is true where all is asked; where only some is, it says that the column
is among those that are.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final

BALANCES: Final = """
    with legs as (
        select substr(credit, 10)::bigint as id, kind, amount from transfer
        where credit like 'customer:%' and {accounts:account_id}
        union all
        select substr(debit, 10)::bigint, kind, -amount from transfer
        where debit like 'customer:%' and {accounts:account_id}
    ),
    sums as (
        select id,
            sum(amount) filter (where kind not in ('order_charged', 'order_refunded')) as topped_up,
            -sum(amount) filter (where kind = 'order_charged') as charged,
            sum(amount) filter (where kind = 'order_refunded') as refunded
        from legs group by id
    )
    select 'account ' || coalesce(account.id, sums.id),
        case when account.id is null then 'no account'
            else concat_ws(' ', account.topped_up, account.charged, account.refunded, account.balance) end,
        concat_ws(' ', must.topped_up, must.charged, must.refunded,
            must.topped_up - must.charged + must.refunded),
        coalesce(account.id, sums.id)
    from (select * from account where {accounts:id}) account full join sums on sums.id = account.id
    cross join lateral (
        select coalesce(sums.topped_up, 0) as topped_up, coalesce(sums.charged, 0) as charged,
            coalesce(sums.refunded, 0) as refunded
    ) must
    where account.id is null
        or (account.topped_up, account.charged, account.refunded, account.balance)
            is distinct from (must.topped_up, must.charged, must.refunded,
                must.topped_up - must.charged + must.refunded)
        or account.balance < 0
"""
KINDS: Final = """
    with rules (kind, debit, credit) as (values
        ('deposit_credited', 'wallet', 'customer'), ('deposit_set_aside', 'wallet', 'unmatched'),
        ('manual_credit', 'unmatched', 'customer'), ('deposit_applied', 'unmatched', 'escrow'),
        ('deposit_returned', 'unmatched', 'wallet'), ('order_charged', 'customer', 'escrow'),
        ('order_settled', 'escrow', 'sales'), ('order_refunded', 'escrow', 'customer'),
        ('website_payment', 'wallet', 'escrow'), ('website_refund_owed', 'escrow', 'refunds_payable'),
        ('website_refund_paid', 'refunds_payable', 'wallet'),
        ('marketplace_taken', 'adjustments', 'escrow'), ('marketplace_returned', 'escrow', 'adjustments'),
        ('adjustment', 'adjustments', 'customer'), ('adjustment', 'customer', 'adjustments'),
        ('deposit_orphaned', 'customer', 'wallet'), ('orphan_shortfall', 'adjustments', 'wallet')
    )
    select 'transfer ' || transfer.id,
        concat_ws(' ', transfer.kind, transfer.debit, transfer.credit, transfer.amount),
        'a positive amount between the accounts of its kind', account_id
    from transfer
    where {transfers:id} and (amount <= 0 or not exists (
        select from rules
        where rules.kind = transfer.kind and rules.debit = split_part(transfer.debit, ':', 1)
            and rules.credit = split_part(transfer.credit, ':', 1)
    ))
"""
BY_ORDER: Final = """
    select 'transfer ' || transfer.id, concat_ws(' ', transfer.kind, transfer.ref, 'of order',
            coalesce(transfer.order_id::text, 'of no number') || ',', 'account', transfer.account_id),
        concat_ws(' ', 'named after its order, and of its account', orders.account_id), concerned.customer
    from transfer left join orders on orders.id = transfer.order_id
    left join lateral (
        select distinct customer from unnest(array[transfer.account_id, orders.account_id]) customer
        where customer is not null
    ) concerned on true
    where ({transfers:transfer.id} or {orders:transfer.order_id}) and transfer.kind in (
        'order_charged', 'order_settled', 'order_refunded', 'website_refund_owed', 'website_refund_paid',
        'marketplace_taken', 'marketplace_returned'
    ) and (
        transfer.ref is distinct from transfer.order_id::text
        or transfer.kind in ('order_charged', 'order_refunded')
            and transfer.account_id is distinct from orders.account_id
    )
"""
BY_DEPOSIT: Final = """
    select 'transfer ' || transfer.id, concat_ws(' ', transfer.kind, transfer.ref, transfer.debit,
            transfer.credit, 'of deposit', coalesce(transfer.deposit_id::text, 'of no number')),
        concat_ws(' ', 'named after its deposit, and on its network', deposit.network),
        coalesce(transfer.account_id, deposit.account_id)
    from transfer left join deposit on deposit.id = transfer.deposit_id
    where ({transfers:transfer.id} or {deposits:transfer.deposit_id}) and (
        transfer.kind in (
            'deposit_credited', 'deposit_set_aside', 'manual_credit', 'deposit_applied', 'deposit_returned',
            'website_payment', 'deposit_orphaned', 'orphan_shortfall'
        ) and transfer.ref is distinct from transfer.deposit_id::text
        or exists (
            select from unnest(array[transfer.debit, transfer.credit]) leg
            where leg ~ '^(wallet|unmatched):' and substr(leg, strpos(leg, ':') + 1) <> deposit.network
        )
    )
"""
ESCROW: Final = """
    with moved as (
        select order_id,
            coalesce(sum(amount) filter (where credit = 'escrow'), 0) as charged,
            coalesce(sum(amount) filter (where debit = 'escrow' and credit = 'sales'), 0) as settled,
            coalesce(sum(amount) filter (where debit = 'escrow' and credit <> 'sales'), 0) as refunded
        from transfer
        where 'escrow' in (debit, credit) and ({orders:order_id} or order_id is null and {transfers:id})
        group by order_id
    )
    select 'order ' || coalesce(orders.id::text, moved.order_id::text, 'of no number'),
        case when orders.id is null then 'no order'
            else concat_ws(' ', orders.charged, orders.settled, orders.refunded) end,
        concat_ws(' ', coalesce(moved.charged, 0), coalesce(moved.settled, 0), coalesce(moved.refunded, 0)),
        orders.account_id
    from (select * from orders where {orders:id}) orders full join moved on moved.order_id = orders.id
    where orders.id is null
        or (orders.charged, orders.settled, orders.refunded) is distinct from
            (coalesce(moved.charged, 0), coalesce(moved.settled, 0), coalesce(moved.refunded, 0))
"""
ENDS: Final = """
    select 'order ' || id, concat_ws(' ', status, refund, charged, settled, refunded),
        'its money where its status says', account_id
    from orders
    where {orders:id} and case
        when status in ('awaiting_payment', 'processing')
            then refund <> 'none' or settled <> 0 or refunded <> 0
        when status = 'completed' then refund <> 'none' or settled <> charged
        when refund = 'refunded' then settled + refunded <> charged
        when refund = 'due' then refunded <> 0
        else charged <> 0
    end
"""
DEPOSITS: Final = """
    with moved as (
        select deposit_id,
            sum(case when debit like 'wallet:%' then amount when credit like 'wallet:%' then -amount
                else 0 end) as held,
            sum(case when credit like 'unmatched:%' then amount when debit like 'unmatched:%' then -amount
                else 0 end) as waiting
        from transfer where deposit_id is not null and {deposits:deposit_id} group by deposit_id
    )
    select 'deposit ' || coalesce(deposit.id, moved.deposit_id),
        concat_ws(' ', coalesce(moved.held, 0), coalesce(moved.waiting, 0)),
        case when deposit.id is null then 'no deposit' else concat_ws(' ', must.held, must.waiting) end,
        deposit.account_id
    from (select * from deposit where {deposits:id}) deposit full join moved on moved.deposit_id = deposit.id
    cross join lateral (
        select
            case when deposit.status in ('credited_auto', 'credited_manual', 'applied', 'unmatched')
                then deposit.amount else 0 end as held,
            case when deposit.status = 'unmatched' then deposit.amount else 0 end as waiting
    ) must
    where deposit.id is null
        or (coalesce(moved.held, 0), coalesce(moved.waiting, 0)) is distinct from (must.held, must.waiting)
"""
AMOUNTS: Final = """
    select 'deposit ' || id, amount::text, must::text, account_id
    from deposit cross join lateral (select trunc(raw * 1000000 / power(10::numeric, decimals)) as must) raw
    where {deposits:id} and amount <> must
"""
OWNERS: Final = """
    with given as (
        select deposit_id, account_id, sum(case when credit = 'customer:' || account_id then amount
            when debit = 'customer:' || account_id then -amount else 0 end) as amount
        from transfer where deposit_id is not null and {deposits:deposit_id} group by deposit_id, account_id
    )
    select 'deposit ' || deposit.id, 'account ' || coalesce(deposit.account_id::text, 'of nobody'),
        must.left_to_it || ' credited to it, not ' || coalesce(given.amount, 0), deposit.account_id
    from deposit
    left join given on given.deposit_id = deposit.id and given.account_id = deposit.account_id
    cross join lateral (
        select case when deposit.status <> 'orphaned' then deposit.amount
            else coalesce((select amount from transfer
                where kind = 'orphan_shortfall' and ref = deposit.id::text), 0) end as left_to_it
    ) must
    where {deposits:deposit.id} and (
        deposit.status in ('credited_auto', 'credited_manual')
        or deposit.status = 'orphaned' and deposit.account_id is not null
    ) and (deposit.account_id is null or given.amount is distinct from must.left_to_it)
"""
TOPUPS: Final = """
    select 'top-up ' || topup.id, concat_ws(' ', topup.status, topup.deposit_id),
        'credited by a deposit that was credited', topup.account_id
    from topup left join deposit on deposit.id = topup.deposit_id
    where {topups:topup.id} and (topup.status in ('credited_auto', 'credited_manual')) is distinct from
        coalesce(deposit.status in ('credited_auto', 'credited_manual', 'orphaned'), false)
    union all
    select 'deposit ' || deposit.id, 'top-up ' || deposit.topup_id, 'a top-up that it settled',
        coalesce(topup.account_id, deposit.account_id)
    from deposit left join topup on topup.id = deposit.topup_id
    where {deposits:deposit.id} and deposit.topup_id is not null
        and topup.deposit_id is distinct from deposit.id
"""
RESERVATIONS: Final = """
    select 'top-up ' || topup.id,
        concat_ws(' ', reservation.network, reservation.amount, reservation.purpose, reservation.payer,
            reservation.live),
        concat_ws(' ', topup.network, topup.amount, 2, topup.account_id, topup.starts_at, topup.expires_at),
        topup.account_id
    from topup left join reservation on reservation.id = topup.reservation_id
    where ({topups:topup.id} or {reservations:topup.reservation_id}) and (
        (reservation.network, reservation.amount, reservation.purpose, reservation.payer)
            is distinct from (topup.network, topup.amount, 2::smallint, topup.account_id)
        or topup.status = 'pending' and not reservation.live @> tstzrange(topup.starts_at, topup.expires_at)
    )
    union all
    (
        select distinct 'reservation ' || side.id,
            concat_ws(' ', side.network, side.amount, side.live), 'apart from reservation ' || side.beside,
            case when side.purpose = 2 then side.payer end
        from reservation one join reservation other
            on {reservations:one.id} and other.id <> one.id and other.network = one.network
                and other.live && one.live and other.band && one.band
        cross join lateral (
            select one.*, other.id as beside union all select other.*, one.id
        ) side
    )
    union all
    select 'reservation ' || id, band::text, 'a cent around ' || amount || ' on network ' || network_number,
        case when purpose = 2 then payer end
    from reservation
    where {reservations:id} and (
        lower(band) <> network_number * 1000000000000000 + amount - 10000
        or upper(band) <> network_number * 1000000000000000 + amount + 10001
    )
"""
WEBSITE: Final = """
    with moved as (
        select order_id,
            array_agg(split_part(debit, ':', 2))
                filter (where kind in ('website_payment', 'deposit_applied')) as paid_on,
            array_agg(split_part(credit, ':', 2)) filter (where kind = 'website_refund_paid') as returned_by,
            coalesce(sum(case when credit = 'refunds_payable' then amount when debit = 'refunds_payable'
                then -amount end), 0) as payable
        from transfer where order_id is not null and {orders:order_id} group by order_id
    ),
    kept as (
        select orders.id, orders.channel, orders.status, orders.refunded, orders.created_at,
            orders.price as amount, website_order.*, reservation.purpose, reservation.payer,
            reservation.network as reserved_on, reservation.amount as reserved, reservation.live
        from orders full join website_order on website_order.order_id = orders.id
        left join reservation on reservation.id = website_order.reservation_id
        where ({orders:orders.id} or {orders:website_order.order_id}
                or {reservations:website_order.reservation_id})
            and (orders.channel = 'website' or website_order.order_id is not null)
    )
    select 'order ' || coalesce(kept.id, kept.order_id),
        case when kept.order_id is null then 'not known how it is paid' else concat_ws(' ', kept.channel,
            'paid on', coalesce(kept.paid_on, 'none') || ',', coalesce(moved.payable, 0), 'owed,',
            'paid back by', coalesce(kept.refund_tx_hash, 'nothing')) end,
        concat_ws(' ', 'website paid on', coalesce(array_to_string(moved.paid_on, ' and '), 'none') || ',',
            case when kept.refund_tx_hash is null then kept.refunded else 0 end, 'owed, paid back by',
            coalesce('a transfer from ' || array_to_string(moved.returned_by, ' and '), 'nothing')),
        null::bigint
    from kept left join moved on moved.order_id = coalesce(kept.id, kept.order_id)
    where kept.order_id is null or kept.channel is distinct from 'website'
        or moved.paid_on is distinct from case when kept.paid_on is not null then array[kept.paid_on] end
        or moved.returned_by is distinct from
            case when kept.refund_tx_hash is not null then array[kept.paid_on] end
        or coalesce(moved.payable, 0) <> case when kept.refund_tx_hash is null then kept.refunded else 0 end
    union all
    select 'order ' || kept.order_id,
        concat_ws(' ', kept.reserved_on, kept.reserved, kept.purpose, kept.payer, kept.live),
        concat_ws(' ', kept.network, kept.amount, 1, kept.order_id, kept.created_at, kept.expires_at),
        null
    from kept
    where kept.id is not null and kept.order_id is not null and (
        (kept.reserved_on, kept.reserved, kept.purpose, kept.payer)
            is distinct from (kept.network, kept.amount, 1::smallint, kept.order_id)
        or kept.status = 'awaiting_payment'
            and not kept.live @> tstzrange(kept.created_at, kept.expires_at)
    )
    union all
    select 'deposit ' || deposit.id, 'of order ' || coalesce(deposit.order_id::text, 'of nobody'),
        'of order ' || coalesce(transfer.order_id::text, 'of nobody'), null
    from deposit left join transfer on transfer.deposit_id = deposit.id
        and transfer.kind in ('website_payment', 'deposit_applied')
    where {deposits:deposit.id} and (
        deposit.status = 'applied' or deposit.status = 'orphaned' and deposit.order_id is not null
    ) and (transfer.order_id is null or transfer.order_id is distinct from deposit.order_id)
"""
STOCK: Final = """
    select 'product ' || product.id, product.available::text, count(stock_unit.id)::text, null::bigint
    from product left join stock_unit on stock_unit.product_id = product.id and stock_unit.order_id is null
    where {products:product.id}
    group by product.id having product.available <> count(stock_unit.id)
"""
UNITS: Final = """
    with held as (select order_id, count(*) as units, count(distinct product_id) as products,
            min(product_id) as product from stock_unit
        where order_id is not null and {orders:order_id} group by order_id),
    handed as (select order_id, count(*) as units from delivery where {orders:order_id} group by order_id)
    select 'order ' || coalesce(orders.id, held.order_id, handed.order_id),
        coalesce(held.units, 0) || ' units held, ' || coalesce(handed.units, 0) || ' handed out',
        case when orders.id is null then 'no order'
            else must.held || ' held, ' || orders.delivered || ' handed out' end,
        orders.account_id
    from (select * from orders where {orders:id}) orders
    full join held on held.order_id = orders.id
    full join handed on handed.order_id = coalesce(orders.id, held.order_id)
    cross join lateral (
        select case when orders.status in ('processing', 'awaiting_payment') then orders.quantity
            else orders.delivered end as held
    ) must
    where orders.id is null or coalesce(held.units, 0) <> must.held
        or coalesce(handed.units, 0) <> orders.delivered
        or held.products > 1 or held.product <> orders.product_id
"""
HANDED_OUT: Final = """
    select 'unit ' || delivery.unit_id, 'of order ' || coalesce(stock_unit.order_id::text, 'nobody''s'),
        'of order ' || delivery.order_id, (select account_id from orders where id = delivery.order_id)
    from delivery left join stock_unit on stock_unit.id = delivery.unit_id
    where ({orders:delivery.order_id} or {units:delivery.unit_id})
        and stock_unit.order_id is distinct from delivery.order_id
"""
LINKS: Final = """
    select 'order ' || orders.id, concat_ws(' ', 'account', orders.account_id, 'key', orders.api_key_id,
            'product', orders.product_id), 'all of them there, and a key on the API', orders.account_id
    from orders
    where {orders:orders.id} and (
        not exists (select from product where id = orders.product_id)
        or orders.account_id is not null and not exists (select from account where id = orders.account_id)
        or orders.api_key_id is not null and not exists (
            select from api_key where id = orders.api_key_id and account_id = orders.account_id
        )
        or (orders.channel = 'api') <> (orders.api_key_id is not null)
    )
    union all
    select 'event ' || event.id, 'order ' || event.order_id, 'an order that is there', null::bigint
    from event where {orders:event.order_id} and not exists (select from orders where id = event.order_id)
    union all
    select 'order ' || orders.id, 'no event ' || orders.status, 'an event of each status it came to',
        orders.account_id
    from orders where {orders:orders.id} and status <> 'awaiting_payment' and not exists (
        select from event where event.order_id = orders.id and event.status = orders.status
    )
"""

CHECKS: Final[Mapping[str, str]] = {
    "balance": BALANCES,
    "transfer": KINDS,
    "transfer's order": BY_ORDER,
    "transfer's deposit": BY_DEPOSIT,
    "escrow": ESCROW,
    "order": ENDS,
    "deposit": DEPOSITS,
    "deposit's amount": AMOUNTS,
    "deposit's owner": OWNERS,
    "top-up": TOPUPS,
    "reservation": RESERVATIONS,
    "website order": WEBSITE,
    "stock": STOCK,
    "units": UNITS,
    "delivery": HANDED_OUT,
    "link": LINKS,
}
"""What is checked → the question whose answers are what is wrong."""

MARK: Final = re.compile(r"\{(\w+):([\w.]+)\}")


def whole(question: str) -> str:
    """The question about all that there is."""
    return MARK.sub("true", question)


def scoped(question: str) -> str:
    """The question about some: each mark's name is a parameter, an array of numbers."""
    return MARK.sub(r"\2 = any(%(\1)s)", question.replace("%", "%%"))


def names_in(question: str) -> set[str]:
    """The parameters of the question about some."""
    return {name for name, _ in MARK.findall(question)}
