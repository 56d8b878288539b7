"""A PostgreSQL of its own for a test run, and a database of its own for each test."""

import os
import secrets
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import TracebackType
from typing import Final, Self

import attrs
import psycopg
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from psycopg.sql import SQL, Identifier

from ytmarket.adapters.postgres import embedded
from ytmarket.adapters.postgres.embedded_files import Placement

FAST: Final = {"fsync": "off"}
CREATE: Final = SQL("CREATE DATABASE {}")
CREATE_FROM: Final = SQL("CREATE DATABASE {} TEMPLATE {}")
DROP: Final = SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)")


MEMORY: Final = Path("/dev/shm")  # noqa: S108 - what is put there is made by mkdtemp
MEMORY_BYTES_MIN: Final = 2 * 1024**3


@contextmanager
def temporary_data_dir(*, in_memory: bool = False) -> Iterator[Path]:
    """The path of a data folder for a test; at the end its server is stopped and nothing of it is left.

    As root, prefer it to pytest's `tmp_path`: the account that runs PostgreSQL cannot enter that
    one, so the database would go to the system folder. *in_memory*: in the machine's memory, where
    there is room; a database is hundreds of small files, so that is many times faster.
    """
    parent = Path(tempfile.mkdtemp(prefix="ytmarket-test-", dir=_memory() if in_memory else None))
    if os.geteuid() == 0:
        parent.chmod(0o711)
    data_dir = parent / "data"
    try:
        yield data_dir
    finally:
        try:
            embedded.shut_down(data_dir)
            placement = Placement.read(data_dir)
            if placement is not None:
                shutil.rmtree(placement.home, ignore_errors=True)
        finally:
            shutil.rmtree(parent)


@attrs.define
class TemporaryPostgres:
    """An embedded server in a temporary folder, for as long as the `with` block lasts.

    It runs with the settings of production. `fast=True` turns fsync off, and keeps the files in memory
    where there is room: a power failure would lose the data, and bootstrapping the whole server on it
    is refused for that reason.
    """

    fast: bool = False
    _server: embedded.EmbeddedServer | None = attrs.field(default=None, init=False)
    _cleanup: ExitStack = attrs.field(factory=ExitStack, init=False, repr=False)

    def __enter__(self) -> Self:
        with ExitStack() as cleanup:
            data_dir = cleanup.enter_context(temporary_data_dir(in_memory=self.fast))
            self._server = embedded.start(data_dir, settings=FAST if self.fast else {})
            cleanup.callback(self._server.stop)
            self._cleanup = cleanup.pop_all()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._cleanup.close()
        self._server = None

    @property
    def dsn(self) -> str:
        """How to connect to the server's first database, which is empty."""
        if self._server is None:
            msg = "The temporary PostgreSQL runs only inside its `with` block."
            raise RuntimeError(msg)
        return self._server.dsn

    def new_database(self, template: str | None = None) -> str:
        """Make a database, empty or a copy of `template`, and return how to connect to it.

        `template` is the name of a database, or what this method returned; nobody may be
        connected to it meanwhile. The cheapest way to a migrated database for each test is to
        migrate one and copy it.
        """
        name = f"test_{secrets.token_hex(8)}"
        if template is None:
            self._execute(CREATE.format(Identifier(name)))
        else:
            self._execute(CREATE_FROM.format(Identifier(name), Identifier(_name_in(template))))
        return make_conninfo(self.dsn, dbname=name)

    def drop_database(self, database: str) -> None:
        """Remove a database, by name or by what `new_database` returned, and cut off its users."""
        self._execute(DROP.format(Identifier(_name_in(database))))

    def _execute(self, statement: psycopg.sql.Composed) -> None:
        with psycopg.connect(self.dsn, dbname="postgres", autocommit=True) as connection:
            connection.execute(statement)


def _name_in(database: str) -> str:
    """The name of a database, given as a name or as a connection string."""
    if "=" not in database and "://" not in database:
        return database
    return str(conninfo_to_dict(database)["dbname"])


def _memory() -> Path | None:
    """A folder in memory; None, for the usual temporary folder, where there is none or too little of it."""
    usable = MEMORY.is_dir() and os.access(MEMORY, os.W_OK)
    return MEMORY if usable and shutil.disk_usage(MEMORY).free >= MEMORY_BYTES_MIN else None
