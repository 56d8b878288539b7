-- The shop's schema as it is today: what a new database gets. Whoever changes it adds a step under
-- migrations/ for the databases that there are; a test compares both ways.
--
-- What must never happen is forbidden here, by constraint or trigger, for every process at once.
-- Amounts are micro-USDT (bigint), times are timestamptz.
--
-- Hot tables carry no foreign keys: each would cost an order several look-ups that the batch's own
-- locks have answered already. `ytmarket verify` checks what they would have.

-- Accounts and their keys ---------------------------------------------------------------------

create table account (
    id bigint generated always as identity primary key,
    label text not null,
    frozen boolean not null default false, -- the trigger on transfer moves nothing of it
    -- Kept by the trigger on transfer, from the transfers alone.
    topped_up bigint not null default 0,
    charged bigint not null default 0,
    refunded bigint not null default 0,
    balance bigint not null generated always as (topped_up - charged + refunded) stored,
    created_at timestamptz not null,
    constraint account_balance_not_negative check (topped_up - charged + refunded >= 0),
    constraint account_refunds_bounded check (refunded between 0 and charged)
) with (fillfactor = 60);

create sequence api_key_number;

create table api_key (
    id bigint primary key,
    account_id bigint not null references account,
    fp text not null,
    digest bytea not null,
    label text not null,
    sealed_secret bytea,
    allowed cidr[] not null default '{}',
    created_at timestamptz not null,
    revoked_at timestamptz,
    constraint api_key_fp_once unique (fp),
    constraint api_key_digest_once unique (digest)
);
create index api_key_of_account on api_key (account_id);

create table api_key_usage (
    api_key_id bigint primary key references api_key,
    requests bigint not null,
    first_used_at timestamptz not null,
    last_used_at timestamptz not null,
    last_endpoint text not null
);

-- The ledger ----------------------------------------------------------------------------------

create table transfer (
    id bigint generated always as identity primary key,
    kind text not null,
    ref text not null,
    debit text not null,
    credit text not null,
    amount bigint not null,
    at timestamptz not null,
    account_id bigint,
    order_id bigint,
    deposit_id bigint,
    reason text,
    constraint transfer_once unique (kind, ref),
    constraint transfer_amount_positive check (amount > 0),
    constraint transfer_between_two check (debit <> credit),
    constraint transfer_names_customer check (
        case when account_id is null
            then debit not like 'customer:%' and credit not like 'customer:%'
            else 'customer:' || account_id in (debit, credit)
        end
    ),
    -- What happens once for an order, or for a deposit, is named after it: that makes it once.
    constraint transfer_named_after_its_cause check (
        case
            when kind in (
                'order_charged', 'order_settled', 'order_refunded', 'website_refund_owed',
                'website_refund_paid', 'marketplace_taken', 'marketplace_returned'
            ) then order_id is not null and ref = order_id::text
            when kind in (
                'deposit_credited', 'deposit_set_aside', 'manual_credit', 'deposit_applied',
                'deposit_returned', 'website_payment', 'deposit_orphaned', 'orphan_shortfall'
            ) then deposit_id is not null and ref = deposit_id::text
            else true
        end
    )
);
create index transfer_statement on transfer (account_id, id) where account_id is not null;

create function transfer_is_posted() returns trigger language plpgsql as $$
declare
    customers bigint;
    changed bigint;
