"""Puts every use case of the shop together, on whichever adapters it is given."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import timedelta

import attrs

from ytmarket.application.alarms import LAG_MAX, AlarmService
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
from ytmarket.application.paying import Payees
from ytmarket.application.ports.books import Books
from ytmarket.application.ports.clock import Clock
from ytmarket.application.ports.devnet import Devnet
from ytmarket.application.ports.queries import Queries
from ytmarket.application.ports.rate_limiter import RateLimiter
from ytmarket.application.ports.rate_source import RateSource
from ytmarket.application.ports.supplier import Supplier
from ytmarket.application.ports.tokens import Tokens
from ytmarket.application.ports.unit_of_work import NewUnitOfWork
from ytmarket.application.ports.vault import Vault
from ytmarket.application.ports.webhook_sender import WebhookSender
from ytmarket.application.presence import Identity, Presence, Probe, Readiness
from ytmarket.application.questions import QuestionService
from ytmarket.application.reading import Reading, TopupState
from ytmarket.application.reconciliation import ReconciliationService
from ytmarket.application.requests import RequestService
from ytmarket.application.resealing import ResealService
from ytmarket.application.services import Services
from ytmarket.application.strangers import StrangerService
from ytmarket.application.strays import StrayService
from ytmarket.application.topups import TopupService
from ytmarket.application.usage import UsageMeter
from ytmarket.application.watching import Facts, WatchService
from ytmarket.application.webhooks import RenderEvent, WebhookService
from ytmarket.application.website import WebsiteDesk
from ytmarket.domain.networks import Network
from ytmarket.domain.orders import Order
from ytmarket.domain.shop import OrderTerms
from ytmarket.domain.topups import TopupTerms
from ytmarket.domain.website import LIFETIME


@attrs.frozen(kw_only=True)
class Ports:
    """The adapters of a shop: all through which it reaches the world.

    *wallets* is where each network's money goes; a network without one is closed. *probes* are what
    must do its work, beside the store, for the shop to be ready, by name; *pools* tells how this
    process's connections fare, and *store* what the store is.
    """

    new_unit_of_work: NewUnitOfWork
    queries: Queries
    clock: Clock
    books: Books
    tokens: Tokens
    vault: Vault
    rate_source: RateSource
    supplier: Supplier
    webhook_sender: WebhookSender
    wallets: Mapping[Network, str]
    rate_limiter: RateLimiter  # for valid keys
    refusal_limiter: RateLimiter  # for addresses that come without one
    devnet: Devnet | None = None
    identity: Identity = attrs.field(factory=Identity)
    probes: Mapping[str, Probe] = attrs.field(factory=dict)
    pools: Callable[[], Facts] = dict
    store: str = "in memory"
    # For what may take longer than a client would wait.
    new_patient_unit_of_work: NewUnitOfWork = attrs.field(
        default=attrs.Factory(lambda self: self.new_unit_of_work, takes_self=True)
    )


@attrs.frozen(kw_only=True)
class Terms:
    """The shop's terms: what it asks of an order, a top-up and a website order.

    A network whose reading lags by more than *lag_max* is an alarm; with *only_read* it takes no money
    before it has been read.
    """

    order: OrderTerms = attrs.field(factory=OrderTerms)
    topup: TopupTerms = attrs.field(factory=TopupTerms)
    website: TopupTerms = attrs.field(factory=lambda: TopupTerms(lifetime=LIFETIME))
    lag_max: timedelta = LAG_MAX
    only_read: bool = False


@attrs.frozen(kw_only=True)
class Rendering:
    """How what is kept for replays, and what is sent by webhook, is put into bytes."""

    order: Callable[[Order], bytes]
    topup: Callable[[TopupState], bytes]
    event: RenderEvent


def compose(
    ports: Ports,
    rendering: Rendering,
    terms: Terms | None = None,
    *,
    on_placed: Callable[[], None] = lambda: None,
) -> Services:
    """A shop whose use cases are ready to be called. *on_placed* hears of each batch of orders."""
    terms = terms or Terms()
    uow, queries, clock = ports.new_unit_of_work, ports.queries, ports.clock
    tokens, vault, deadline = ports.tokens, ports.vault, terms.order.deadline
    presence = Presence(new_unit_of_work=uow, clock=clock, tokens=tokens, identity=ports.identity)
    webhooks = WebhookService(
        new_unit_of_work=uow,
        queries=queries,
        clock=clock,
        tokens=tokens,
        vault=vault,
        sender=ports.webhook_sender,
        render=rendering.event,
    )
    payees = Payees(wallets=ports.wallets, only_read=terms.only_read)
    scan = ScanService(new_unit_of_work=uow, clock=clock)
    order_desk = OrderDesk(
        new_unit_of_work=uow,
        clock=clock,
        rate_source=ports.rate_source,
        terms=terms.order,
        render=rendering.order,
        on_placed=on_placed,
    )
    alarms = AlarmService(
        new_unit_of_work=uow,
        queries=queries,
        clock=clock,
        networks=tuple(ports.wallets),
        lag_max=terms.lag_max,
    )
    return Services(
        alarms=alarms,
        authenticator=Authenticator(queries, vault, clock),
        api_keys=ApiKeyService(new_unit_of_work=uow, clock=clock, tokens=tokens, vault=vault),
        audit=AuditService(queries=queries),
        books=BooksService(new_unit_of_work=uow, clock=clock, books=ports.books),
        catalog=CatalogService(
            new_unit_of_work=uow,
            new_patient_unit_of_work=ports.new_patient_unit_of_work,
            clock=clock,
            vault=vault,
        ),
        deposits=DepositService(new_unit_of_work=uow, clock=clock, terms=terms.topup, deadline=deadline),
        deposit_desk=DepositDesk(
            new_unit_of_work=uow, queries=queries, clock=clock, tokens=tokens, terms=terms.topup
        ),
        fulfilment=FulfilmentService(new_unit_of_work=uow, clock=clock, supplier=ports.supplier),
        marketplace=MarketplaceDesk(new_unit_of_work=uow, clock=clock, deadline=deadline),
        order_desk=order_desk,
        watching=WatchService(
            uow,
            queries,
            clock,
            webhooks=webhooks.settled,
            pools=ports.pools,
            store=ports.store,
        ),
        presence=presence,
        readiness=Readiness({"database": presence.beat, **ports.probes}),
        questions=QuestionService(new_unit_of_work=uow, clock=clock, tokens=tokens),
        reading=Reading(queries, vault, clock),
        reconciliation=ReconciliationService(new_unit_of_work=uow, clock=clock, alarms=alarms),
        requests=RequestService(new_unit_of_work=uow, clock=clock),
        resealing=ResealService(new_unit_of_work=uow, queries=queries, clock=clock, vault=vault),
        scan=scan,
        coverage=CoverageService(scan=scan, queries=queries),
        strangers=StrangerService(new_unit_of_work=uow, clock=clock),
        strays=StrayService(alarms=alarms),
        topups=TopupService(
            new_unit_of_work=uow,
            clock=clock,
            tokens=tokens,
            terms=terms.topup,
            payees=payees,
            render=rendering.topup,
        ),
        usage=UsageMeter(uow, queries, clock),
        webhooks=webhooks,
        website=WebsiteDesk(
            new_unit_of_work=uow,
            queries=queries,
            clock=clock,
            vault=vault,
            payees=payees,
            minimum=order_desk.minimum,
            terms=terms.website,
            deadline=deadline,
        ),
        queries=queries,
        rate_limiter=ports.rate_limiter,
        refusal_limiter=ports.refusal_limiter,
        clock=clock,
        tokens=tokens,
        devnet=ports.devnet,
    )
