"""A running shop, seen from outside: its operator, its customers, and whoever sends USDT."""

from __future__ import annotations

import hashlib
import hmac
import json
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from decimal import Decimal
from itertools import count
from typing import Any

import attrs
import httpx2

from tests.acceptance.server import Server, until

TOKEN = "acceptance-operator"
API = "/api/v1"
BUSY = "usdt_solana"  # where customers are funded, so that the other networks are quiet

_numbers = count(1)
_prices = count(1)


def told(answer: httpx2.Response, status: int = 200) -> Any:
    """The JSON of an answer, its amounts exact."""
    assert answer.status_code == status, f"{answer.status_code}: {answer.text}"
    return json.loads(answer.content, parse_float=Decimal)


def sign(secret: str, timestamp: str, body: bytes) -> str:
    """The signature by the formula of the contract."""
    return hmac.new(secret.encode(), f"{timestamp}\n".encode() + body, hashlib.sha256).hexdigest()


@attrs.frozen(kw_only=True)
class Customer:
    """Somebody with a key, who signs what it posts if the key came with a secret."""

    http: httpx2.Client = attrs.field(repr=False)
    key: str = attrs.field(repr=False)
    secret: str | None = attrs.field(repr=False)
    fp: str

    def send(
        self, method: str, path: str, headers: Mapping[str, str] | None = None, **more: Any
    ) -> httpx2.Response:
        return self.http.request(
            method, f"{API}{path}", headers={"X-API-Key": self.key, **(headers or {})}, **more
        )

    def get(self, path: str, **parameters: object) -> httpx2.Response:
        return self.send("GET", path, params={name: str(value) for name, value in parameters.items()})

    def ask(self, path: str, **parameters: object) -> Any:
        return told(self.get(path, **parameters))

    def post(
        self, path: str, body: Mapping[str, object] | bytes, headers: Mapping[str, str] | None = None
    ) -> httpx2.Response:
        raw = body if isinstance(body, bytes) else json.dumps(body, default=str).encode()
        sent = {"Content-Type": "application/json", **self.signature(raw), **(headers or {})}
        return self.send("POST", path, sent, content=raw)

    def signature(self, body: bytes, *, drift: int = 0) -> dict[str, str]:
        """The two headers, by a clock that differs by so many seconds."""
        if self.secret is None:
            return {}
        timestamp = str(int(time.time()) + drift)
        return {"X-Timestamp": timestamp, "X-Signature": sign(self.secret, timestamp, body)}

    def buy(self, product: int, quantity: int = 1, **more: object) -> httpx2.Response:
        body = {"product_id": product, "quantity": quantity, "payment_method": "balance", **more}
        return self.post("/orders", body)

    def order(self, product: int, quantity: int = 1, **more: object) -> Any:
        return told(self.buy(product, quantity, **more))

    def delivered(self, product: int, quantity: int = 1) -> Any:
        """A new order once it has come."""
        order = self.ended(self.order(product, quantity)["order_id"])
        assert order["status"] == "completed"
        return order

    def ended(self, order_id: int) -> Any:
        """The order once it has left `processing`."""
        return until(lambda: self.ask(f"/orders/{order_id}"), lambda order: order["status"] != "processing")

    def refunded(self, order_id: int) -> Any:
        return until(lambda: self.ask(f"/orders/{order_id}"), lambda order: bool(order["refunded"]))

    def open_topup(self, amount: object, network: str = BUSY, **more: object) -> Any:
        body = {"amount_usdt": amount, "network": network, **more}
        return told(self.post("/balance/topup", body))

    def topup(self, topup_id: str) -> Any:
        return self.ask(f"/balance/topup/{topup_id}")

    def settled(self, tx_hash: str) -> Any:
        """The deposit of that transaction once it has been credited or set aside."""
        found = until(
            lambda: self.ask("/deposits", tx=tx_hash)["items"],
            lambda items: bool(items) and items[0]["status"] != "received",
        )
        assert len(found) == 1
        return found[0]


