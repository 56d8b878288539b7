"""One atomic change to the shop's books and shelves."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import Protocol, TypeAlias

from ytmarket.application.ports.alarms import AlarmRepository
from ytmarket.application.ports.heartbeats import HeartbeatRepository
from ytmarket.application.ports.networks import NetworkRepository
from ytmarket.application.ports.reconciliation import ReconciliationRepository
from ytmarket.application.ports.repositories import (
    AccountRepository,
    ApiKeyRepository,
    AuditRepository,
    CatalogRepository,
    DepositRepository,
    OrderDeskRepository,
    OrderRepository,
    RequestRepository,
    TopupRepository,
    WebhookRepository,
)
from ytmarket.application.ports.watching import TallyRepository
from ytmarket.application.ports.website import WebsiteRepository


class UnitOfWork(Protocol):
    """All or nothing: what is done inside takes effect with commit(), and only so.

    * leaving the block without commit(), normally or by an exception, changes nothing;
    * what one unit of work has locked, another waits for;
    * what a database constraint forbids is raised as the domain's refusal for it;
    * a store that does not answer raises Unavailable, or OutcomeUnknown if commit() was under way.

    Locks are taken in one order everywhere, so that nobody waits in a circle: order desk or catalogue,
    order, deposit, account, reservation, top-up, product, units, audit. The desk brings its accounts and
    products along; whoever holds a reservation asks for neither of them. Of many products the lowest id
    is locked first.
    """

    @property
    def accounts(self) -> AccountRepository: ...

    @property
    def api_keys(self) -> ApiKeyRepository: ...

    @property
    def requests(self) -> RequestRepository: ...

    @property
    def desk(self) -> OrderDeskRepository: ...

    @property
    def orders(self) -> OrderRepository: ...

    @property
    def website(self) -> WebsiteRepository: ...

    @property
    def topups(self) -> TopupRepository: ...

    @property
    def deposits(self) -> DepositRepository: ...

    @property
    def networks(self) -> NetworkRepository: ...

    @property
    def catalog(self) -> CatalogRepository: ...

    @property
    def webhooks(self) -> WebhookRepository: ...

    @property
    def audit(self) -> AuditRepository: ...

    @property
    def alarms(self) -> AlarmRepository: ...

    @property
    def heartbeats(self) -> HeartbeatRepository: ...

    @property
    def tallies(self) -> TallyRepository: ...

    @property
    def reconciliation(self) -> ReconciliationRepository: ...

    async def commit(self) -> None: ...


NewUnitOfWork: TypeAlias = Callable[[], AbstractAsyncContextManager[UnitOfWork]]
