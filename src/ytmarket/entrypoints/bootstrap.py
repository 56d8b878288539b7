"""Puts the shop together: the only place that picks adapters."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from importlib.metadata import version
from socket import gethostname
from typing import Final

import attrs

from ytmarket.adapters.http.wire import RENDERING
from ytmarket.adapters.postgres import embedded
from ytmarket.adapters.postgres.database import PostgresDatabase
from ytmarket.adapters.postgres.devnet import PostgresDevnet
from ytmarket.adapters.postgres.leadership import PostgresLeadership
from ytmarket.adapters.postgres.roles import let_in, make_server_role, server_of
from ytmarket.adapters.postgres.schema_version import is_newest
from ytmarket.adapters.postgres.sealed import sealed_samples
from ytmarket.adapters.postgres.settings import claim_database
from ytmarket.adapters.redis.rate_limiter import RedisRateLimiter
from ytmarket.adapters.system.master_key import load_master_keys
from ytmarket.adapters.system.rate_limiter import InProcessRateLimiter
from ytmarket.adapters.system.rate_source import FixedRate
from ytmarket.adapters.system.tokens import SecretsTokens
from ytmarket.adapters.system.vault import AesGcmVault
from ytmarket.adapters.webhooks.sender import GuardedSender
from ytmarket.application.composition import Ports, Terms, compose
from ytmarket.application.ports.chain_reader import ChainReader
from ytmarket.application.ports.devnet import Devnet
from ytmarket.application.ports.leadership import Leadership
from ytmarket.application.ports.rate_limiter import RateLimiter
from ytmarket.application.ports.vault import Vault, VaultError
from ytmarket.application.presence import Identity, Probe
from ytmarket.application.services import Services
from ytmarket.application.suppliers import DevnetSupplier, StockSupplier
from ytmarket.domain import limits
from ytmarket.domain.networks import Network
from ytmarket.entrypoints.readers import readers_of, wallets_of
from ytmarket.entrypoints.settings import Settings, SettingsError

TERMINAL: Final = "terminal"
PROBES_MAX: Final = 1_000  # of one process in a minute; it makes one a second at most


@attrs.frozen(kw_only=True)
class Shop:
    """A shop in working order; at a terminal perhaps but for its vault, and *warning* says why."""

    settings: Settings
    services: Services
    readers: Sequence[ChainReader]
    leadership: Leadership
    warning: str | None = None


async def database_of(settings: Settings, stack: AsyncExitStack) -> str:
    """Where the database is: the one named, or the embedded one, started if nobody has."""
    if settings.database_url is not None:
        return settings.database_url
    if settings.database_owner_url is not None:
        raise SettingsError("set YTMARKET_DATABASE_URL too, for the role that servers use")
    server = await asyncio.to_thread(embedded.start, settings.data_dir)
    stack.push_async_callback(asyncio.to_thread, server.stop)
    return server.dsn


def made_ready(settings: Settings, dsn: str) -> str:
    """Migrate the database as its owner; how a server connects to it, as somebody who is not.

    Where only one role is named, it is both.
    """
    if settings.database_url is None:
        owner, server = dsn, server_of(dsn)
        make_server_role(owner)
    else:
        owner, server = settings.database_owner_url or dsn, dsn
    if not is_newest(owner):
        from ytmarket.adapters.postgres.migrate import migrate  # noqa: PLC0415 - a third of a command's start

        migrate(owner)
    if owner != server:
        let_in(owner, server)
    return server


@asynccontextmanager
async def open_shop(
    settings: Settings, *, on_placed: Callable[[], None] = lambda: None, role: str = TERMINAL
) -> AsyncIterator[Shop]:
    """Everything connected and migrated, until the block ends. *on_placed* hears of each batch.

    *role* is what this process is for, for whoever looks at the list of those that work on the shop.

    Raises `SettingsError` and what the database adapter says of a server that cannot be used.
    """
    settings.make_networks_known()
    async with AsyncExitStack() as stack:
        dsn = await database_of(settings, stack)
        dsn = await asyncio.to_thread(made_ready, settings, dsn)
        database = await PostgresDatabase.open(dsn)
        stack.push_async_callback(database.close)
        await claim_database(database, devnet=settings.is_devnet)
        vault = AesGcmVault.of(load_master_keys(settings.master_key, settings.data_dir))
        warning = None if settings.master_key_lost else await _missing_key(database, vault)
        if warning is not None and role != TERMINAL:  # most commands need no vault
            raise SettingsError(warning)
        devnet = PostgresDevnet(database) if settings.is_devnet else None
        if devnet is None:
            readers = readers_of(settings, database.clock)
        else:
            readers = [devnet.reader(network) for network in Network]
        services = _services(settings, database, vault, devnet, readers, on_placed, role, stack)
        stack.push_async_callback(services.presence.leave)
        stack.push_async_callback(services.watching.close)
        stack.push_async_callback(services.webhooks.close)
        # After whoever serves has stopped counting, and before the database is left.
        stack.push_async_callback(services.usage.flush)
        leadership = PostgresLeadership(dsn)
        stack.push_async_callback(leadership.close)
        yield Shop(
            settings=settings, services=services, readers=readers, leadership=leadership, warning=warning
        )


async def _missing_key(database: PostgresDatabase, vault: Vault) -> str | None:
    """What to do where this process cannot open what others have sealed in the same database."""
    for sealed in await sealed_samples(database):
        try:
            vault.needs_resealing(sealed)
        except VaultError as trouble:
            return (
                f"this shop's secrets and stock cannot all be opened here: {trouble.args[0]}."
                " Servers, workers and commands on one database need the same YTMARKET_MASTER_KEY,"
                " or the same master.key in their data folders."
                " If that key is lost for good, YTMARKET_MASTER_KEY_LOST=yes goes on without it"
            )
    return None


def _services(
    settings: Settings,
    database: PostgresDatabase,
    vault: Vault,
    devnet: Devnet | None,
    readers: Sequence[ChainReader],
    on_placed: Callable[[], None],
    role: str,
    stack: AsyncExitStack,
) -> Services:

    ports = Ports(
        new_unit_of_work=database.unit_of_work,
        new_patient_unit_of_work=database.patient_unit_of_work,
        queries=database.queries,
        clock=database.clock,
        books=database.books,
        tokens=SecretsTokens(),
        vault=vault,
        rate_source=FixedRate(settings.rub_per_usdt),
        supplier=StockSupplier() if devnet is None else DevnetSupplier(devnet),
        webhook_sender=GuardedSender(allow_private=settings.webhook_allow_private),
        wallets=wallets_of(readers),
        rate_limiter=_rate_limiter(settings, settings.rate_limit, stack),
        refusal_limiter=_rate_limiter(settings, limits.REQUESTS_PER_MINUTE, stack),
        devnet=devnet,
        identity=Identity(role=role, host=gethostname(), pid=os.getpid(), version=version("ytmarket")),
        pools=database.pools,
        store=database.server,
        probes={} if settings.redis_url is None else {"redis": _redis_probe(settings, stack)},
    )
    terms = Terms(
        order=settings.order_terms,
        topup=settings.topup_terms,
        website=settings.website_terms,
        lag_max=settings.lag_alarm,
        only_read=devnet is None,  # nothing is lost where nothing has a worth
    )
    return compose(ports, RENDERING, terms, on_placed=on_placed)


def _redis_probe(settings: Settings, stack: AsyncExitStack) -> Probe:
    """A hit that is counted is a write: a Redis that can only be read is as good as none."""
    limiter = _rate_limiter(settings, PROBES_MAX, stack)
    return partial(limiter.hit, f"readiness:{gethostname()}:{os.getpid()}")


def _rate_limiter(settings: Settings, limit: int, stack: AsyncExitStack) -> RateLimiter:
    if settings.redis_url is None:
        return InProcessRateLimiter.of(limit)
    limiter = RedisRateLimiter.connect(settings.redis_url, limit)
    stack.push_async_callback(limiter.close)
    return limiter
