alter table orders add column receiver text;
create index orders_to_fulfil on orders ((coalesce(leased_until, '-infinity')), deadline_at, id)
    where status = 'processing';
