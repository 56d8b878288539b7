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
