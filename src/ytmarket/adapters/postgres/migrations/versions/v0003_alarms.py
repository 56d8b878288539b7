"""Alarms: what is wrong, until it is not."""

from __future__ import annotations

from ytmarket.adapters.postgres.migrations.running import run

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Make the table of alarms, and find given-up webhooks without looking through all events."""
    run("0003_alarms.sql")
