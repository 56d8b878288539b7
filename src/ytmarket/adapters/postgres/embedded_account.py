"""The operating system account that the embedded PostgreSQL runs under.

PostgreSQL refuses to run as root. Everybody else runs it as themselves; root hands it to the
owner of the data folder, or else to the account `postgres`, or else to `nobody`.
"""

import os
import pwd
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

import attrs

from ytmarket.adapters.postgres.embedded_errors import EmbeddedServerError

ROOT: Final = 0
FALLBACKS: Final = ("postgres", "nobody")
#: What PostgreSQL may see of our environment: no secret of the shop, and no PG* variable, for
#: those would override what we tell it.
PASSED_ON: Final = ("PATH", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH")

LOGGED: Final = 'log=$1; shift; exec "$@" >"$log" 2>&1'


@attrs.frozen(kw_only=True)
class Account:
    """Who PostgreSQL runs as; `name` is None where the system has no name for the number."""

    uid: int
    gid: int
    name: str | None
    switched: bool

    def own(self, path: Path) -> None:
        """Hand over a file or a folder that we made, and never what a link points to."""
        if self.switched:
            os.chown(path, self.uid, self.gid, follow_symlinks=False)

    def run(
        self,
        command: Sequence[str | Path],
        *,
        given: str = "",
        keeping: Sequence[int] = (),
    ) -> subprocess.CompletedProcess[str]:
        """Run a short command to its end as this account; its output is in `stdout`."""
        return subprocess.run(  # noqa: S603 - our own programs, fixed arguments and paths
            command,
            check=False,
            input=given,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            cwd="/",
            env=_environment(),
            umask=0o077,
            pass_fds=keeping,
            user=self.uid if self.switched else None,
            group=self.gid if self.switched else None,
            extra_groups=[] if self.switched else None,
        )

    def spawn(
        self, command: Sequence[str | Path], *, log: Path, keeping: Sequence[int]
    ) -> subprocess.Popen[bytes]:
        """Start a server as this account, out of reach of the terminal's Ctrl-C.

        The account itself opens the log: root would follow a link there.
        """
        return subprocess.Popen(  # noqa: S603 - our own programs, fixed arguments and paths
            ["/bin/sh", "-c", LOGGED, "sh", log, *command],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            cwd="/",
            env=_environment(),
            umask=0o077,
            pass_fds=keeping,
            start_new_session=True,
            user=self.uid if self.switched else None,
            group=self.gid if self.switched else None,
            extra_groups=[] if self.switched else None,
        )

    def reaches(self, folder: Path) -> bool:
        """Whether this account can go into the folder; the system itself answers."""
        return self.run(["/bin/sh", "-c", 'cd "$1"', "sh", folder]).returncode == 0


def account_for(data_dir: Path, home: Path) -> Account:
    """The account for a data folder; a cluster that is there already keeps its own."""
    if os.geteuid() != ROOT:
        return _account(os.geteuid(), os.getegid(), switched=False)
    for folder in (home, data_dir):
        if folder.is_dir() and (status := folder.stat()).st_uid != ROOT:
            owner = _account(status.st_uid, status.st_gid, switched=True)
            # initdb wants a name for its account; a cluster that exists can do without.
            if owner.name is not None or folder == home:
                return owner
    for name in FALLBACKS:
        if (entry := _entry(name)) is not None and entry.pw_uid != ROOT:
            return _account(entry.pw_uid, entry.pw_gid, switched=True)
    msg = (
        "PostgreSQL refuses to run as root, and this machine has neither an account "
        f"{' nor '.join(FALLBACKS)}. Start ytmarket as an ordinary user."
    )
    raise EmbeddedServerError(msg)


def _account(uid: int, gid: int, *, switched: bool) -> Account:
    try:
        name = pwd.getpwuid(uid).pw_name
    except KeyError:
        name = None
    return Account(uid=uid, gid=gid, name=name, switched=switched)


def _entry(name: str) -> pwd.struct_passwd | None:
    try:
        return pwd.getpwnam(name)
    except KeyError:
        return None


def _environment() -> Mapping[str, str]:
    passed_on = {name: os.environ[name] for name in PASSED_ON if name in os.environ}
    return passed_on | {"LC_ALL": "C", "TZ": "UTC"}
