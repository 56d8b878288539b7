"""How the reading of each network fares."""

from __future__ import annotations

from ytmarket.adapters.postgres.migrations.running import run

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Make the table of the networks that are read."""
    run("0004_network_state.sql")
