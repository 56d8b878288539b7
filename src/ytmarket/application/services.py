"""All use cases of the shop, put together for whoever serves them."""

from __future__ import annotations

import attrs

from ytmarket.application.alarms import AlarmService
from ytmarket.application.api_keys import ApiKeyService, Authenticator
from ytmarket.application.audit_trail import AuditService
from ytmarket.application.books import BooksService
from ytmarket.application.catalog import CatalogService
from ytmarket.application.coverage import CoverageService
from ytmarket.application.deposit_desk import DepositDesk
from ytmarket.application.deposits import DepositService, ScanService
from ytmarket.application.fulfilment import FulfilmentService
from ytmarket.application.marketplace import MarketplaceDesk
from ytmarket.application.orders import OrderDesk
from ytmarket.application.ports.clock import Clock
from ytmarket.application.ports.devnet import Devnet
from ytmarket.application.ports.queries import Queries
from ytmarket.application.ports.rate_limiter import RateLimiter
from ytmarket.application.ports.tokens import Tokens
from ytmarket.application.presence import Presence, Readiness
from ytmarket.application.questions import QuestionService
from ytmarket.application.reading import Reading
from ytmarket.application.reconciliation import ReconciliationService
from ytmarket.application.requests import RequestService
from ytmarket.application.resealing import ResealService
from ytmarket.application.strangers import StrangerService
from ytmarket.application.strays import StrayService
from ytmarket.application.topups import TopupService
from ytmarket.application.usage import UsageMeter
from ytmarket.application.watching import WatchService
from ytmarket.application.webhooks import WebhookService
from ytmarket.application.website import WebsiteDesk


@attrs.frozen(kw_only=True)
class Services:
    """Fields are use cases, and the few ports that a door speaks to directly."""

    alarms: AlarmService
    authenticator: Authenticator
    api_keys: ApiKeyService
    audit: AuditService
    books: BooksService
    catalog: CatalogService
    coverage: CoverageService
    deposits: DepositService
    deposit_desk: DepositDesk
    fulfilment: FulfilmentService
    marketplace: MarketplaceDesk
    order_desk: OrderDesk
    presence: Presence
    readiness: Readiness
    questions: QuestionService
    reading: Reading
    reconciliation: ReconciliationService
    requests: RequestService
    resealing: ResealService
    scan: ScanService
    strangers: StrangerService
    strays: StrayService
    topups: TopupService
    usage: UsageMeter
    watching: WatchService
    webhooks: WebhookService
    website: WebsiteDesk
    queries: Queries
    rate_limiter: RateLimiter  # for valid keys
    refusal_limiter: RateLimiter  # for addresses that come without one
    clock: Clock
    tokens: Tokens
    devnet: Devnet | None = None
