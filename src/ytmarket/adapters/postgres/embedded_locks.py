"""Locks between processes that the kernel itself lets go when their holder dies.

Each is an flock on an open file. A child that inherits the file shares the lock, so that a lock
handed to PostgreSQL is held until the last of its processes is gone, whoever started it.
"""

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from ytmarket.adapters.postgres.embedded_errors import EmbeddedServerError

WAIT_SECONDS: Final = 300
PAUSE_SECONDS: Final = 0.02


@contextmanager
def locked(path: Path) -> Iterator[int]:
    """Hold the lock alone, after whoever has it now; yields the file, for children to inherit.

    Raises:
        EmbeddedServerError: Somebody else had the lock for too long.
    """
    deadline = time.monotonic() + WAIT_SECONDS
    while (file := try_lock(path)) is None:
        if time.monotonic() > deadline:
            msg = f"Another process has been holding {path} for {WAIT_SECONDS} seconds. Stop it first."
            raise EmbeddedServerError(msg)
        time.sleep(PAUSE_SECONDS)
    try:
        yield file
    finally:
        # Closing is enough, and unlike an unlock leaves it to a child that inherited it.
        os.close(file)


def try_lock(path: Path) -> int | None:
    """Take the lock alone, or None where anybody has it; closing the file lets it go."""
    try:
        return _open_locked(path, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return None


def share(path: Path) -> int:
    """Take the lock beside others who share it; closing the file lets it go."""
    return _open_locked(path, fcntl.LOCK_SH)


def is_free(path: Path) -> bool:
    """Whether nobody has the lock at this moment."""
    if (file := try_lock(path)) is not None:
        os.close(file)
    return file is not None


def _open_locked(path: Path, kind: int) -> int:
    file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    try:
        status = os.fstat(file)
        if os.geteuid() == status.st_uid == 0 and status.st_nlink == 1:
            # Made by root in somebody's folder, it must not lock that somebody out later.
            folder = path.parent.stat()
            os.fchown(file, folder.st_uid, folder.st_gid)
        fcntl.flock(file, kind)
    except BaseException:
        os.close(file)
        raise
    return file
