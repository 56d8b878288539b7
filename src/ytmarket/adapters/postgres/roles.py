"""Two roles: the owner makes and changes tables, and the server, which cannot, uses them.

So no connection of a running shop can change what is posted, written down or handed out, or put the
triggers to sleep that forbid it.
"""

from __future__ import annotations

import hashlib
import hmac
from typing import Final

import psycopg
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from ytmarket.adapters.postgres.connections import conninfo
from ytmarket.adapters.postgres.errors import refusal
from ytmarket.application.errors import ApplicationError

SERVER: Final = "ytmarket_server"
"""The role of servers on the embedded database."""

ONLY_GROW: Final = ("api_audit_log", "transfer", "delivery")
ONE_AT_A_TIME: Final = "select pg_advisory_xact_lock(hashtextextended('ytmarket migrations', 0))"
WHO: Final = "select current_user"
IS_THERE: Final = "select exists (select from pg_roles where rolname = %s)"
# What a new table, or none of our granting, leaves to be done.
IS_AS_IT_MUST_BE: Final = """
    select coalesce(bool_and(
        case when relname = any(%(only_grow)s) then has_table_privilege(%(role)s, oid, 'insert')
                and not has_table_privilege(%(role)s, oid, 'update')
            when relkind = 'S' then has_sequence_privilege(%(role)s, oid, 'usage')
            else has_table_privilege(%(role)s, oid, 'select') end
    ), false)
    from pg_class where relnamespace = current_schema()::regnamespace and relkind in ('r', 'S')
"""
CAN_STILL: Final = """
    select relname from pg_class
    where relnamespace = current_schema()::regnamespace and relname = any(%(only_grow)s)
        and has_table_privilege(%(role)s, oid, 'update, delete, truncate, trigger')
"""
GRANTS: Final = """
    revoke all on all tables in schema {schema} from {role};
    grant usage on schema {schema} to {role};
    grant usage, select, update on all sequences in schema {schema} to {role};
    grant select, insert, update, delete on all tables in schema {schema} to {role};
    revoke update, delete on {only_grow} from {role};
    revoke insert, update, delete on alembic_version from {role}
"""


class RoleTooMighty(ApplicationError):
    """The role in YTMARKET_DATABASE_URL could change the audit: it must own nothing and be no superuser."""


def server_of(owner_dsn: str) -> str:
    """How a server connects to the embedded database, whose owner connects like this."""
    given = conninfo_to_dict(owner_dsn)
    secret = hmac.new(str(given["password"]).encode(), SERVER.encode(), hashlib.sha256).hexdigest()
    return make_conninfo(owner_dsn, user=SERVER, password=secret)


def make_server_role(owner_dsn: str) -> None:
    """Make the embedded database's role for servers, where it is not there yet. Raises `Unavailable`."""
    password = str(conninfo_to_dict(server_of(owner_dsn))["password"])
    try:
        with psycopg.connect(conninfo(owner_dsn)) as connection:
            connection.execute(ONE_AT_A_TIME)
            if _one(connection.execute(IS_THERE, (SERVER,))):
                return
            make = sql.SQL("create role {} login password {}")
            connection.execute(make.format(sql.Identifier(SERVER), sql.Literal(password)))
    except psycopg.Error as error:
        raise refusal(error) from error


def let_in(owner_dsn: str, server_dsn: str) -> None:
    """Give the server's role what a shop needs of the owner's tables, and no more; again, it does nothing.

    Raises:
        RoleTooMighty: It has more, and not from here.
        Unavailable: The database does not answer, to either of them.
    """
    try:
        with psycopg.connect(conninfo(server_dsn)) as connection:
            role = str(_one(connection.execute(WHO)))
        values = {"role": role, "only_grow": list(ONLY_GROW)}
        with psycopg.connect(conninfo(owner_dsn)) as connection:
            connection.execute(ONE_AT_A_TIME)
            if not _one(connection.execute(IS_AS_IT_MUST_BE, values)):
                schema = str(_one(connection.execute("select current_schema()")))
                connection.execute(_grants(schema, role))
            if connection.execute(CAN_STILL, values).fetchone() is not None:
                raise RoleTooMighty(role)
    except psycopg.Error as error:
        raise refusal(error) from error


def _grants(schema: str, role: str) -> sql.Composed:
    return sql.SQL(GRANTS).format(
        schema=sql.Identifier(schema),
        role=sql.Identifier(role),
        only_grow=sql.SQL(", ").join(map(sql.Identifier, ONLY_GROW)),
    )


def _one(cursor: psycopg.Cursor[tuple[object, ...]]) -> object:
    row = cursor.fetchone()
    return None if row is None else row[0]
