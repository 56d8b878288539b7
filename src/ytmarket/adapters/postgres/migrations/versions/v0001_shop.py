"""The shop's first schema."""

from __future__ import annotations

from ytmarket.adapters.postgres.migrations.running import run

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Make every table of the shop."""
    run("0001_shop.sql")
