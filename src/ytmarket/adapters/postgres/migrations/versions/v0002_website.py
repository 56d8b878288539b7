"""Orders without a balance: how the website's are paid, and under which number others were sold."""

from __future__ import annotations

from ytmarket.adapters.postgres.migrations.running import run

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Make the tables of website and marketplace orders."""
    run("0002_website.sql")
