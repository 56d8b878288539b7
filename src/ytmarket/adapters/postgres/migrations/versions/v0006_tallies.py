"""Counts of what is too much to be counted again each time."""

from __future__ import annotations

from ytmarket.adapters.postgres.migrations.running import run

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    """Count the events that there are."""
    run("0006_tallies.sql")