begin
    select count(distinct account_id) into customers from posted;
    with moved as (
        select
            account_id,
            coalesce(sum(change) filter (where kind not in ('order_charged', 'order_refunded')), 0)::bigint as topped_up,
            coalesce(sum(-change) filter (where kind = 'order_charged'), 0)::bigint as charged,
            coalesce(sum(change) filter (where kind = 'order_refunded'), 0)::bigint as refunded
        from (
            select account_id, kind,
                case when credit = 'customer:' || account_id then amount else -amount end as change
            from posted where account_id is not null
        ) legs
        group by account_id
    )
    update account set
        topped_up = account.topped_up + moved.topped_up,
        charged = account.charged + moved.charged,
        refunded = account.refunded + moved.refunded
    from moved where account.id = moved.account_id and not account.frozen;
    get diagnostics changed = row_count;
    if changed <> customers then
        if exists (select from posted join account on account.id = posted.account_id where account.frozen) then
            raise check_violation using constraint = 'account_frozen',
                message = 'nothing moves the balance of a frozen account';
        end if;
        raise foreign_key_violation using constraint = 'transfer_account_exists',
            message = 'a transfer names an account that does not exist';
    end if;
    if exists (
        select from posted where order_id is not null and not exists (
            select from orders where orders.id = posted.order_id
                and (posted.account_id is null or orders.account_id = posted.account_id)
        )
    ) then
        raise foreign_key_violation using constraint = 'transfer_of_its_order',
            message = 'a transfer names an order that does not exist, or is another customer''s';
    end if;
    return null;
end $$;

create trigger transfer_is_posted after insert on transfer
    referencing new table as posted
    for each statement execute function transfer_is_posted();

create function row_is_immutable() returns trigger language plpgsql as $$
begin
    raise exception using errcode = 'restrict_violation', constraint = tg_table_name || '_immutable',
        message = format('rows of %I are never changed: add another one', tg_table_name);
end $$;

create trigger transfer_immutable before update or delete or truncate on transfer
    for each statement execute function row_is_immutable();

-- Catalogue and stock -------------------------------------------------------------------------

create table product (
    id bigint primary key,
    sku text not null,
    title text not null,
    category text not null,
    price bigint not null,
    min_quantity integer not null,
    available integer not null default 0, -- kept by the trigger on stock_unit
    created_at timestamptz not null,
    updated_at timestamptz not null,
    constraint product_sku_once unique (sku) deferrable, -- at a statement's end: products may trade skus
    constraint product_price_positive check (price > 0),
    constraint product_min_quantity_positive check (min_quantity >= 1),
    constraint product_available_not_negative check (available >= 0)
) with (fillfactor = 60);

-- Changes whenever a list of products could: readers keep what they computed until then.
create table catalog_version (
    only_row boolean primary key default true check (only_row),
    version bigint not null
);
insert into catalog_version (version) values (1);

create function catalog_changes() returns trigger language plpgsql as $$
begin
    update catalog_version set version = version + 1;
    return null;
end $$;

create trigger catalog_changes after insert or delete or update of sku, category, price on product
    for each statement execute function catalog_changes();
create trigger catalog_row_changes after update on product
    for each row when ((old.available > 0) <> (new.available > 0)) execute function catalog_changes();

create sequence stock_unit_number;

create table stock_unit (
    id bigint primary key,
    product_id bigint not null references product,
    sealed bytea not null,
    fingerprint bytea not null,
    order_id bigint, -- the order that holds it, or got it
    created_at timestamptz not null,
    constraint stock_unit_once unique (product_id, fingerprint)
) with (fillfactor = 80);
create index stock_unit_free on stock_unit (product_id, id) where order_id is null;
create index stock_unit_of_order on stock_unit (order_id) where order_id is not null;

create function stock_is_counted() returns trigger language plpgsql as $$
begin
    if tg_op = 'INSERT' then
        update product set available = product.available + counted.change
        from (
            select product_id, count(*) as change from new_units
            where order_id is null group by product_id
        ) counted
        where product.id = counted.product_id;
    else
        if exists (
            select from (
                select id, order_id from old_units union all select id, order_id from new_units
            ) held group by id having min(order_id) <> max(order_id)
        ) then
            raise integrity_constraint_violation using constraint = 'stock_unit_held',
                message = 'a unit that one order holds goes back to stock before another takes it';
        end if;
        update product set available = product.available + counted.change
        from (
            select product_id, sum(change) as change from (
                select product_id, 1 as change from new_units where order_id is null
                union all
                select product_id, -1 from old_units where order_id is null
            ) legs group by product_id having sum(change) <> 0
        ) counted
        where product.id = counted.product_id;
    end if;
    return null;
end $$;

