"""Whether a database's schema is this version's: asked at every start, so without the migrations' library."""

from __future__ import annotations

from importlib.resources import files
from typing import Final

import psycopg

from ytmarket.adapters.postgres.connections import conninfo
from ytmarket.application.errors import ApplicationError

VERSIONS: Final = files("ytmarket.adapters.postgres.migrations.versions")
TAKEN: Final = "select version_num from alembic_version"


class NotMigrated(ApplicationError):
    """This database is empty or of an older version: run `ytmarket migrate` first."""


def newest() -> str:
    """The last step there is; each has a file `v0001_….py`, and they follow each other."""
    return max(file.name[1:5] for file in VERSIONS.iterdir() if file.name.startswith("v0"))


def is_newest(dsn: str) -> bool:
    """False also where it cannot be told: `migrate` then says why, or sets it right."""
    try:
        with psycopg.connect(conninfo(dsn)) as connection:
            return connection.execute(TAKEN).fetchall() == [(newest(),)]
    except psycopg.Error:
        return False
