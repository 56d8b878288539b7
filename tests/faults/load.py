"""Customers who order and top up, never give up, and remember every answer they were given."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import random
import time
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from itertools import count
from typing import Any, Final

import attrs
import httpx2

from tests.faults import books
from tests.faults.shop import PRODUCTS, Customer

ORDERS: Final = "/api/v1/orders"
TOPUPS: Final = "/api/v1/balance/topup"
NETWORKS: Final = ("usdt_trc_20", "usdt_bep_20", "usdt_ton")
#: Refusals that a shop in order may give to what is asked here.
REFUSALS: Final = {"amount_taken", "insufficient_balance", "insufficient_stock"}
PATIENT: Final = 40  # unanswered wishes, beyond which nobody wants anything new
AGAIN: Final = {"unavailable", "outcome_unknown", "idempotency_in_flight"}


@attrs.define
class Attempt:
    """One thing that a customer wants, under one Idempotency-Key, however often it asks."""

    customer: Customer
    path: str
    body: bytes
    key: str
    answer: bytes | None = None
    tries: int = 0


@attrs.define
class Customers:
    """Those who use one or more servers of a shop at once."""

    urls: Sequence[str]
    customers: Sequence[Customer]
    seed: int
    topups: float = 0.2  # the share of top-ups among what they want
    webhook_url: str | None = None
    given: list[Attempt] = attrs.field(factory=list)
    unanswered: list[Attempt] = attrs.field(factory=list)
    told: Counter[str] = attrs.field(factory=Counter)
    surprises: list[str] = attrs.field(factory=list)
    slowest: float = 0.0
    _chance: random.Random = attrs.field(init=False)
    _numbers: count[int] = attrs.field(factory=lambda: count(1), init=False)

    def __attrs_post_init__(self) -> None:
        self._chance = random.Random(self.seed)

    @asynccontextmanager
    async def busy(self, how_many: int = 8) -> AsyncIterator[None]:
        """So many of them want something all the time, until the block ends."""
        async with client() as http:
            tasks = [asyncio.create_task(self._go_on(http)) for _ in range(how_many)]
            try:
                yield
            finally:
                for task in tasks:
                    task.cancel()
                for ended in await asyncio.gather(*tasks, return_exceptions=True):
                    if not isinstance(ended, asyncio.CancelledError):
                        self.surprises.append(repr(ended))

    async def insist(self, seconds: float = 120) -> None:
        """Ask for everything that was not answered until it is."""
        deadline = time.monotonic() + seconds
        async with client() as http:
            while self.unanswered:
                assert time.monotonic() < deadline, f"still unanswered: {self.unanswered[:3]}"
                again, self.unanswered = self.unanswered, []
                await asyncio.gather(*(self.ask(http, attempt) for attempt in again))
                if self.unanswered:
                    await asyncio.sleep(0.2)

    def orders(self) -> list[int]:
        """The orders that they were told of."""
        return [json.loads(one.answer or b"")["order_id"] for one in self.given if one.path == ORDERS]

    def topup_ids(self) -> list[str]:
        """The top-ups that they were told of."""
        return [json.loads(one.answer or b"")["topup_id"] for one in self.given if one.path == TOPUPS]

    async def ask_again(self, how_many: int = 200) -> None:
        """Ask for what was given: each answer must be the one that was given before."""
        asked = self._chance.sample(self.given, min(how_many, len(self.given)))
        places = asyncio.Semaphore(16)

        async def ask(http: httpx2.AsyncClient, attempt: Attempt) -> None:
            async with places:
                await self.ask(http, attempt)

        async with client() as http:
            await asyncio.gather(*(ask(http, attempt) for attempt in asked))

    async def _go_on(self, http: httpx2.AsyncClient) -> None:
        while True:
            # While nobody answers, wishes do not pile up: there would be ever more to do afterwards.
            if self.unanswered and (len(self.unanswered) >= PATIENT or self._chance.random() < 0.5):
                attempt = self.unanswered.pop(0)
            else:
                attempt = self.wanted()
            try:
                answered = await self.ask(http, attempt)
            except asyncio.CancelledError:
                if attempt.answer is None:
                    self.unanswered.append(attempt)
                raise
            if not answered:
                await asyncio.sleep(0.05)

    def wanted(self) -> Attempt:
        """Something that nobody has asked for yet."""
        customer = self._chance.choice(self.customers)
        number = next(self._numbers)
        key = f"{self.seed}-{number}"
        if self._chance.random() < self.topups:
            amount = self._chance.randrange(500, 90_000_00) / 100
            body: dict[str, Any] = {"amount_usdt": amount, "network": self._chance.choice(NETWORKS)}
            return Attempt(customer, TOPUPS, json.dumps(body).encode(), key)
        body = {
            "product_id": self._chance.choice(PRODUCTS),
            "quantity": self._chance.choice((1, 1, 1, 2, 3)),
            "payment_method": "balance",
            "max_price_usdt": 1_000 + number / 100,  # so that no two bodies have the same signature
            "webhook_url": self.webhook_url,
        }
        return Attempt(customer, ORDERS, json.dumps(body).encode(), key)

    async def ask(self, http: httpx2.AsyncClient, attempt: Attempt) -> bool:
        """Ask once; whether there was an answer. What there was not is kept for later."""
        attempt.tries += 1
        url = self._chance.choice(self.urls)
        begun = time.monotonic()
        try:
            response = await http.post(
                url + attempt.path, content=attempt.body, headers=headers(attempt.customer, attempt)
            )
        except httpx2.HTTPError as trouble:
            self.told[type(trouble).__name__] += 1
            self._not_yet(attempt)
            return False
        took = time.monotonic() - begun
        self.slowest = max(self.slowest, took)
        if response.status_code == 200:
            self._keep(attempt, response)
            if attempt.path == TOPUPS and attempt.tries == 1:
                await self._pay(http, url, attempt)
            return True
        return self._told(attempt, response)

    def _keep(self, attempt: Attempt, response: httpx2.Response) -> None:
        self.told["given"] += 1
        if attempt.answer is None:
            attempt.answer = response.content
            self.given.append(attempt)
        elif attempt.answer != response.content:
            self.surprises.append(f"{attempt.answer!r} was told anew as {response.content!r}")
        elif response.headers.get("Idempotent-Replayed") != "true":
            self.surprises.append(f"a replay that does not say so: {dict(response.headers)}")

    def _told(self, attempt: Attempt, response: httpx2.Response) -> bool:
        problem = problem_in(response)
        code = str(problem.get("code"))
        self.told[code] += 1
        if code in AGAIN:
            if response.status_code == 503 and "Retry-After" not in response.headers:
                self.surprises.append("a 503 that does not say when to come back")
            self._not_yet(attempt)
            return False
        if attempt.answer is not None or code not in REFUSALS:
            self.surprises.append(f"{response.status_code} {problem} for {attempt}")
        return True

    def _not_yet(self, attempt: Attempt) -> None:
        if attempt.answer is None:
            self.unanswered.append(attempt)

    async def _pay(self, http: httpx2.AsyncClient, url: str, attempt: Attempt) -> None:
        """Send what the top-up asks for; the chain may not hear of it."""
        amount = json.loads(attempt.answer or b"{}")["amount_usdt"]
        sent = {"network": json.loads(attempt.body)["network"], "amount_usdt": amount}
        try:
            response = await http.post(f"{url}/api/devnet/transfers", json=sent)
        except httpx2.HTTPError as trouble:
            self.told[type(trouble).__name__] += 1
            return
        if response.status_code not in {200, 503}:
            self.surprises.append(f"{response.status_code} for a transfer: {response.text}")


def client(url: str = "") -> httpx2.AsyncClient:
    """One that keeps no request waiting on our side."""
    unlimited = httpx2.Limits(max_connections=None, max_keepalive_connections=None)
    return httpx2.AsyncClient(base_url=url, trust_env=False, timeout=20, limits=unlimited)


_used_signatures: set[str] = set()


def headers(customer: Customer, attempt: Attempt | None = None, body: bytes = b"") -> dict[str, str]:
    """What a customer's request carries; no two requests carry the same signature."""
    told = {"X-API-Key": customer.key, "Content-Type": "application/json"}
    if attempt is not None:
        told["Idempotency-Key"] = attempt.key
        body = attempt.body
    if customer.secret is not None:
        timestamp, told["X-Signature"] = _fresh_signature(customer.secret, body)
        told["X-Timestamp"] = timestamp
    return told


def _fresh_signature(secret: str, body: bytes) -> tuple[str, str]:
    """A signature that was never used, with its timestamp."""
    while True:
        timestamp = str(int(time.time()) + random.SystemRandom().randrange(-200, 200))
        signed = f"{timestamp}\n".encode() + body
        signature = hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest()
        if signature not in _used_signatures:
            _used_signatures.add(signature)
            return timestamp, signature


def problem_in(response: httpx2.Response) -> dict[str, Any]:
    """The problem that a refusal tells; anything else is a surprise with the same shape."""
    if response.headers.get("Content-Type") != "application/problem+json":
        return {"code": "no problem+json", "status": response.status_code, "body": response.text}
    problem: dict[str, Any] = response.json()
    return problem


def everything_that_was_told_is_there(dsn: str, shoppers: Customers) -> None:
    """Once nobody waits for an answer any more: what was told is there, once, and nothing else is."""
    assert not shoppers.unanswered
    assert [row[0] for row in books.rows(dsn, "select id from orders order by id")] == sorted(
        shoppers.orders()
    )
    assert {row[0] for row in books.rows(dsn, "select id::text from topup")} == set(shoppers.topup_ids())
    assert len(set(shoppers.topup_ids())) == len(shoppers.topup_ids())
