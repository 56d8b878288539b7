"""The PostgreSQL server that ytmarket brings along, for whoever has named none.

`start` makes a database in the data folder, or finds the one that is there, and returns how to
connect. Any number of processes may do so at once: one starts the server, the others join it,
and the last to leave stops it. Whoever dies without leaving counts as gone, so a server can
outlive them all; the next to start joins it, or recovers what a crash left, and nothing is lost.
"""

import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from types import MappingProxyType
from typing import Final

if sys.platform == "win32":
    reason = "The embedded PostgreSQL needs Linux or macOS. Here, set YTMARKET_DATABASE_URL."
    raise ImportError(reason)

import attrs

from ytmarket.adapters.postgres.embedded_account import account_for
from ytmarket.adapters.postgres.embedded_binaries import binaries_for
from ytmarket.adapters.postgres.embedded_cluster import Cluster
from ytmarket.adapters.postgres.embedded_entry import join, launch
from ytmarket.adapters.postgres.embedded_errors import EmbeddedServerError
from ytmarket.adapters.postgres.embedded_files import (
    LOCK,
    NOTE,
    Placement,
    choose_home,
    choose_sockets,
    make_data_dir,
)
from ytmarket.adapters.postgres.embedded_locks import is_free, locked, share
from ytmarket.adapters.postgres.embedded_settings import DATABASE

__all__ = ["EmbeddedServer", "EmbeddedServerError", "running", "shut_down", "start"]

NO_SETTINGS: Final[Mapping[str, str]] = MappingProxyType({})


@attrs.define
class _Seat:
    """Our share of the users' lock, until we leave."""

    file: int | None = None

    def leave(self) -> bool:
        """Give it up; False where that was done before."""
        file, self.file = self.file, None
        if file is not None:
            os.close(file)
        return file is not None


@attrs.frozen(kw_only=True)
class EmbeddedServer:
    """A running server, and our seat in it.

    `dsn` is a libpq connection string and holds the password; `started_here` says whether this
    very call started the server. A child made by `os.fork` holds the seat too, while it lives.
    """

    dsn: str = attrs.field(repr=False)
    data_dir: Path
    started_here: bool
    _cluster: Cluster = attrs.field(repr=False)
    _sockets: Path = attrs.field(repr=False)
    _seat: _Seat = attrs.field(repr=False)

    def stop(self) -> None:
        """Leave the server, and stop it if nobody else is using it; again, it does nothing.

        Raises:
            EmbeddedServerError: The server does not stop.
        """
        with _explained(self.data_dir), locked(self.data_dir / LOCK):
            if not self._seat.leave() or not is_free(self._cluster.users_lock):
                return
            if not is_free(self._cluster.tree_lock):
                self._cluster.shut_down()
            if self._sockets.parent != self._cluster.home:
                with suppress(OSError):
                    self._sockets.rmdir()


def start(data_dir: Path, *, settings: Mapping[str, str] = NO_SETTINGS) -> EmbeddedServer:
    """Start the database of a data folder, or join it where it runs; make it where there is none.

    `settings` are PostgreSQL's own, for the case that the server is started by this call.

    Raises:
        EmbeddedServerError: It cannot be; the text says what to do.
    """
    data_dir = data_dir.resolve()
    with _explained(data_dir):
        make_data_dir(data_dir)
        with locked(data_dir / LOCK) as lock:
            cluster, sockets = _prepare(data_dir, settings, lock=lock)
            seat = _Seat(share(cluster.users_lock))
            try:
                joined = join(cluster, sockets)
                if not joined:
                    launch(cluster, sockets, settings)
            except BaseException:
                seat.leave()
                raise
            return _server(data_dir, cluster, sockets, seat, started_here=not joined)


def running(data_dir: Path) -> EmbeddedServer | None:
    """Look whether the database of a data folder runs; start nothing, make nothing.

    Looking takes no seat: the server may stop at any time, and `stop` does nothing to it. To use
    the server, call `start`, which joins it.

    Raises:
        EmbeddedServerError: It runs and cannot be used; the text says what to do.
    """
    data_dir = data_dir.resolve()
    with _explained(data_dir):
        noted = Placement.read(data_dir)
        if noted is None or not noted.home.exists():
            return None
        with locked(data_dir / LOCK):
            cluster = _cluster(data_dir, noted.home)
            sockets = choose_sockets(noted, cluster.account)
            if not join(cluster, sockets):
                return None
            return _server(data_dir, cluster, sockets, _Seat(), started_here=False)


def shut_down(data_dir: Path) -> None:
    """Stop the server of a data folder, whoever uses it; fine where none runs.

    Raises:
        EmbeddedServerError: It does not stop.
    """
    data_dir = data_dir.resolve()
    with _explained(data_dir):
        noted = Placement.read(data_dir)
        if noted is None or not noted.home.exists():
            return
        with locked(data_dir / LOCK):
            cluster = _cluster(data_dir, noted.home)
            if not is_free(cluster.tree_lock):
                cluster.shut_down()


def _server(
    data_dir: Path, cluster: Cluster, sockets: Path, seat: _Seat, *, started_here: bool
) -> EmbeddedServer:
    return EmbeddedServer(
        dsn=cluster.conninfo(sockets, DATABASE),
        data_dir=data_dir,
        started_here=started_here,
        cluster=cluster,
        sockets=sockets,
        seat=seat,
    )


def _cluster(data_dir: Path, home: Path) -> Cluster:
    account = account_for(data_dir, home)
    return Cluster(home=home, account=account, binaries=binaries_for(account))


def _prepare(data_dir: Path, settings: Mapping[str, str], *, lock: int) -> tuple[Cluster, Path]:
    """The cluster, made if need be, and the folder of its socket; the note tells of both."""
    noted = Placement.read(data_dir)
    cluster = _cluster(data_dir, noted.home if noted else data_dir / "postgres")
    if noted is None:
        # Noted before it is made: what a crash leaves behind is then found again.
        noted = Placement(home=choose_home(data_dir, cluster.account))
        noted.write(data_dir)
        cluster = attrs.evolve(cluster, home=noted.home)
    if not cluster.home.exists():
        if noted.finished:
            msg = (
                f"The database of {data_dir} was in {cluster.home} and is gone. Restore that "
                f"folder, or remove {data_dir / NOTE} to begin with an empty database."
            )
            raise EmbeddedServerError(msg)
        cluster.create(keeping=lock, durable=settings.get("fsync") != "off")
    cluster.check()
    sockets = choose_sockets(noted, cluster.account)
    elsewhere = sockets if sockets.parent != cluster.home else None
    placement = attrs.evolve(noted, finished=True, sockets=elsewhere)
    if placement != noted:
        placement.write(data_dir)
    return cluster, sockets


@contextmanager
def _explained(data_dir: Path) -> Iterator[None]:
    """What the system refuses becomes an error that shows the way out."""
    try:
        yield
    except OSError as error:
        msg = (
            f"The embedded PostgreSQL cannot use the data folder {data_dir}: {error}."
            " Name another one by --data-dir or YTMARKET_DATA_DIR."
        )
        raise EmbeddedServerError(msg) from error
