"""What has been read of each network."""

from __future__ import annotations

from ytmarket.adapters.postgres.migrations.running import run

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    """Make the table of spans that were read."""
    run("0009_coverage.sql")
