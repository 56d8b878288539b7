"""One atomic change to the shop in memory: its repositories, and the commit."""

from __future__ import annotations

from collections.abc import Callable

import attrs

from ytmarket.adapters.inmemory.accounts import InMemoryAccounts
from ytmarket.adapters.inmemory.alarms import InMemoryAlarms
from ytmarket.adapters.inmemory.api_keys import InMemoryApiKeys
from ytmarket.adapters.inmemory.audit import InMemoryAudit
from ytmarket.adapters.inmemory.catalog import InMemoryCatalog
from ytmarket.adapters.inmemory.deposits import InMemoryDeposits
from ytmarket.adapters.inmemory.desk import InMemoryOrderDesk
from ytmarket.adapters.inmemory.heartbeats import InMemoryHeartbeats
from ytmarket.adapters.inmemory.networks import InMemoryNetworks
from ytmarket.adapters.inmemory.orders import InMemoryOrders
from ytmarket.adapters.inmemory.reconciliation import InMemoryReconciliation
from ytmarket.adapters.inmemory.requests import InMemoryRequests
from ytmarket.adapters.inmemory.state import State
from ytmarket.adapters.inmemory.tallies import InMemoryTallies
from ytmarket.adapters.inmemory.topups import InMemoryTopups
from ytmarket.adapters.inmemory.webhooks import InMemoryWebhooks
from ytmarket.adapters.inmemory.website import InMemoryWebsite


@attrs.frozen
class InMemoryUnitOfWork:
    """The `UnitOfWork` port; made by `InMemoryDatabase.unit_of_work`."""

    _state: State
    _commit: Callable[[], None]

    @property
    def accounts(self) -> InMemoryAccounts:
        return InMemoryAccounts(self._state)

    @property
    def api_keys(self) -> InMemoryApiKeys:
        return InMemoryApiKeys(self._state)

    @property
    def requests(self) -> InMemoryRequests:
        return InMemoryRequests(self._state)

    @property
    def desk(self) -> InMemoryOrderDesk:
        return InMemoryOrderDesk(self._state)

    @property
    def orders(self) -> InMemoryOrders:
        return InMemoryOrders(self._state)

    @property
    def website(self) -> InMemoryWebsite:
        return InMemoryWebsite(self._state)

    @property
    def topups(self) -> InMemoryTopups:
        return InMemoryTopups(self._state)

    @property
    def deposits(self) -> InMemoryDeposits:
        return InMemoryDeposits(self._state)

    @property
    def networks(self) -> InMemoryNetworks:
        return InMemoryNetworks(self._state)

    @property
    def catalog(self) -> InMemoryCatalog:
        return InMemoryCatalog(self._state)

    @property
    def webhooks(self) -> InMemoryWebhooks:
        return InMemoryWebhooks(self._state)

    @property
    def audit(self) -> InMemoryAudit:
        return InMemoryAudit(self._state)

    @property
    def alarms(self) -> InMemoryAlarms:
        return InMemoryAlarms(self._state)

    @property
    def heartbeats(self) -> InMemoryHeartbeats:
        return InMemoryHeartbeats(self._state)

    @property
    def tallies(self) -> InMemoryTallies:
        return InMemoryTallies(self._state)

    @property
    def reconciliation(self) -> InMemoryReconciliation:
        return InMemoryReconciliation(self._state)

    async def commit(self) -> None:
        self._commit()
