"""One PostgreSQL cluster on disk, made and run by its own programs."""

import os
import secrets
import shutil
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from subprocess import Popen
from typing import Final

import attrs
from psycopg.conninfo import make_conninfo

from ytmarket.adapters.postgres.embedded_account import Account
from ytmarket.adapters.postgres.embedded_binaries import MAJOR, Binaries
from ytmarket.adapters.postgres.embedded_errors import EmbeddedServerError
from ytmarket.adapters.postgres.embedded_files import SOCKET, flush_folder
from ytmarket.adapters.postgres.embedded_locks import is_free
from ytmarket.adapters.postgres.embedded_settings import LOGGING, ROLE, SAFETY, TUNING

STOP_SECONDS: Final = 60
#: From the end of the server to the end of its last process.
LEAVE_SECONDS: Final = 10
PAUSE_SECONDS: Final = 0.01
LOG_LINES: Final = 20


@attrs.frozen(kw_only=True)
class Cluster:
    """A home folder, with the programs and the account that serve it."""

    home: Path
    account: Account
    binaries: Binaries

    @property
    def folder(self) -> Path:
        """What initdb made: PostgreSQL's data directory."""
        return self.home / "cluster"

    @property
    def tree_lock(self) -> Path:
        """Held by every process of the server as long as it lives."""
        return self.home / "tree.lock"

    @property
    def users_lock(self) -> Path:
        """Shared by every process that uses the server."""
        return self.home / "users.lock"

    def create(self, *, keeping: int, durable: bool = True) -> None:
        """Make the cluster beside its place, then move it there: it is whole or it is not.

        initdb keeps the file `keeping` open, so that its lock outlasts our own sudden death.
        """
        draft = attrs.evolve(self, home=self.home.with_name(f"{self.home.name}.new"))
        if draft.home.exists():
            shutil.rmtree(draft.home)
        try:
            draft.prepare()
            draft.initdb(keeping=keeping, durable=durable)
            flush_folder(draft.home)
        except BaseException:
            shutil.rmtree(draft.home, ignore_errors=True)
            raise
        draft.home.rename(self.home)
        flush_folder(self.home.parent)

    def prepare(self) -> None:
        """Make the home folder and a password; nothing is written there after it is handed over."""
        self.home.mkdir(mode=0o700)
        for folder in (self.home / "log", self.home / "run"):
            folder.mkdir(mode=0o700)
            self.account.own(folder)
        password = self.home / "password"
        password.touch(mode=0o600)
        password.write_text(secrets.token_urlsafe(32) + "\n")
        with password.open("rb") as written:
            os.fsync(written.fileno())
        self.account.own(password)
        self.account.own(self.home)

    def initdb(self, *, keeping: int, durable: bool) -> None:
        """Fill the home folder; the only way in is the one role's password.

        Raises:
            EmbeddedServerError: initdb failed; the text is what it said.
        """
        done = self.account.run(
            [
                self.binaries.initdb,
                f"--pgdata={self.folder}",
                f"--username={ROLE}",
                f"--pwfile={self.home / 'password'}",
                "--auth-local=scram-sha-256",
                "--auth-host=reject",
                "--encoding=UTF8",
                "--locale=C",
                "--locale-provider=builtin",
                "--builtin-locale=C.UTF-8",
                "--data-checksums",
                "--no-instructions",
                *([] if durable else ["--no-sync"]),
                *(f"--set={name}={value}" for name, value in TUNING.items()),
            ],
            keeping=[keeping],
        )
        if done.returncode != 0:
            msg = f"PostgreSQL could not make its files in {self.home}:\n{done.stdout.strip()}"
            raise EmbeddedServerError(msg)

    def check(self) -> None:
        """Refuse a folder that these programs cannot serve.

        Raises:
            EmbeddedServerError: Out of reach, not a cluster, or of another major version.
        """
        try:
            version = (self.folder / "PG_VERSION").read_text().strip()
        except FileNotFoundError:
            msg = f"{self.home} is in the way: it holds no PostgreSQL database. Move it elsewhere."
            raise EmbeddedServerError(msg) from None
        if version != MAJOR:
            msg = (
                f"The database in {self.folder} was made by PostgreSQL {version}; this ytmarket "
                f"carries PostgreSQL {MAJOR}, which cannot read it. Start the ytmarket that made it, "
                f"save the database with pg_dump, start this one on a new data folder, and load it "
                f"there with psql."
            )
            raise EmbeddedServerError(msg)
        if not self.account.reaches(self.folder):
            msg = (
                f"The account {self.account.name or self.account.uid}, which runs PostgreSQL, may "
                f"not enter {self.folder}. Give it back the right to pass through the folders above."
            )
            raise EmbeddedServerError(msg)

    def conninfo(self, sockets: Path, database: str) -> str:
        """How to connect; nobody but the server's own account may be at the other end."""
        return make_conninfo(
            host=str(sockets),
            port="5432",
            user=ROLE,
            dbname=database,
            password=self._password(),
            **({} if self.account.name is None else {"requirepeer": self.account.name}),
        )

    def status(self) -> tuple[int, str]:
        """What the server wrote of itself last: its number, and starting, ready or stopping."""
        try:
            lines = (self.folder / "postmaster.pid").read_text().splitlines()
            return int(lines[0]), lines[7].strip()
        except (FileNotFoundError, ValueError, IndexError):
            return 0, ""  # not running, or it has only begun to write

    def spawn(self, sockets: Path, settings: Mapping[str, str], *, keeping: int) -> Popen[bytes]:
        """Start the server, whose processes keep the file `keeping` as long as they live."""
        self._forget_the_dead(sockets)
        given = SAFETY | LOGGING | dict(settings)
        given |= {
            "unix_socket_directories": str(sockets),
            "log_directory": str(self.home / "log"),
        }
        options = [f"--{name}={value}" for name, value in given.items()]
        server = self.account.spawn(
            [self.binaries.postgres, "-D", self.folder, *options],
            log=self.home / "log" / "start.log",
            keeping=[keeping],
        )
        # A dead child that nobody waits for keeps its number, and with it blocks a restart.
        threading.Thread(target=server.wait, name="reap postgres", daemon=True).start()
        return server

    def shut_down(self) -> None:
        """End the server: politely (open transactions are rolled back), or else at once.

        pg_ctl runs as the server's account and so can signal nothing else, whatever the files say.

        Raises:
            EmbeddedServerError: Some process of it is still there.
        """
        told = ""
        for mode in ("fast", "immediate"):
            done = self.account.run(
                [
                    self.binaries.pg_ctl,
                    "stop",
                    f"--pgdata={self.folder}",
                    f"--mode={mode}",
                    f"--timeout={STOP_SECONDS}",
                ]
            )
            told = done.stdout.strip()
            deadline = time.monotonic() + LEAVE_SECONDS
            while time.monotonic() < deadline:
                if is_free(self.tree_lock):
                    return
                time.sleep(PAUSE_SECONDS)
        msg = f"PostgreSQL in {self.folder} does not stop:\n{told}"
        raise EmbeddedServerError(msg)

    def log_tail(self) -> str:
        """The last lines of the last start, and of the newest log."""
        logs = sorted((self.home / "log").glob("*.log"), key=lambda log: log.stat().st_mtime)
        lines: list[str] = []
        for log in logs[-2:]:
            lines += _read(log).splitlines()[-LOG_LINES:]
        return "\n".join(lines)

    def _password(self) -> str:
        return _read(self.home / "password").strip()

    def _forget_the_dead(self, sockets: Path) -> None:
        """Remove the lock files of a server that is surely gone, whose number may be another's.

        Call it only while holding the tree lock: no process that we started is left then. A
        postgres that somebody started by hand is left to PostgreSQL's own judgement. Without
        this, a container restarted after a crash, where numbers are few, would not start.
        """
        pid_file = self.folder / "postmaster.pid"
        try:
            pid = int(pid_file.read_text().splitlines()[0])
        except (FileNotFoundError, ValueError, IndexError):
            return
        if _surely_not_in(pid, self.folder):
            pid_file.unlink()
            (sockets / f"{SOCKET}.lock").unlink(missing_ok=True)


def _surely_not_in(pid: int, folder: Path) -> bool:
    """Whether a process is dead, a zombie, or at work elsewhere than PostgreSQL in its folder."""
    try:
        return not Path(f"/proc/{pid}/cwd").samefile(folder)
    except FileNotFoundError:
        return Path("/proc/self/cwd").exists()  # without /proc nothing is sure
    except PermissionError:
        return False


def _read(path: Path) -> str:
    """The text of a file of the account's, but of no link: root would follow it to others' files."""
    with os.fdopen(os.open(path, os.O_RDONLY | os.O_NOFOLLOW), errors="replace") as file:
        return file.read()
