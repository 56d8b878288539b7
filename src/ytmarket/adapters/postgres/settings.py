"""What the database remembers about itself: whether it is devnet's, and how devnet's supplier behaves."""

from __future__ import annotations

from typing import Final

from ytmarket.adapters.postgres.connections import Pool, lent
from ytmarket.adapters.postgres.database import PostgresDatabase
from ytmarket.application.errors import ApplicationError

KIND: Final = "belongs_to"
DEVNET: Final = "devnet"
REAL: Final = "real networks"

READ: Final = "select value from setting where name = %s"
WRITE: Final = """
    insert into setting (name, value) values (%s, %s) on conflict (name) do update set value = excluded.value
"""
# Answers what stands there: the first to come decides, also when two come at once.
CLAIM: Final = """
    insert into setting (name, value) values (%s, %s)
    on conflict (name) do update set value = setting.value returning value
"""
WALLETS: Final = "YTMARKET_TRON_WALLET, YTMARKET_EVM_WALLET, YTMARKET_TON_WALLET or YTMARKET_SOLANA_WALLET"
OTHER_DATABASE: Final = (
    "name another database in YTMARKET_DATABASE_URL or another folder in YTMARKET_DATA_DIR"
)


class WrongDatabase(ApplicationError):
    """This database is of the other kind, and devnet's money must never meet real money."""


async def claim_database(database: PostgresDatabase, *, devnet: bool) -> None:
    """Make sure that the database belongs to devnet, or to real networks, since its first start.

    Raises:
        WrongDatabase: It belongs to the other; the text names the settings to change.
    """
    wanted = DEVNET if devnet else REAL
    async with lent(database.reading) as connection:
        row = await (await connection.execute(CLAIM, (KIND, wanted))).fetchone()
    if row is None or row[0] == wanted:
        return
    if devnet:
        raise WrongDatabase(f"it serves real networks: set {WALLETS} again, or {OTHER_DATABASE}")
    raise WrongDatabase(f"it serves devnet: unset {WALLETS} to go on with devnet, or {OTHER_DATABASE}")


async def read_setting(pool: Pool, name: str) -> str | None:
    """What was last written under this name, by any process."""
    async with lent(pool) as connection:
        row = await (await connection.execute(READ, (name,))).fetchone()
    return None if row is None else str(row[0])


async def write_setting(pool: Pool, name: str, value: str) -> None:
    """Keep a value under a name; the pool's connections commit by themselves."""
    async with lent(pool) as connection:
        await connection.execute(WRITE, (name, value))
