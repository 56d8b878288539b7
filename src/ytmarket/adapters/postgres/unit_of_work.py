"""A unit of work is one transaction on one connection."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from typing import Final

import attrs
import psycopg
from psycopg.pq import TransactionStatus

from ytmarket.adapters.postgres.accounts import PostgresAccounts
from ytmarket.adapters.postgres.alarms import PostgresAlarms
from ytmarket.adapters.postgres.api_keys import PostgresApiKeys
from ytmarket.adapters.postgres.audit import PostgresAudit
from ytmarket.adapters.postgres.catalog import PostgresCatalog
from ytmarket.adapters.postgres.connections import Connection, Pool, lent
from ytmarket.adapters.postgres.deposits import PostgresDeposits
from ytmarket.adapters.postgres.desk import PostgresOrderDesk
from ytmarket.adapters.postgres.desk_basket import DeskMemory
from ytmarket.adapters.postgres.errors import unknown_outcome
from ytmarket.adapters.postgres.heartbeats import PostgresHeartbeats
from ytmarket.adapters.postgres.networks import PostgresNetworks
from ytmarket.adapters.postgres.orders import PostgresOrders
from ytmarket.adapters.postgres.reconciliation import PostgresReconciliation
from ytmarket.adapters.postgres.requests import PostgresRequests
from ytmarket.adapters.postgres.tallies import PostgresTallies
from ytmarket.adapters.postgres.topups import PostgresTopups
from ytmarket.adapters.postgres.webhooks import PostgresWebhooks
from ytmarket.adapters.postgres.website import PostgresWebsite
from ytmarket.application.errors import ApplicationError
from ytmarket.application.ports.unit_of_work import NewUnitOfWork, UnitOfWork

LONG_SECONDS: Final = 110.0
LONG: Final = "set local statement_timeout = '100s'"


class Abandoned(ApplicationError):
    """A step was refused, so nothing of this unit of work can be committed; begin another one."""


@attrs.frozen
class PostgresUnitOfWork:
    """One transaction on one connection, which all repositories of this unit of work write through.

    What may wait for the commit is put into `_until_commit`, to share its round trip. A patient one
    waits for its turn to change products.
    """

    _connection: Connection
    _memory: DeskMemory
    _until_commit: AsyncExitStack
    _is_patient: bool = False

    @property
    def accounts(self) -> PostgresAccounts:
        return PostgresAccounts(self._connection)

    @property
    def api_keys(self) -> PostgresApiKeys:
        return PostgresApiKeys(self._connection)

    @property
    def requests(self) -> PostgresRequests:
        return PostgresRequests(self._connection)

    @property
    def desk(self) -> PostgresOrderDesk:
        return PostgresOrderDesk(self._connection, self._memory, self._until_commit)

    @property
    def orders(self) -> PostgresOrders:
        return PostgresOrders(self._connection)

    @property
    def website(self) -> PostgresWebsite:
        return PostgresWebsite(self._connection, self._memory)

    @property
    def topups(self) -> PostgresTopups:
        return PostgresTopups(self._connection)

    @property
    def deposits(self) -> PostgresDeposits:
        return PostgresDeposits(self._connection)

    @property
    def networks(self) -> PostgresNetworks:
        return PostgresNetworks(self._connection)

    @property
    def catalog(self) -> PostgresCatalog:
        return PostgresCatalog(self._connection, self._is_patient)

    @property
    def webhooks(self) -> PostgresWebhooks:
        return PostgresWebhooks(self._connection)

    @property
    def audit(self) -> PostgresAudit:
        return PostgresAudit(self._connection)

    @property
    def alarms(self) -> PostgresAlarms:
        return PostgresAlarms(self._connection)

    @property
    def heartbeats(self) -> PostgresHeartbeats:
        return PostgresHeartbeats(self._connection)

    @property
    def tallies(self) -> PostgresTallies:
        return PostgresTallies(self._connection)

    @property
    def reconciliation(self) -> PostgresReconciliation:
        return PostgresReconciliation(self._connection)

    async def commit(self) -> None:
        """Raises `Abandoned` after a refusal: PostgreSQL would take COMMIT for ROLLBACK, and not say so."""
        if self._connection.info.transaction_status is TransactionStatus.INERROR:
            raise Abandoned
        try:
            await self._connection.commit()
            await self._until_commit.aclose()
        except psycopg.Error as error:
            told = unknown_outcome(error)
            if told is error:
                raise
            raise told from error


def patient_units_of_work(pool: Pool) -> NewUnitOfWork:
    """Units of work that may take minutes: for loads of stock, which nobody's order waits for."""
    memory = DeskMemory()

    @asynccontextmanager
    async def new_unit_of_work() -> AsyncIterator[UnitOfWork]:
        async with lent(pool, patience=LONG_SECONDS) as connection, AsyncExitStack() as until_commit:
            await connection.execute(LONG)
            yield PostgresUnitOfWork(connection, memory, until_commit, is_patient=True)

    def opened() -> AbstractAsyncContextManager[UnitOfWork]:
        return new_unit_of_work()

    return opened


def units_of_work(pool: Pool) -> NewUnitOfWork:
    """What begins units of work on this pool, for the services."""
    memory = DeskMemory()

    @asynccontextmanager
    async def new_unit_of_work() -> AsyncIterator[UnitOfWork]:
        async with lent(pool) as connection, AsyncExitStack() as until_commit:
            yield PostgresUnitOfWork(connection, memory, until_commit)

    def opened() -> AbstractAsyncContextManager[UnitOfWork]:
        return new_unit_of_work()

    return opened
