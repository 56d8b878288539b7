"""A shop in memory behind its HTTP door, and the people who come to it."""

import hashlib
import hmac
import json
from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import attrs
import httpx2
from starlette.applications import Starlette

from ytmarket.adapters.http.app import ShopHolder, build_app
from ytmarket.adapters.http.wire import RENDERING
from ytmarket.adapters.inmemory import (
    FixedRateSource,
    InMemoryDatabase,
    InMemoryDevnet,
    InMemoryRateLimiter,
    InMemoryVault,
    ManualClock,
    RecordingWebhookSender,
    SeededTokens,
    ShelfSupplier,
)
from ytmarket.application.api_keys import MintedKey
from ytmarket.application.audit import Actor
from ytmarket.application.composition import Ports, Terms, compose
from ytmarket.application.services import Services
from ytmarket.domain.api_keys import AddressRange
from ytmarket.domain.catalog import Product
from ytmarket.domain.ids import ProductId
from ytmarket.domain.money import Usdt
from ytmarket.domain.networks import Network
from ytmarket.domain.times import epoch_seconds
from ytmarket.domain.topups import TopupTerms

NOW = datetime(2026, 5, 23, 12, 0, tzinfo=UTC)
TOKEN = "operators-only"
METRICS_TOKEN = "watchers-only"
HOME = "192.0.2.7"


@attrs.define(kw_only=True)
class World:
    """The shop with everything around it that a test may turn."""

    clock: ManualClock
    database: InMemoryDatabase
    devnet: InMemoryDevnet
    supplier: ShelfSupplier
    sender: RecordingWebhookSender
    limiter: InMemoryRateLimiter
    services: Services
    actor: Actor = attrs.field(factory=lambda: Actor("test"))

    def app(self, *, trusted_proxies: Sequence[AddressRange] = (), tokens: bool = True) -> Starlette:
        return build_app(
            holder=ShopHolder(self.services),
            admin_tokens={"ops": TOKEN} if tokens else {},
            trusted_proxies=trusted_proxies,
            metrics_token=METRICS_TOKEN if tokens else None,
        )

    def app_for(self, tokens: Mapping[str, str]) -> Starlette:
        """The app with operators of these names and tokens."""
        return build_app(holder=ShopHolder(self.services), admin_tokens=tokens)

    def client(
        self, key: MintedKey | str | None = None, *, app: Starlette | None = None, address: str = HOME
    ) -> httpx2.AsyncClient:
        """Somebody who comes from that address, with a key or without."""
        transport = httpx2.ASGITransport(app=app or self.app(), client=(address, 40_000))
        name = key.key if isinstance(key, MintedKey) else key
        headers = {} if name is None else {"X-API-Key": name}
        return httpx2.AsyncClient(transport=transport, base_url="http://shop", headers=headers)

    def operator(self, token: str = TOKEN) -> httpx2.AsyncClient:
        client = self.client()
        client.headers["Authorization"] = f"Bearer {token}"
        return client

    async def mint(self, *, secret: bool = False, allowed: Sequence[AddressRange] = ()) -> MintedKey:
        return await self.services.api_keys.mint("Ann", Actor("test"), with_secret=secret, allowed=allowed)

    async def rich(self, amount: str = "100", *, secret: bool = False) -> MintedKey:
        """A key with money."""
        minted = await self.mint(secret=secret)
        await self.services.api_keys.adjust(
            minted.record.fp, Usdt.of(amount), "a gift", minted.record.fp, Actor("test")
        )
        return minted

    async def product(self, number: int, price: str, *, units: int = 5, **fields: Any) -> Product:
        product = Product(
            id=ProductId(number),
            sku=fields.pop("sku", f"sku-{number}"),
            title=fields.pop("title", f"Product {number}"),
            category=fields.pop("category", "mail"),
            price=Usdt.of(price),
            **fields,
        )
        kept = await self.services.catalog.put(product, Actor("test"))
        if units:
            contents = [json.dumps({"login": f"{number}-{unit}"}).encode() for unit in range(units)]
            await self.services.catalog.add_stock(product.id, contents, Actor("test"))
        return kept

    async def work(self) -> None:
        """One round of every loop that the workers run."""
        for network in Network:
            await self.services.scan.scan(self.devnet.reader(network))
        await self.services.deposits.settle_due()
        await self.services.topups.expire_due()
        await self.services.fulfilment.fulfil_due()
        await self.services.fulfilment.expire_due()
        await self.services.fulfilment.refund_due()
        await self.services.webhooks.deliver_due()

    def signed(self, minted: MintedKey, body: bytes, *, at: int = 0) -> dict[str, str]:
        """The headers under which the key signs this body, so many seconds from now."""
        assert minted.secret is not None
        timestamp = str(epoch_seconds(self.clock.now()) + at)
        text = timestamp.encode() + b"\n" + body
        digest = hmac.new(minted.secret.encode(), text, hashlib.sha256).hexdigest()
        return {"X-Timestamp": timestamp, "X-Signature": digest}


def open_world(
    *,
    topup_terms: TopupTerms | None = None,
    devnet: bool = True,
    limit: int = 60,
    refusals: int = 60,
    closed: Collection[Network] = (),
    only_read: bool = False,
) -> World:
    """*closed* are networks without a wallet; *only_read* closes a network until it was read."""
    clock = ManualClock(NOW)
    database = InMemoryDatabase()
    tokens = SeededTokens(7)
    chain = InMemoryDevnet(clock, tokens)
    supplier = ShelfSupplier()
    sender = RecordingWebhookSender()
    limiter = InMemoryRateLimiter(clock, limit=limit)
    ports = Ports(
        new_unit_of_work=database.unit_of_work,
        queries=database.queries,
        books=database.books,
        clock=clock,
        tokens=tokens,
        vault=InMemoryVault(),
        rate_source=FixedRateSource(Decimal(80)),
        supplier=supplier,
        webhook_sender=sender,
        wallets={network: chain.wallet(network) for network in Network if network not in closed},
        rate_limiter=limiter,
        refusal_limiter=InMemoryRateLimiter(clock, limit=refusals),
        devnet=chain if devnet else None,
    )
    services = compose(ports, RENDERING, Terms(topup=topup_terms or TopupTerms(), only_read=only_read))
    return World(
        clock=clock,
        database=database,
        devnet=chain,
        supplier=supplier,
        sender=sender,
        limiter=limiter,
        services=services,
    )


def as_sent(told: object) -> bytes:
    """JSON as `requests` and its like write it."""
    return json.dumps(told).encode()