create trigger stock_is_counted_in after insert on stock_unit
    referencing new table as new_units
    for each statement execute function stock_is_counted();
create trigger stock_is_counted after update on stock_unit
    referencing old table as old_units new table as new_units
    for each statement execute function stock_is_counted();

create function stock_is_kept() returns trigger language plpgsql as $$
begin
    raise exception using errcode = 'restrict_violation', constraint = 'stock_unit_kept',
        message = 'units are never deleted: an order may have got them';
end $$;
create trigger stock_is_kept before delete or truncate on stock_unit
    for each statement execute function stock_is_kept();

-- One row for each unit that was handed out: a second time is a primary key's error.
create table delivery (
    unit_id bigint primary key,
    order_id bigint not null,
    at timestamptz not null
);
create index delivery_of_order on delivery (order_id);
create trigger delivery_immutable before update or delete or truncate on delivery
    for each statement execute function row_is_immutable();

-- Orders --------------------------------------------------------------------------------------

create sequence order_number;

create table orders (
    id bigint primary key,
    channel text not null,
    account_id bigint,
    api_key_id bigint,
    product_id bigint not null,
    quantity integer not null,
    price bigint not null,
    hits smallint not null,
    charged bigint not null,
    settled bigint not null default 0,
    refunded bigint not null default 0,
    status text not null,
    refund text not null default 'none',
    delivered integer not null default 0,
    webhook_url text,
    error_message text,
    created_at timestamptz not null,
    updated_at timestamptz not null,
    deadline_at timestamptz not null,
    leased_until timestamptz,
    receiver text, -- who the URL names, however it spells it
    constraint order_receiver check ((webhook_url is null) = (receiver is null)),
    constraint order_channel check (channel in ('api', 'website', 'marketplace')),
    constraint order_payer check ((channel = 'api') = (account_id is not null)),
    constraint order_key check ((channel = 'api') = (api_key_id is not null)),
    constraint order_status check (status in (
        'awaiting_payment', 'processing', 'completed', 'partial', 'failed', 'expired', 'cancelled'
    )),
    constraint order_refund check (refund in ('none', 'due', 'refunded')),
    constraint order_quantity check (quantity between 1 and 10000),
    constraint order_delivered check (delivered between 0 and quantity),
    constraint order_amounts check (price > 0 and charged >= 0 and settled >= 0 and refunded >= 0),
    constraint order_money_bounded check (settled + refunded <= charged),
    constraint order_money_divided check (
        (status <> 'completed' and refund <> 'refunded') or settled + refunded = charged
    )
) with (fillfactor = 85, autovacuum_vacuum_scale_factor = 0.05); -- short queues stay short to look at
create index orders_of_account on orders (account_id, id);
create index orders_open on orders (deadline_at, id) where status in ('processing', 'awaiting_payment');
-- Those that nobody asked about yet, then those that it is longest ago for.
create index orders_to_fulfil on orders ((coalesce(leased_until, '-infinity')), deadline_at, id)
    where status = 'processing';
create index orders_refund_due on orders (id) where refund = 'due';
create index orders_taking on orders (price, created_at)
    where not (channel = 'api' and status in ('failed', 'expired', 'cancelled'));

-- When each amount was taken last, and by which order: one row an amount, so that a price costs the
-- same however many orders the window holds. Released and taken by nobody else: -infinity.
create table price_window (
    amount bigint primary key,
    taken_at timestamptz not null,
    order_id bigint
) with (fillfactor = 60);

create table event (
    id bigint generated always as identity primary key,
    order_id bigint not null,
    status text not null,
    refunded bigint not null,
    error_message text,
    at timestamptz not null,
    delivery text not null,
    attempts integer not null default 0,
    due_at timestamptz,
    leased_until timestamptz,
    lease_token text,
    last_status integer,
    constraint event_once unique (order_id, status),
    constraint event_delivery check (delivery in ('unwanted', 'pending', 'delivered', 'exhausted')),
    constraint event_due check ((delivery = 'pending') = (due_at is not null))
) with (fillfactor = 85, autovacuum_vacuum_scale_factor = 0.05);
create index event_pending on event (due_at, id) where delivery = 'pending';

