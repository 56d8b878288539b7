"""A chain of our own, kept in the shop's database, with a wallet on each of the six networks."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

import attrs
import psycopg

from ytmarket.adapters.postgres.connections import lent
from ytmarket.adapters.postgres.database import PostgresDatabase
from ytmarket.adapters.postgres.devnet_reader import ONE_AT_A_TIME, WALLETS, DevnetReader
from ytmarket.adapters.postgres.settings import read_setting, write_setting
from ytmarket.application.ports.devnet import DevnetTransfer, SupplierMode
from ytmarket.domain import limits
from ytmarket.domain.errors import InvalidValue
from ytmarket.domain.money import ZERO
from ytmarket.domain.networks import Network

SUPPLIER_MODE: Final = "devnet_supplier_mode"
AGE_SECONDS_MAX: Final = 10 * 366 * 86_400

# "devnet" and 58 digits of chance: as long as a real hash, and nobody takes it for one.
SEND: Final = """
    insert into devnet_transfer (network, tx_hash, amount, sender, token, at)
    values (
        %s, left('devnet' || replace(gen_random_uuid()::text || gen_random_uuid()::text, '-', ''), 64),
        %s, %s, %s, date_trunc('second', clock_timestamp()) - %s
    )
    returning tx_hash
"""


@attrs.frozen
class PostgresDevnet:
    """The `Devnet` port, and a `ChainReader` for each of its networks."""

    _database: PostgresDatabase

    async def send(self, transfer: DevnetTransfer) -> str:
        """Raises `InvalidValue` for an amount or an age that no chain could have."""
        if not ZERO < transfer.amount <= limits.AMOUNT_MAX:
            raise InvalidValue(f"a transfer moves more than 0 and at most {limits.AMOUNT_MAX} USDT")
        if not 0 <= transfer.age_seconds <= AGE_SECONDS_MAX:
            raise InvalidValue(f"{transfer.age_seconds} seconds is no age: send 0 to {AGE_SECONDS_MAX}")
        network = transfer.network
        token = None if transfer.token == network.facts.token else transfer.token
        age = timedelta(seconds=transfer.age_seconds)
        values = (network, transfer.amount.micros, transfer.sender, token, age)
        async with lent(self._database.writing) as connection:
            await connection.execute(ONE_AT_A_TIME)
            row = await (await connection.execute(SEND, values)).fetchone()
            await connection.commit()
        if row is None:
            raise psycopg.DataError("an insert answered no row")
        return str(row[0])

    async def supplier_mode(self) -> SupplierMode:
        mode = await read_setting(self._database.reading, SUPPLIER_MODE)
        return SupplierMode.DELIVER if mode is None else SupplierMode(mode)

    async def set_supplier_mode(self, mode: SupplierMode) -> None:
        await write_setting(self._database.reading, SUPPLIER_MODE, mode)

    def reader(self, network: Network) -> DevnetReader:
        """A reader of this network's transfers to the shop."""
        return DevnetReader(self._database.writing, network)

    def wallet(self, network: Network) -> str:
        """Where to pay to. It looks like an address of the network, and no real chain has it."""
        return WALLETS[network.facts.family]
