"""All that makes up a schema, read from PostgreSQL's catalogue, without how it came about."""

from __future__ import annotations

from typing import Final

import psycopg

# A column that a later step added stands last in its table, so where a column stands does not count.
EVERYTHING: Final = """
with ours as (
    select oid, relname, relkind, reloptions from pg_class
    where relnamespace = 'public'::regnamespace and relname not like 'alembic_version%'
)
select 'table', relname, relkind::text || ' ' || coalesce(array_to_string(reloptions, ','), '')
from ours where relkind in ('r', 'S')
union all
select 'column', relname || '.' || attname,
    concat_ws(' ', format_type(atttypid, atttypmod), case when attnotnull then 'not null' end,
        nullif(attidentity::text, ''), nullif(attgenerated::text, ''), pg_get_expr(adbin, adrelid))
from pg_attribute join ours on ours.oid = attrelid
left join pg_attrdef on adrelid = attrelid and adnum = attnum
where relkind = 'r' and attnum > 0 and not attisdropped
union all
select 'constraint', relname || '.' || conname, pg_get_constraintdef(pg_constraint.oid)
from pg_constraint join ours on ours.oid = conrelid where contype <> 'n'
union all
select 'index', relname, pg_get_indexdef(oid) from ours where relkind = 'i'
union all
select 'trigger', relname || '.' || tgname, pg_get_triggerdef(pg_trigger.oid)
from pg_trigger join ours on ours.oid = tgrelid where not tgisinternal
union all
select 'function', proname, pg_get_functiondef(oid) from pg_proc where pronamespace = 'public'::regnamespace
union all
select 'type', typname, typtype::text from pg_type
where typnamespace = 'public'::regnamespace and typrelid = 0 and typelem = 0
union all
select 'extension', extname, extversion from pg_extension
union all
select 'sequence', seqrelid::regclass::text,
    concat_ws(' ', format_type(seqtypid, null), seqstart, seqincrement, seqmin, seqmax, seqcache, seqcycle)
from pg_sequence join ours on ours.oid = seqrelid
union all
select 'row', 'catalog_version', to_jsonb(catalog_version)::text from catalog_version
"""


def schema_facts(dsn: str) -> dict[tuple[str, str], str]:
    """(kind, name) → definition, of everything in the schema."""
    with psycopg.connect(dsn) as connection:
        return {(row[0], row[1]): row[2] for row in connection.execute(EVERYTHING)}
