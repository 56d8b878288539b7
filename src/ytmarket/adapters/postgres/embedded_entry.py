"""How a process gets into the embedded PostgreSQL: by the open door, or by starting it."""

import time
from collections.abc import Mapping
from pathlib import Path
from signal import SIGINT
from subprocess import Popen, TimeoutExpired
from typing import Final

import psycopg

from ytmarket.adapters.postgres.embedded_cluster import STOP_SECONDS, Cluster
from ytmarket.adapters.postgres.embedded_errors import EmbeddedServerError
from ytmarket.adapters.postgres.embedded_locks import is_free, locked
from ytmarket.adapters.postgres.embedded_settings import DATABASE

#: Recovery after a crash replays about a gigabyte at most; this is for slow disks.
START_SECONDS: Final = 180
#: A server that calls itself ready and lets nobody in is on its way out, or not ours to enter.
JOIN_SECONDS: Final = 30
CONNECT_SECONDS: Final = 10
PAUSE_SECONDS: Final = 0.01
READY: Final = ("ready", "standby")
FIND_DATABASE: Final = "SELECT FROM pg_database WHERE datname = %s"
CREATE_DATABASE: Final = f"CREATE DATABASE {DATABASE}"


def join(cluster: Cluster, sockets: Path) -> bool:
    """Wait until a server that runs lets us in; False as soon as none runs."""
    begun = time.monotonic()
    failure = "it has not become ready"
    while not is_free(cluster.tree_lock):
        ready = cluster.status()[1] in READY
        if ready:
            try:
                _enter(cluster, sockets)
            except psycopg.OperationalError as error:
                failure = str(error)
            else:
                return True
        if time.monotonic() - begun > (JOIN_SECONDS if ready else START_SECONDS):
            msg = f"PostgreSQL runs in {cluster.folder} and cannot be used: {failure}\n{cluster.log_tail()}"
            raise EmbeddedServerError(msg)
        time.sleep(PAUSE_SECONDS)
    return False


def launch(cluster: Cluster, sockets: Path, settings: Mapping[str, str]) -> None:
    """Start the server and wait until it lets us in; leave no process where it does not."""
    with locked(cluster.tree_lock) as tree:
        server = cluster.spawn(sockets, settings, keeping=tree)
    try:
        _await_ready(cluster, server)
        _enter(cluster, sockets)
    except BaseException as error:
        _abandon(server)
        if isinstance(error, psycopg.Error):
            msg = f"PostgreSQL started in {cluster.folder} and cannot be used: {error}"
            raise EmbeddedServerError(msg) from error
        raise


def _await_ready(cluster: Cluster, server: Popen[bytes]) -> None:
    deadline = time.monotonic() + START_SECONDS
    while True:
        pid, word = cluster.status()
        if pid == server.pid and word in READY:
            return
        if server.poll() is not None or time.monotonic() > deadline:
            msg = f"PostgreSQL did not start in {cluster.folder}. Its log ends:\n{cluster.log_tail()}"
            raise EmbeddedServerError(msg)
        time.sleep(PAUSE_SECONDS)


def _enter(cluster: Cluster, sockets: Path) -> None:
    """Really connect, and make the database in a cluster that has only just been made."""
    with psycopg.connect(
        cluster.conninfo(sockets, "postgres"), autocommit=True, connect_timeout=CONNECT_SECONDS
    ) as connection:
        if connection.execute(FIND_DATABASE, [DATABASE]).fetchone() is None:
            connection.execute(CREATE_DATABASE)


def _abandon(server: Popen[bytes]) -> None:
    if server.poll() is None:
        server.send_signal(SIGINT)
        try:
            server.wait(STOP_SECONDS)
        except TimeoutExpired:
            server.kill()
