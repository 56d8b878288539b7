"""Frozen accounts: whoever posts a transfer, their balance stays."""

from __future__ import annotations

from ytmarket.adapters.postgres.migrations.running import run

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    """Let the trigger that keeps balances refuse those that are frozen."""
    run("0007_frozen.sql")