-- Requests ------------------------------------------------------------------------------------

create table idempotency (
    api_key_id bigint not null,
    key text not null,
    digest bytea not null,
    answer bytea not null,
    at timestamptz not null,
    constraint idempotency_once primary key (api_key_id, key)
);
create index idempotency_age on idempotency (at);

create table used_signature (
    api_key_id bigint not null,
    digest bytea not null,
    at timestamptz not null,
    constraint used_signature_once primary key (api_key_id, digest)
);
create index used_signature_age on used_signature (at);

-- Top-ups, reservations, deposits -------------------------------------------------------------

-- Amounts on different networks never meet: each network's band lies 10^15 micros above the last.
create table reservation (
    id bigint generated always as identity primary key,
    network text not null,
    network_number smallint not null,
    amount bigint not null,
    purpose smallint not null,
    payer bigint not null,
    band int8range not null generated always as (
        int8range(
            network_number * 1000000000000000 + amount - 10000,
            network_number * 1000000000000000 + amount + 10000, '[]'
        )
    ) stored,
    live tstzrange not null,
    constraint reservation_amount check (amount > 10000 and amount < 500000000000000),
    constraint reservation_live check (not isempty(live)),
    constraint reservation_no_overlap exclude using gist (band with &&, live with &&)
);
create index reservation_of_payer on reservation (purpose, payer, upper(live));

-- The number of the six hours that a moment lies in.
create function quarter_day(at timestamptz) returns integer language sql immutable strict parallel safe
    return (extract(epoch from at - timestamptz '2000-01-01 00:00:00+00')::bigint / 21600)::integer;

-- For the nearest live amount: what lives at a moment lies in few pairs of quarters, and within a
-- pair nearly all of it does, however many reservations have ended long ago.
create index reservation_nearest on reservation
    (network_number, quarter_day(upper(live)), quarter_day(lower(live)), amount);

create table topup (
    id uuid primary key,
    account_id bigint not null references account,
    reservation_id bigint not null references reservation,
    network text not null,
    address text not null,
    requested bigint not null,
    amount bigint not null,
    created_at timestamptz not null,
    starts_at timestamptz not null,
    expires_at timestamptz not null,
    status text not null default 'pending',
    deposit_id bigint,
    constraint topup_status check (status in ('pending', 'credited_auto', 'credited_manual', 'expired')),
    constraint topup_credit check ((status in ('credited_auto', 'credited_manual')) = (deposit_id is not null)),
    constraint topup_deposit_once unique (deposit_id)
);
create index topup_of_account on topup (account_id, created_at, id);
create index topup_of_reservation on topup (reservation_id);
create index topup_pending on topup (network, expires_at) where status = 'pending';
create index topup_open on topup (account_id) where status = 'pending';

create table deposit (
    id bigint generated always as identity primary key,
    network text not null,
    tx_hash text not null,
    event_index integer not null,
    sender text,
    recipient text not null,
    raw numeric(78, 0) not null,
    decimals smallint not null,
    amount bigint not null,
    height bigint not null,
    block_ref text not null,
    at timestamptz not null,
    seen_at timestamptz not null,
    status text not null default 'received',
    reason text,
    account_id bigint,
    topup_id uuid,
    order_id bigint,
    candidate_topup_id uuid,
    candidate_order_id bigint,
    candidate_account_id bigint,
    distance bigint,
    constraint deposit_once unique (network, tx_hash, event_index),
    constraint deposit_amount check (raw > 0 and amount >= 0),
    constraint deposit_status check (status in (
        'received', 'credited_auto', 'credited_manual', 'applied', 'unmatched', 'returned', 'orphaned'
    )),
    constraint deposit_reason check (status <> 'unmatched' or reason is not null)
);
create index deposit_received on deposit (id) where status = 'received';
create index deposit_unsettled on deposit (network, at) where status = 'received';
create index deposit_listed on deposit (status, id) where reason is distinct from 'dust';
create index deposit_dust on deposit (status, id) where reason = 'dust';
create index deposit_by_hash on deposit (tx_hash);
create index deposit_by_height on deposit (network, height);

