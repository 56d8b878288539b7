"""Which processes work on the shop."""

from __future__ import annotations

from ytmarket.adapters.postgres.migrations.running import run

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Make the table of heartbeats."""
    run("0005_heartbeats.sql")
