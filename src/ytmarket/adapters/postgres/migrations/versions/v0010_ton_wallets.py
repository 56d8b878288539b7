"""What was read of TON under several spellings of one wallet is one history."""

from __future__ import annotations

from ytmarket.adapters.postgres.migrations.running import run

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    """Name progress, troubles and spans of TON by the one spelling that is looked up from now on."""
    run("0010_ton_wallets.sql")