@attrs.frozen(kw_only=True)
class Shop:
    """A server on devnet with an admin token."""

    server: Server
    http: httpx2.Client = attrs.field(repr=False)

    @classmethod
    @contextmanager
    def served(cls, server: Server) -> Iterator[Shop]:
        """The shop while its server runs."""
        with server.start().client() as http:
            yield cls(server=server, http=http)
        server.stop()

    def operate(self, method: str, path: str, **more: Any) -> httpx2.Response:
        """A request of the operator's."""
        headers = {"Authorization": f"Bearer {TOKEN}", **more.pop("headers", {})}
        return self.http.request(method, f"/api/admin{path}", headers=headers, **more)

    def customer(
        self, funds: object = None, *, secret: bool = False, allow: tuple[str, ...] = ()
    ) -> Customer:
        """Somebody with a new key, who has topped up if *funds* are given."""
        body = {"label": f"customer {next(_numbers)}", "with_secret": secret, "ip_whitelist": list(allow)}
        minted = told(self.operate("POST", "/api-keys", json=body), 201)
        customer = Customer(http=self.http, key=minted["key"], secret=minted["secret"], fp=minted["fp"])
        if funds is not None:
            self.fund(customer, funds)
        return customer

    def fund(self, customer: Customer, amount: object) -> None:
        """As customers do it; another customer's amount may make it some cents more."""
        topup = customer.open_topup(amount)
        self.pay(BUSY, topup["amount_usdt"])
        until(lambda: customer.topup(topup["topup_id"])["status"], lambda status: status == "credited_auto")

    def beside(self, customer: Customer) -> Customer:
        """The same customer at this server instead of the one where the key was minted."""
        return attrs.evolve(customer, http=self.http)

    def product(self, price: object, *, units: int = 20, number: int | None = None, **fields: object) -> int:
        """A new product with stock; its number."""
        number = number or 1_000 + next(_numbers)
        body = {
            "sku": f"SKU-{number}",
            "title": f"Product {number}",
            "category": "Acceptance",
            "price_usdt": str(price),
            **fields,
        }
        told(self.operate("PUT", f"/products/{number}", json=body))
        if units:
            self.stock(number, units)
        return number

    def stock(self, product: int, units: int) -> None:
        first = next(_numbers)
        contents = [{"login": f"{product}-{first}-{unit}", "password": "p"} for unit in range(units)]
        told(self.operate("POST", f"/products/{product}/stock", json={"units": contents}))

    def pay(self, network: str, amount: object, *, age_seconds: int = 0) -> str:
        """Send USDT to the shop's wallet; the transaction's hash."""
        body = {"network": network, "amount_usdt": str(amount), "age_seconds": age_seconds}
        tx_hash: str = told(self.http.post("/api/devnet/transfers", json=body))["tx_hash"]
        return tx_hash

    def website_order(self, product: int, network: str) -> Any:
        """A buyer of the website's is about to pay."""
        body = {"product_id": product, "quantity": 1, "network": network}
        return told(self.operate("POST", "/website-orders", json=body))

    @contextmanager
    def supplier(self, mode: str) -> Iterator[None]:
        """What happens to orders meanwhile: fail, partial or hold; otherwise they are delivered."""
        self._set_supplier(mode)
        try:
            yield
        finally:
            self._set_supplier("deliver")

    def cancel(self, order_id: int) -> httpx2.Response:
        return self.act("POST", f"/orders/{order_id}/cancel")

    def act(self, method: str, path: str, **told_too: object) -> httpx2.Response:
        """One of the operator's acts that want a reason, and a key under which they happen once."""
        body = {"reason": "asked for by the client", **told_too}
        headers = {"Idempotency-Key": f"act-{next(_numbers)}"}
        return self.operate(method, path, json=body, headers=headers)

    def _set_supplier(self, mode: str) -> None:
        told(self.http.post("/api/devnet/supplier", json={"mode": mode}))


def fresh_price() -> Decimal:
    """A price below 2,000 that no other order's amount comes near."""
    return (Decimal(1_301) + 1_009 * next(_prices)) * Decimal("0.01")
