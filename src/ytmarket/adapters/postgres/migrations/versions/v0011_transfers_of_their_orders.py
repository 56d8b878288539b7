"""What is moved for an order is its customer's, and named after it."""

from __future__ import annotations

from ytmarket.adapters.postgres.migrations.running import run

revision = "0011"
down_revision = "0010"


def upgrade() -> None:
    """Let the database refuse a transfer of somebody else's order."""
    run("0011_transfers_of_their_orders.sql")
