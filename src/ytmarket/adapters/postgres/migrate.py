"""Brings a database's schema up to date: an empty one at once, an older one step by step."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from importlib.resources import as_file, files
from typing import Final

import psycopg
from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, NullPool, create_engine, text
from sqlalchemy.exc import DBAPIError

from ytmarket.adapters.postgres.connections import conninfo
from ytmarket.adapters.postgres.migrations.running import execute_script
from ytmarket.application.errors import ApplicationError, Unavailable

ONE_AT_A_TIME: Final = text("select pg_advisory_xact_lock(hashtextextended('ytmarket migrations', 0))")
SCRIPTS: Final = files("ytmarket.adapters.postgres.migrations")
SCHEMA: Final = files("ytmarket.adapters.postgres").joinpath("schema.sql")
IS_EMPTY: Final = text(
    "select not exists (select from pg_class where relnamespace = current_schema()::regnamespace)"
)


class NotTheOwner(ApplicationError):
    """The schema is older than this version, and this role may not change it.

    Run `ytmarket migrate` with YTMARKET_DATABASE_OWNER_URL.
    """

    def __str__(self) -> str:
        return f"{super().__str__()}: run `ytmarket migrate` with YTMARKET_DATABASE_OWNER_URL set"


class UnknownSchema(ApplicationError):
    """A newer ytmarket has changed this database: start that one, or restore an older backup."""


def migrate(dsn: str) -> None:
    """Make the schema, or take every step that the database has not taken; all of it or nothing.

    Any number of processes may do so at once: one migrates, the others wait and find it done.

    Raises:
        NotTheOwner: There are steps to take, and the role may not.
        Unavailable: The database does not answer.
        UnknownSchema: It was changed by a newer version.
    """
    with _connected(dsn) as connection, _config(connection) as config:
        connection.execute(ONE_AT_A_TIME)
        _check_known(connection, config)
        if connection.scalar(IS_EMPTY):
            execute_script(connection, SCHEMA.read_text("utf-8"))
            command.stamp(config, "head")
        else:
            command.upgrade(config, "head")


def is_current(dsn: str) -> bool:
    """Whether there is nothing to migrate. Raises `Unavailable` and `UnknownSchema`."""
    with _connected(dsn) as connection, _config(connection) as config:
        _check_known(connection, config)
        return _taken(connection) == set(ScriptDirectory.from_config(config).get_heads())


@contextmanager
def _connected(dsn: str) -> Iterator[Connection]:
    """A connection in a transaction, which is committed at the end of a block without an error."""
    engine = create_engine(
        "postgresql+psycopg://", creator=lambda: psycopg.connect(conninfo(dsn)), poolclass=NullPool
    )
    try:
        with engine.begin() as connection:
            yield connection
    except DBAPIError as error:
        if isinstance(error.orig, psycopg.errors.InsufficientPrivilege):
            raise NotTheOwner from error
        if isinstance(error.orig, psycopg.OperationalError):
            raise Unavailable("the database", str(error.orig).strip()) from error
        raise
    finally:
        engine.dispose()


@contextmanager
def _config(connection: Connection) -> Iterator[Config]:
    with as_file(SCRIPTS) as folder:
        config = Config()
        config.set_main_option("script_location", str(folder).replace("%", "%%"))
        config.set_main_option("path_separator", "newline")
        config.attributes["connection"] = connection
        yield config


def _taken(connection: Connection) -> set[str]:
    return set(MigrationContext.configure(connection).get_current_heads())


def _check_known(connection: Connection, config: Config) -> None:
    known = {script.revision for script in ScriptDirectory.from_config(config).walk_revisions()}
    if not _taken(connection) <= known:
        raise UnknownSchema