create table network_progress (
    network text not null,
    wallet text not null,
    cursor text not null,
    read_until timestamptz not null,
    updated_at timestamptz not null,
    primary key (network, wallet)
);

-- The networks that are read now, and what keeps one from being read.
create table network_state (
    network text not null,
    wallet text not null,
    trouble text,
    stopped boolean not null default false,
    noted_at timestamptz not null,
    primary key (network, wallet),
    constraint network_stopped_by_trouble check (not stopped or trouble is not null)
);

-- What has been read of each network, from height to height, both included; spans do not touch.
create table network_coverage (
    network text not null,
    wallet text not null,
    first bigint not null,
    last bigint not null,
    first_hash text,
    last_hash text,
    began_at timestamptz not null,
    read_at timestamptz not null,
    primary key (network, wallet, first),
    constraint network_coverage_in_order check (0 <= first and first <= last)
);

-- Up to where a wallet's chain and the books agree; without a height they are yet to be compared.
create table reconciliation (
    network text not null,
    wallet text not null,
    not_before timestamptz not null,
    due_at timestamptz not null,
    height bigint,
    ref text,
    at timestamptz,
    balance numeric(78, 0),
    primary key (network, wallet),
    constraint reconciliation_agreed_whole check (num_nulls(height, ref, at, balance) in (0, 4))
);

-- Orders without a balance ----------------------------------------------------------------------

create table website_order (
    order_id bigint primary key,
    network text not null,
    address text not null,
    reservation_id bigint not null references reservation,
    expires_at timestamptz not null, -- of the payment; the order's own deadline moves on once it is paid
    paid_on text, -- the network on which the payment came, whichever was agreed
    refund_tx_hash text,
    constraint website_refund_was_paid check (refund_tx_hash is null or paid_on is not null)
);

create table marketplace_order (
    order_id bigint primary key,
    marketplace text not null,
    external_id text not null,
    constraint marketplace_order_once unique (marketplace, external_id)
);

-- Audit, settings, devnet ---------------------------------------------------------------------

create table api_audit_log (
    number bigint primary key,
    at timestamptz not null,
    actor text not null,
    action text not null,
    target text not null,
    details jsonb not null,
    previous bytea not null,
    hash bytea not null
);
create trigger api_audit_log_immutable before update or delete or truncate on api_audit_log
    for each statement execute function row_is_immutable();

create table setting (
    name text primary key,
    value text not null
);

-- Who works on the shop: each process rewrites its own row, in its place.
create table heartbeat (
    process text primary key,
    role text not null,
    host text not null,
    pid integer not null,
    version text not null,
    started_at timestamptz not null,
    seen_at timestamptz not null
) with (fillfactor = 50);

-- Counts of what is too much to be counted again each time. Events up to the number in 'events_until'
-- are in the count already.
create table tally (
    name text not null,
    outcome text not null,
    count bigint not null,
    primary key (name, outcome)
) with (fillfactor = 50);
insert into tally (name, outcome, count) values ('events_until', '', 0);

create table devnet_transfer (
    id bigint generated always as identity primary key,
    network text not null,
    tx_hash text not null,
    amount bigint not null,
    sender text,
    token text,
    at timestamptz not null,
    constraint devnet_hash_once unique (tx_hash),
    constraint devnet_amount_positive check (amount > 0)
);
create index devnet_of_network on devnet_transfer (network, id);

-- What is wrong, from the first ring to the end; `untold` while an operator is yet to hear of either.
create table alarm (
    id bigint generated always as identity primary key,
    kind text not null,
    subject text not null,
    detail text not null,
    rung_at timestamptz not null,
    ended_at timestamptz,
    untold boolean not null default true,
    leased_until timestamptz
);
create unique index alarm_ringing_once on alarm (kind, subject) where ended_at is null;
create index alarm_untold on alarm (id) where untold;
create index event_exhausted on event (at) where delivery = 'exhausted';
