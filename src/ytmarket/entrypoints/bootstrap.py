"""Puts the shop together: the only place that picks adapters."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager

import attrs

from ytmarket.adapters.http.wire.orders import render_event, render_order
from ytmarket.adapters.http.wire.topups import render_topup
from ytmarket.adapters.postgres import embedded
from ytmarket.adapters.postgres.database import PostgresDatabase
from ytmarket.adapters.postgres.devnet import PostgresDevnet
from ytmarket.adapters.postgres.migrate import migrate
from ytmarket.adapters.postgres.settings import claim_database
from ytmarket.adapters.redis.rate_limiter import RedisRateLimiter
from ytmarket.adapters.system.master_key import load_master_keys
from ytmarket.adapters.system.rate_limiter import InProcessRateLimiter
from ytmarket.adapters.system.rate_source import FixedRate
from ytmarket.adapters.system.tokens import SecretsTokens
from ytmarket.adapters.system.vault import AesGcmVault
from ytmarket.adapters.webhooks.sender import GuardedSender
from ytmarket.application.api_keys import ApiKeyService, Authenticator
from ytmarket.application.audit_trail import AuditService
from ytmarket.application.catalog import CatalogService
from ytmarket.application.deposit_desk import DepositDesk
from ytmarket.application.deposits import DepositService, ScanService
from ytmarket.application.fulfilment import FulfilmentService
from ytmarket.application.marketplace import MarketplaceDesk
from ytmarket.application.orders import OrderDesk
from ytmarket.application.ports.chain_reader import ChainReader
from ytmarket.application.ports.devnet import Devnet
from ytmarket.application.ports.rate_limiter import RateLimiter
from ytmarket.application.ports.supplier import Supplier
from ytmarket.application.reading import Reading
from ytmarket.application.requests import RequestService
from ytmarket.application.resealing import ResealService
from ytmarket.application.services import Services
from ytmarket.application.suppliers import DevnetSupplier, StockSupplier
from ytmarket.application.topups import TopupService
from ytmarket.application.usage import UsageMeter
from ytmarket.application.webhooks import WebhookService
from ytmarket.application.website import WebsiteDesk
from ytmarket.domain import limits
from ytmarket.domain.networks import Network
from ytmarket.entrypoints.readers import readers_of
from ytmarket.entrypoints.settings import Settings


@attrs.frozen(kw_only=True)
class Shop:
    """A shop in working order."""

    settings: Settings
    services: Services
    readers: Sequence[ChainReader]


async def database_of(settings: Settings, stack: AsyncExitStack) -> str:
    """Where the database is: the one named, or the embedded one, started if nobody has."""
    if settings.database_url is not None:
        return settings.database_url
    server = await asyncio.to_thread(embedded.start, settings.data_dir)
    stack.push_async_callback(asyncio.to_thread, server.stop)
    return server.dsn


@asynccontextmanager
async def open_shop(
    settings: Settings, *, on_placed: Callable[[], None] = lambda: None
) -> AsyncIterator[Shop]:
    """Everything connected and migrated, until the block ends. *on_placed* hears of each batch.

    Raises `SettingsError` and what the database adapter says of a server that cannot be used.
    """
    async with AsyncExitStack() as stack:
        dsn = await database_of(settings, stack)
        await asyncio.to_thread(migrate, dsn)
        database = await PostgresDatabase.open(dsn)
        stack.push_async_callback(database.close)
        await claim_database(database, devnet=settings.is_devnet)
        devnet = PostgresDevnet(database) if settings.is_devnet else None
        if devnet is None:
            readers = readers_of(settings, database.clock)
        else:
            readers = [devnet.reader(network) for network in Network]
        services = _services(settings, database, devnet, readers, on_placed, stack)
        # After whoever serves has stopped counting, and before the database is left.
        stack.push_async_callback(services.usage.flush)
        yield Shop(settings=settings, services=services, readers=readers)


def _services(
    settings: Settings,
    database: PostgresDatabase,
    devnet: Devnet | None,
    readers: Sequence[ChainReader],
    on_placed: Callable[[], None],
    stack: AsyncExitStack,
) -> Services:
    uow, queries, clock = database.unit_of_work, database.queries, database.clock
    tokens = SecretsTokens()
    vault = AesGcmVault.of(load_master_keys(settings.master_key, settings.data_dir))
    sender = GuardedSender(allow_private=settings.webhook_allow_private)
    supplier: Supplier = StockSupplier() if devnet is None else DevnetSupplier(devnet)
    wallets = {reader.network: reader.wallet for reader in readers}
    terms, deadline = settings.topup_terms, settings.order_terms.deadline
    order_desk = OrderDesk(
        new_unit_of_work=uow,
        clock=clock,
        rate_source=FixedRate(settings.rub_per_usdt),
        terms=settings.order_terms,
        render=render_order,
        on_placed=on_placed,
    )
    return Services(
        authenticator=Authenticator(queries, vault, clock),
        api_keys=ApiKeyService(new_unit_of_work=uow, clock=clock, tokens=tokens, vault=vault),
        audit=AuditService(queries=queries),
        catalog=CatalogService(
            new_unit_of_work=uow,
            new_patient_unit_of_work=database.patient_unit_of_work,
            clock=clock,
            vault=vault,
        ),
        deposits=DepositService(new_unit_of_work=uow, clock=clock, terms=terms, deadline=deadline),
        deposit_desk=DepositDesk(
            new_unit_of_work=uow, queries=queries, clock=clock, tokens=tokens, terms=terms
        ),
        fulfilment=FulfilmentService(new_unit_of_work=uow, clock=clock, supplier=supplier),
        marketplace=MarketplaceDesk(new_unit_of_work=uow, clock=clock, deadline=deadline),
        order_desk=order_desk,
        reading=Reading(queries, vault, clock),
        requests=RequestService(new_unit_of_work=uow, clock=clock),
        resealing=ResealService(new_unit_of_work=uow, queries=queries, clock=clock, vault=vault),
        scan=ScanService(new_unit_of_work=uow, clock=clock),
        topups=TopupService(
            new_unit_of_work=uow,
            clock=clock,
            tokens=tokens,
            terms=terms,
            wallets=wallets,
            render=render_topup,
        ),
        usage=UsageMeter(uow, queries, clock),
        webhooks=WebhookService(
            new_unit_of_work=uow,
            queries=queries,
            clock=clock,
            tokens=tokens,
            vault=vault,
            sender=sender,
            render=render_event,
        ),
        website=WebsiteDesk(
            new_unit_of_work=uow,
            queries=queries,
            clock=clock,
            vault=vault,
            wallets=wallets,
            minimum=order_desk.minimum,
            terms=settings.website_terms,
            deadline=deadline,
        ),
        queries=queries,
        rate_limiter=_rate_limiter(settings, settings.rate_limit, stack),
        refusal_limiter=_rate_limiter(settings, limits.REQUESTS_PER_MINUTE, stack),
        clock=clock,
        tokens=tokens,
        devnet=devnet,
    )


def _rate_limiter(settings: Settings, limit: int, stack: AsyncExitStack) -> RateLimiter:
    if settings.redis_url is None:
        return InProcessRateLimiter.of(limit)
    limiter = RedisRateLimiter.connect(settings.redis_url, limit)
    stack.push_async_callback(limiter.close)
    return limiter
