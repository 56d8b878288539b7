-- How far TON was read is kept under one spelling of a wallet, UQ... in the base 64 of URLs.
create function ton_checksum(content bytea) returns integer language plpgsql immutable as $$
declare
    checksum integer := 0;
begin
    for place in 0..length(content) - 1 loop
        checksum := checksum # (get_byte(content, place) << 8);
        for bit in 1..8 loop
            checksum := (checksum << 1) # (case when checksum & 32768 > 0 then 69665 else 0 end);
        end loop;
    end loop;
    return checksum;
end $$;

create function ton_wallet(address text) returns text language plpgsql immutable as $$
declare
    content bytea;
    checksum integer;
begin
    if address !~ '^([A-Za-z0-9_-]{48}|[A-Za-z0-9+/]{48})$' then
        return address;
    end if;
    content := decode(translate(address, '-_', '+/'), 'base64');
    if get_byte(content, 0) not in (17, 81) or ton_checksum(content) <> 0 then
        return address;
    end if;
    content := set_byte(content, 0, 81);
    checksum := ton_checksum(substring(content for 34));
    content := set_byte(set_byte(content, 34, checksum >> 8), 35, checksum & 255);
    return translate(encode(content, 'base64'), '+/', '-_');
end $$;

-- Of two spellings the one that was read less far: what lies between is read then, and nothing twice.
with former as (
    delete from network_progress where network = 'usdt_ton' returning *
)
insert into network_progress (network, wallet, cursor, read_until, updated_at)
select distinct on (ton_wallet(wallet)) network, ton_wallet(wallet), cursor, read_until, updated_at
from former order by ton_wallet(wallet), read_until;

with former as (
    delete from network_state where network = 'usdt_ton' returning *
)
insert into network_state (network, wallet, trouble, stopped, noted_at)
select distinct on (ton_wallet(wallet)) network, ton_wallet(wallet), trouble, stopped, noted_at
from former order by ton_wallet(wallet), noted_at desc;

with former as (
    delete from network_coverage where network = 'usdt_ton' returning *
), reaching as (
    select former.*, ton_wallet(wallet) as source,
        max(last) over (
            partition by ton_wallet(wallet) order by first, last
            rows between unbounded preceding and 1 preceding
        ) as reached
    from former
), islands as (
    select reaching.*,
        count(*) filter (where reached is null or first > reached + 1)
            over (partition by source order by first, last) as island
    from reaching
)
insert into network_coverage (network, wallet, first, last, first_hash, last_hash, began_at, read_at)
select network, source, min(first), max(last),
    (array_agg(first_hash order by first))[1], (array_agg(last_hash order by last desc))[1],
    min(began_at), max(read_at)
from islands group by network, source, island;

drop function ton_wallet(text);
drop function ton_checksum(bytea);
