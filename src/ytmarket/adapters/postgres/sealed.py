"""A look at what is sealed, by which a process learns at its start whether it has the right master key."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from ytmarket.adapters.postgres.connections import lent
from ytmarket.adapters.postgres.database import PostgresDatabase

# A sealed text begins with five bytes that name its key. Of the units, which may be millions, only the
# first and the last are looked at: keys are changed for all of them, in their order.
SAMPLES: Final = """
    select * from (
        select distinct on (substring(sealed_secret for 5)) sealed_secret from api_key
        where sealed_secret is not null
    ) as secret
    union all (select sealed from stock_unit order by id limit 1)
    union all (select sealed from stock_unit order by id desc limit 1)
"""


async def sealed_samples(database: PostgresDatabase) -> Sequence[bytes]:
    """A secret of each master key that has sealed one, and units of stock; nothing in an empty shop."""
    async with lent(database.reading) as connection:
        return [row[0] async for row in await connection.execute(SAMPLES)]
