"""What has changed in the books since a moment: told by the transactions that wrote the rows.

Every row knows the transaction that has written it, whoever did and through whichever door. What is gone
knows nothing any more; PostgreSQL's statistics do.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, TypeAlias

import attrs
from psycopg import AsyncConnection
from psycopg.rows import TupleRow

Connection: TypeAlias = AsyncConnection[TupleRow]
Scope: TypeAlias = Mapping[str, list[int]]
"""Numbers of what has changed, by the names that the questions give them."""

# Whatever a transaction's snapshot does not show was written by one from this number on.
MOMENT: Final = "select pg_snapshot_xmin(pg_current_snapshot())::text::bigint"
XIDS: Final = 2**32  # rows keep the lower half of a transaction's number
TOO_LONG_AGO: Final = 10**9

# Nobody deletes from these tables. PostgreSQL counts who does it all the same, a second late at most, and
# gives a table that was emptied or written anew another file.
DELETED: Final = """
    select relname, n_tup_del, pg_relation_filenode(relid) from pg_stat_user_tables
    where relname = any(%s) and schemaname = current_schema()
"""

COLUMNS: Final[Mapping[str, Mapping[str, tuple[str, ...]]]] = {
    "account": {"accounts": ("id",)},
    "transfer": {
        "transfers": ("id",),
        "accounts": (
            "account_id",
            "substring(debit from '^customer:([0-9]{1,18})$')::bigint",
            "substring(credit from '^customer:([0-9]{1,18})$')::bigint",
        ),
        "orders": ("order_id",),
        "deposits": ("deposit_id",),
    },
    "orders": {"orders": ("id",)},
    "event": {"orders": ("order_id",)},
    "deposit": {"deposits": ("id",)},
    "reservation": {"reservations": ("id",)},
    "product": {"products": ("id",)},
    "stock_unit": {"products": ("product_id",), "orders": ("order_id",), "units": ("id",)},
    "topup": {"topups": ("id",), "deposits": ("deposit_id",)},
    "website_order": {"orders": ("order_id",), "reservations": ("reservation_id",)},
    "delivery": {"orders": ("order_id",), "units": ("unit_id",)},
}
"""Table → name in the questions → the columns in which it is told."""

HANDED_OUT_AS: Final = "select order_id from delivery where unit_id = any(%s::bigint[])"
NAMES: Final = tuple({name: None for names in COLUMNS.values() for name in names})


@attrs.frozen(kw_only=True)
class Known:
    """A moment, and by table what PostgreSQL knew at it of rows that had gone."""

    moment: int
    gone: Mapping[str, tuple[int, int]]


async def moment_of(connection: Connection) -> Known:
    """The moment that the open transaction sees."""
    rows = await connection.execute(DELETED, (list(COLUMNS),))
    gone = {table: (int(deleted), int(file)) async for table, deleted, file in rows}
    row = await (await connection.execute(MOMENT)).fetchone()
    return Known(moment=0 if row is None else int(row[0]), gone=gone)


async def changed_since(connection: Connection, known: Known, now: Known) -> Scope | None:
    """What has changed between two moments, the later of which the open transaction sees.

    None where that cannot be told: rows are gone, or it is too long ago, or was in another database.
    """
    if not 0 <= now.moment - known.moment < TOO_LONG_AGO or known.gone != now.gone:
        return None
    scope: dict[str, set[Any]] = {name: set() for name in NAMES}
    for table, names in COLUMNS.items():
        told = [(name, column) for name, columns in names.items() for column in columns]
        columns = ", ".join(f"array_agg(distinct {column})" for _, column in told)
        look = f"select {columns} from {table} where age(xmin) <= age(%s::text::xid)"
        row = await (await connection.execute(look.encode(), (str(known.moment % XIDS),))).fetchone()
        for (name, _), numbers in zip(told, row or (), strict=True):
            scope[name].update(numbers or ())
    # A unit that was taken away does not tell any more from which order: its hand-out does.
    handed = await connection.execute(HANDED_OUT_AS, (list(scope["units"]),))
    scope["orders"].update([row[0] async for row in handed])
    return {name: [number for number in numbers if number is not None] for name, numbers in scope.items()}
