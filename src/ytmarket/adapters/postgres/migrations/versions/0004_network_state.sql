create table network_state (
    network text not null,
    wallet text not null,
    trouble text,
    stopped boolean not null default false,
    noted_at timestamptz not null,
    primary key (network, wallet),
    constraint network_stopped_by_trouble check (not stopped or trouble is not null)
);
