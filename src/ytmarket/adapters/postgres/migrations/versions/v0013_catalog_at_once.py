"""A catalogue that changes as a whole changes at once."""

from __future__ import annotations

from ytmarket.adapters.postgres.migrations.running import run

revision = "0013"
down_revision = "0012"


def upgrade() -> None:
    """Look at skus at a statement's end, and count the version up once for each."""
    run("0013_catalog_at_once.sql")
