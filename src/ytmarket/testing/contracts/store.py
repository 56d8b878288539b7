"""All promises of a store in one contract: units of work, every repository, and the questions."""

from __future__ import annotations

from ytmarket.testing.contracts.accounts import AccountContract
from ytmarket.testing.contracts.alarms import AlarmContract
from ytmarket.testing.contracts.api_keys import ApiKeyContract
from ytmarket.testing.contracts.audit import AuditContract
from ytmarket.testing.contracts.catalog import CatalogContract
from ytmarket.testing.contracts.deposits import DepositContract
from ytmarket.testing.contracts.desk import OrderDeskContract
from ytmarket.testing.contracts.heartbeats import HeartbeatContract
from ytmarket.testing.contracts.networks import NetworkContract
from ytmarket.testing.contracts.orders import OrderContract
from ytmarket.testing.contracts.orphans import OrphanContract
from ytmarket.testing.contracts.queries import QueriesContract
from ytmarket.testing.contracts.races import RaceContract
from ytmarket.testing.contracts.reconciliation import ReconciliationContract
from ytmarket.testing.contracts.requests import RequestContract
from ytmarket.testing.contracts.settling import SettlingContract
from ytmarket.testing.contracts.topups import TopupContract
from ytmarket.testing.contracts.unit_of_work import UnitOfWorkContract
from ytmarket.testing.contracts.watching import WatchingContract
from ytmarket.testing.contracts.webhooks import WebhookContract
from ytmarket.testing.contracts.website import WebsiteContract
from ytmarket.testing.contracts.website_payments import WebsitePaymentContract
from ytmarket.testing.contracts.website_races import WebsiteRaceContract


class StoreContract(
    UnitOfWorkContract,
    AccountContract,
    ApiKeyContract,
    RequestContract,
    OrderDeskContract,
    OrderContract,
    TopupContract,
    DepositContract,
    OrphanContract,
    SettlingContract,
    NetworkContract,
    ReconciliationContract,
    CatalogContract,
    WebhookContract,
    WebsiteContract,
    WebsitePaymentContract,
    WebsiteRaceContract,
    HeartbeatContract,
    WatchingContract,
    AuditContract,
    AlarmContract,
    QueriesContract,
    RaceContract,
):
    """Needs `new_unit_of_work` and `queries`, both of one store that is empty for each test."""
