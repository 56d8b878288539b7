"""Where the embedded PostgreSQL keeps its files, and the note in the data folder that says so.

    data_dir/postgres.json    the note: where home is, and whether it was ever finished
    data_dir/postgres.lock    held by whoever starts or stops the server
    home                      data_dir/postgres, or a folder in /var/lib/ytmarket
        cluster/              what initdb made
        password              of the one role, `ytmarket`
        run/                  the socket, unless the path is too long for one
        log/                  a week of logs, and `start.log` with the last start
        tree.lock             held by every process of the server as long as it lives
        users.lock            shared by every process that uses the server

No folder's mode or owner is changed unless it was made here.
"""

import json
import os
import re
import secrets
import stat
import tempfile
from pathlib import Path
from typing import Final, Self

import attrs

from ytmarket.adapters.postgres.embedded_account import ROOT, Account
from ytmarket.adapters.postgres.embedded_errors import EmbeddedServerError

#: For what root cannot share from its own folders.
SYSTEM_FOLDER: Final = Path("/var/lib/ytmarket")
NOTE: Final = "postgres.json"
LOCK: Final = "postgres.lock"
SOCKET: Final = ".s.PGSQL.5432"
#: The address of a socket has room for 107 bytes on Linux and for 103 on macOS.
SOCKET_BYTES_MAX: Final = 103


@attrs.frozen(kw_only=True)
class Placement:
    """The note: where a data folder's database is."""

    home: Path
    finished: bool = False
    sockets: Path | None = None

    @classmethod
    def read(cls, data_dir: Path) -> Self | None:
        """What the note says, or None where there is none.

        Raises:
            EmbeddedServerError: It is there and cannot be understood.
        """
        note = data_dir / NOTE
        try:
            told = json.loads(note.read_text("utf-8"))
            sockets = told["sockets"]
            return cls(
                home=data_dir / told["home"],
                finished=bool(told["finished"]),
                sockets=None if sockets is None else Path(sockets),
            )
        except FileNotFoundError:
            return None
        except (ValueError, KeyError, TypeError) as error:
            msg = f"{note} is damaged ({error}). Restore it from your backup of the data folder."
            raise EmbeddedServerError(msg) from error

    def write(self, data_dir: Path) -> None:
        """Replace the note, whole and on disk."""
        inside = self.home.is_relative_to(data_dir)
        told = {
            "home": str(self.home.relative_to(data_dir) if inside else self.home),
            "finished": self.finished,
            "sockets": None if self.sockets is None else str(self.sockets),
        }
        with tempfile.NamedTemporaryFile("w", dir=data_dir, prefix=f"{NOTE}.", delete=False) as draft:
            json.dump(told, draft)
            draft.flush()
            folder = data_dir.stat()
            if os.geteuid() == ROOT:
                os.fchown(draft.fileno(), folder.st_uid, folder.st_gid)
            os.fsync(draft.fileno())
        Path(draft.name).replace(data_dir / NOTE)
        flush_folder(data_dir)


def make_data_dir(data_dir: Path) -> None:
    """Make the data folder where it is missing, for its owner alone.

    As root, PostgreSQL runs under another account, which must pass through on the way to its
    own folder: others may then enter, and can list and read nothing.
    """
    missing = [folder for folder in (data_dir, *data_dir.parents) if not folder.exists()]
    for folder in reversed(missing):
        folder.mkdir(exist_ok=True)
        folder.chmod(0o711 if os.geteuid() == ROOT else 0o700)
        flush_folder(folder.parent)


def choose_home(data_dir: Path, account: Account) -> Path:
    """The data folder, or the system's where root's account cannot get that far."""
    if account.reaches(data_dir):
        return data_dir / "postgres"
    if not account.switched:
        msg = f"{data_dir} belongs to somebody else: this account may not enter it."
        raise EmbeddedServerError(msg)
    name = re.sub(r"[^A-Za-z0-9.-]", "-", data_dir.name)[:20]
    return system_folder() / f"{name}-{secrets.token_hex(8)}"


def system_folder() -> Path:
    """Root's own folder, passable by all and writable by nobody else."""
    if not SYSTEM_FOLDER.exists():
        SYSTEM_FOLDER.mkdir(parents=True, exist_ok=True)
        SYSTEM_FOLDER.chmod(0o755)
    status = SYSTEM_FOLDER.lstat()
    if not stat.S_ISDIR(status.st_mode) or status.st_uid != ROOT or status.st_mode & 0o022:
        msg = f"{SYSTEM_FOLDER} must be a folder that belongs to root and that only root can write."
        raise EmbeddedServerError(msg)
    return SYSTEM_FOLDER


def choose_sockets(placement: Placement, account: Account) -> Path:
    """A private folder for the socket: in home, or else in a temporary folder.

    A name in a shared folder could be taken by anybody first, so the name there is a random
    one, and it is used again only while it is still ours alone.
    """
    inside = placement.home / "run"
    if _fits(inside):
        if not inside.exists():
            inside.mkdir(mode=0o700)
            account.own(inside)
        return inside
    if placement.sockets is not None and is_private(placement.sockets, account):
        return placement.sockets
    for shared in (Path(tempfile.gettempdir()), Path("/tmp"), Path("/var/tmp")):  # noqa: S108 - see above
        if _fits(shared / "ytmarket-12345678") and account.reaches(shared):
            made = Path(tempfile.mkdtemp(dir=shared, prefix="ytmarket-"))
            account.own(made)
            return made
    msg = f"{placement.home} is too long a path for a socket, and no temporary folder will do."
    raise EmbeddedServerError(msg)


def is_private(folder: Path, account: Account) -> bool:
    """Whether this is a folder of the account's own that nobody else can enter."""
    try:
        status = folder.lstat()
    except OSError:
        return False
    return stat.S_ISDIR(status.st_mode) and status.st_uid == account.uid and not status.st_mode & 0o077


def flush_folder(folder: Path) -> None:
    """Wait until the names in a folder are on disk."""
    file = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(file)
    finally:
        os.close(file)


def _fits(folder: Path) -> bool:
    """Whether a socket there has an address that PostgreSQL and libpq both read as one path."""
    try:
        address = str(folder / SOCKET).encode()
    except UnicodeEncodeError:
        return False
    return len(address) <= SOCKET_BYTES_MAX and not set(b',"') & set(address)
