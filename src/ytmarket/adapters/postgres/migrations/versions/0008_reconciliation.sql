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
create index deposit_by_height on deposit (network, height);
