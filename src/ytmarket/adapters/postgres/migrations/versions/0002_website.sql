create table website_order (
    order_id bigint primary key,
    network text not null,
    address text not null,
    reservation_id bigint not null references reservation,
    expires_at timestamptz not null,
    paid_on text,
    refund_tx_hash text,
    constraint website_refund_was_paid check (refund_tx_hash is null or paid_on is not null)
);

create table marketplace_order (
    order_id bigint primary key,
    marketplace text not null,
    external_id text not null,
    constraint marketplace_order_once unique (marketplace, external_id)
);
