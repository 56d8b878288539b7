create table tally (
    name text not null,
    outcome text not null,
    count bigint not null,
    primary key (name, outcome)
) with (fillfactor = 50);
insert into tally (name, outcome, count) select 'events', status, count(*) from event group by status;
insert into tally (name, outcome, count) select 'events_until', '', coalesce(max(id), 0) from event;
