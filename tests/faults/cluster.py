"""A PostgreSQL that a test may stop, kill, freeze and start again, with a database for each test."""

from __future__ import annotations

import os
import secrets
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import attrs
import psycopg
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from psycopg.sql import SQL, Composed, Identifier, Literal

from ytmarket.adapters.postgres import embedded
from ytmarket.adapters.postgres.embedded_files import Placement

END_BACKENDS = SQL("select pg_terminate_backend(pid, 3000) from pg_stat_activity where datname = {}")


@attrs.define
class Cluster:
    """The server that the shop brings along, as durable as in production."""

    data_dir: Path
    _server: embedded.EmbeddedServer | None = None

    @property
    def dsn(self) -> str:
        assert self._server is not None, "it does not run"
        return self._server.dsn

    @property
    def home(self) -> Path:
        placement = Placement.read(self.data_dir)
        assert placement is not None
        return placement.home

    def start(self) -> None:
        """Start it; fine where it runs."""
        if self._server is None:
            self._server = embedded.start(self.data_dir)

    def stop(self) -> None:
        """As an operator would."""
        self._leave()

    def kill(self) -> None:
        """Every process at once, as a machine that loses its power would."""
        tree = self.processes()
        for pid in tree:
            with suppress(ProcessLookupError):  # one of a moment has gone by itself
                os.kill(pid, signal.SIGKILL)
        while any(Path(f"/proc/{pid}/fd").exists() and _alive(pid) for pid in tree):
            time.sleep(0.01)
        self._leave()

    @contextmanager
    def frozen(self) -> Iterator[None]:
        """Every process stands still, and its sockets stay open."""
        # The postmaster first: a child that it starts while they are listed would go on working.
        os.kill(self.processes()[0], signal.SIGSTOP)
        tree = self.processes()
        for pid in tree:
            os.kill(pid, signal.SIGSTOP)
        try:
            yield
        finally:
            for pid in tree:
                os.kill(pid, signal.SIGCONT)

    def processes(self) -> list[int]:
        """The postmaster first, so that it starts nobody anew."""
        postmaster = int((self.home / "cluster" / "postmaster.pid").read_text().splitlines()[0])
        listed = subprocess.run(
            ["ps", "--ppid", str(postmaster), "-o", "pid="], capture_output=True, text=True, check=False
        )
        return [postmaster, *map(int, listed.stdout.split())]

    def new_database(self, template: str | None = None) -> str:
        """An empty database, or a copy; how to connect to it."""
        name = f"test_{secrets.token_hex(6)}"
        copied = SQL("") if template is None else SQL(" template {}").format(Identifier(name_of(template)))
        self.run(SQL("create database {}").format(Identifier(name)) + copied)
        return make_conninfo(self.dsn, dbname=name)

    def drop_database(self, dsn: str) -> None:
        self.run(SQL("drop database if exists {} with (force)").format(Identifier(name_of(dsn))))

    def end_backends(self, dsn: str) -> None:
        """End every connection to a database; its users are welcome to come back."""
        self.run(END_BACKENDS.format(Literal(name_of(dsn))))

    def run(self, statement: Composed) -> None:
        with psycopg.connect(self.dsn, dbname="postgres", autocommit=True) as connection:
            connection.execute(statement)

    def _leave(self) -> None:
        server, self._server = self._server, None
        if server is not None:
            server.stop()


def name_of(dsn: str) -> str:
    return str(conninfo_to_dict(dsn)["dbname"])


def _alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in {"Z", "X"}
    except OSError:
        return False
