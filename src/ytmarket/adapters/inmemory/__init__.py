"""Every port in memory, for embedding, demonstrations and tests.

    database = InMemoryDatabase()
    async with database.unit_of_work() as uow:
        account = await uow.accounts.create("Ann", clock.now())
        await uow.commit()

It keeps the promises of the ports and raises the same refusals as the database does; what it
cannot do is outlive its process.
"""

from __future__ import annotations

from ytmarket.adapters.inmemory.chain_reader import DevnetReader
from ytmarket.adapters.inmemory.clock import ManualClock
from ytmarket.adapters.inmemory.database import InMemoryDatabase
from ytmarket.adapters.inmemory.devnet import InMemoryDevnet
from ytmarket.adapters.inmemory.queries import InMemoryQueries
from ytmarket.adapters.inmemory.rate_limiter import InMemoryRateLimiter
from ytmarket.adapters.inmemory.rate_source import FixedRateSource
from ytmarket.adapters.inmemory.supplier import ShelfSupplier
from ytmarket.adapters.inmemory.tokens import SeededTokens
from ytmarket.adapters.inmemory.unit_of_work import InMemoryUnitOfWork
from ytmarket.adapters.inmemory.vault import InMemoryVault
from ytmarket.adapters.inmemory.webhook_sender import (
    RecordingWebhookSender,
    SentWebhook,
)

__all__ = [
    "DevnetReader",
    "FixedRateSource",
    "InMemoryDatabase",
    "InMemoryDevnet",
    "InMemoryQueries",
    "InMemoryRateLimiter",
    "InMemoryUnitOfWork",
    "InMemoryVault",
    "ManualClock",
    "RecordingWebhookSender",
    "SeededTokens",
    "SentWebhook",
    "ShelfSupplier",
]
