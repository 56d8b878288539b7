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
    return null;
end $$;
