create or replace function transfer_is_posted() returns trigger language plpgsql as $$
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

alter table transfer add constraint transfer_named_after_its_cause check (
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
);
alter table orders add constraint order_key check ((channel = 'api') = (api_key_id is not null));
