"""Up to where each wallet's chain and the books agree."""

from __future__ import annotations

from ytmarket.adapters.postgres.migrations.running import run

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    """Make the table of agreements, and find deposits by their height."""
    run("0008_reconciliation.sql")
