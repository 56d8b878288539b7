"""The promises of the ports as tests, for whoever writes an adapter.

    import pytest
    from ytmarket.testing.contracts import StoreContract

    class TestMyStore(StoreContract):
        @pytest.fixture
        def my_database(self):
            return MyDatabase()

        @pytest.fixture
        def new_unit_of_work(self, my_database):
            return my_database.unit_of_work

        @pytest.fixture
        def queries(self, my_database):
            return my_database.queries

Every promise in a port's docstring is then a test of `TestMyStore`. Each test wants a store of its
own, empty. The fixtures may as well be asynchronous, or stand in a conftest.py; a contract's
docstring names those that it needs. Parts of a store have contracts of their own (`TopupContract`,
`OrderDeskContract`, ...), with the same two fixtures, for adapters that grow step by step.

They run on pytest with anyio's plugin: `pip install "ytmarket[testing]"`.
"""

from __future__ import annotations

import pkgutil

import pytest

# Before the imports below, so that their assertions tell what they compared.
pytest.register_assert_rewrite(*(f"{__name__}.{module.name}" for module in pkgutil.iter_modules(__path__)))

from ytmarket.testing.contracts.accounts import AccountContract  # noqa: E402 - see above
from ytmarket.testing.contracts.alarms import AlarmContract  # noqa: E402 - see above
from ytmarket.testing.contracts.api_keys import ApiKeyContract  # noqa: E402 - see above
from ytmarket.testing.contracts.audit import AuditContract  # noqa: E402 - see above
from ytmarket.testing.contracts.books import BooksContract  # noqa: E402 - see above
from ytmarket.testing.contracts.catalog import CatalogContract  # noqa: E402 - see above
from ytmarket.testing.contracts.chain_auditor import AuditUnderTest, ChainAuditorContract  # noqa: E402 - see above
from ytmarket.testing.contracts.chain_reader import ChainReaderContract, ChainUnderTest  # noqa: E402 - see above
from ytmarket.testing.contracts.clock import ClockContract  # noqa: E402 - see above
from ytmarket.testing.contracts.deposits import DepositContract  # noqa: E402 - see above
from ytmarket.testing.contracts.desk import OrderDeskContract  # noqa: E402 - see above
from ytmarket.testing.contracts.devnet import DevnetContract  # noqa: E402 - see above
from ytmarket.testing.contracts.heartbeats import HeartbeatContract  # noqa: E402 - see above
from ytmarket.testing.contracts.leadership import LeadershipContract  # noqa: E402 - see above
from ytmarket.testing.contracts.networks import NetworkContract  # noqa: E402 - see above
from ytmarket.testing.contracts.node_reader import NodeReaderContract, NodeUnderTest  # noqa: E402 - see above
from ytmarket.testing.contracts.orders import OrderContract  # noqa: E402 - see above
from ytmarket.testing.contracts.orphans import OrphanContract  # noqa: E402 - see above
from ytmarket.testing.contracts.queries import QueriesContract  # noqa: E402 - see above
from ytmarket.testing.contracts.races import RaceContract  # noqa: E402 - see above
from ytmarket.testing.contracts.rate_limiter import Limited, RateLimiterContract  # noqa: E402 - see above
from ytmarket.testing.contracts.rate_source import RateSourceContract  # noqa: E402 - see above
from ytmarket.testing.contracts.receiver import Arrived, LoopbackReceiver, Receiver, loopback_receiver  # noqa: E402 - see above
from ytmarket.testing.contracts.reconciliation import ReconciliationContract  # noqa: E402 - see above
from ytmarket.testing.contracts.requests import RequestContract  # noqa: E402 - see above
from ytmarket.testing.contracts.settling import SettlingContract  # noqa: E402 - see above
from ytmarket.testing.contracts.store import StoreContract  # noqa: E402 - see above
from ytmarket.testing.contracts.supplier import SupplierContract  # noqa: E402 - see above
from ytmarket.testing.contracts.tokens import TokensContract  # noqa: E402 - see above
from ytmarket.testing.contracts.topups import TopupContract  # noqa: E402 - see above
from ytmarket.testing.contracts.unit_of_work import UnitOfWorkContract  # noqa: E402 - see above
from ytmarket.testing.contracts.vault import VaultContract  # noqa: E402 - see above
from ytmarket.testing.contracts.watching import WatchingContract  # noqa: E402 - see above
from ytmarket.testing.contracts.webhook_sender import HttpSenderContract, WebhookSenderContract  # noqa: E402 - see above
from ytmarket.testing.contracts.webhooks import WebhookContract  # noqa: E402 - see above
from ytmarket.testing.contracts.website import WebsiteContract  # noqa: E402 - see above
from ytmarket.testing.contracts.website_payments import WebsitePaymentContract  # noqa: E402 - see above
from ytmarket.testing.contracts.website_races import WebsiteRaceContract  # noqa: E402 - see above
from ytmarket.testing.contracts.world import World  # noqa: E402 - see above

__all__ = [
    "AccountContract",
    "AlarmContract",
    "ApiKeyContract",
    "Arrived",
    "AuditContract",
    "AuditUnderTest",
    "BooksContract",
    "CatalogContract",
    "ChainAuditorContract",
    "ChainReaderContract",
    "ChainUnderTest",
    "ClockContract",
    "DepositContract",
    "DevnetContract",
    "HeartbeatContract",
    "HttpSenderContract",
    "LeadershipContract",
    "Limited",
    "LoopbackReceiver",
    "NetworkContract",
    "NodeReaderContract",
    "NodeUnderTest",
    "OrderContract",
    "OrderDeskContract",
    "OrphanContract",
    "QueriesContract",
    "RaceContract",
    "RateLimiterContract",
    "RateSourceContract",
    "Receiver",
    "ReconciliationContract",
    "RequestContract",
    "SettlingContract",
    "StoreContract",
    "SupplierContract",
    "TokensContract",
    "TopupContract",
    "UnitOfWorkContract",
    "VaultContract",
    "WatchingContract",
    "WebhookContract",
    "WebhookSenderContract",
    "WebsiteContract",
    "WebsitePaymentContract",
    "WebsiteRaceContract",
    "World",
    "loopback_receiver",
]
