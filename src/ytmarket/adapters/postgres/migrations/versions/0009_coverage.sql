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
