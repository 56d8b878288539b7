"""Example answers, made by the very functions that answer, from one consistent story."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Final

import attrs

from ytmarket.adapters.http.routes.health import HealthView
from ytmarket.adapters.http.wire.accounts import balance_view, statement_view, usage_view
from ytmarket.adapters.http.wire.catalog import category_view, product_view
from ytmarket.adapters.http.wire.deposits import DepositsView, deposit_view
from ytmarket.adapters.http.wire.encoding import encode
from ytmarket.adapters.http.wire.lists import page, slice_of
from ytmarket.adapters.http.wire.orders import order_view, render_event
from ytmarket.adapters.http.wire.topups import topup_state
from ytmarket.application.ports.queries import Paging
from ytmarket.application.reading import TopupState
from ytmarket.domain import ledger, orders
from ytmarket.domain.api_keys import Usage
from ytmarket.domain.catalog import Category, MinimumTerms, Product
from ytmarket.domain.deposits import Deposit, DepositRecord, DepositStatus
from ytmarket.domain.ids import AccountId, DepositId, OrderId, ProductId, ReservationId, TopupId
from ytmarket.domain.ledger import CustomerTotals
from ytmarket.domain.money import Usdt
from ytmarket.domain.networks import Network
from ytmarket.domain.orders import Order, OrderEvent
from ytmarket.domain.times import epoch_seconds
from ytmarket.domain.topups import Topup, TopupStatus

NOON: Final = datetime(2026, 5, 23, 12, tzinfo=UTC)
PAID: Final = NOON + timedelta(seconds=25)
DONE: Final = NOON + timedelta(minutes=5)
ANN: Final = AccountId(1)
PAGE: Final = Paging(page_size=50)
TX: Final = "5f0c2a7be1"
ITEMS: Final = tuple(
    json.dumps({"login": f"mail-{number:02d}@example.com", "password": f"example-{number:02d}"}).encode()
    for number in (1, 2)
)

PRODUCT: Final = Product(
    id=ProductId(12345),
    sku="MAIL-AGED",
    title="Webmail, aged one year",
    category="Mail accounts",
    price=Usdt.of("1.25"),
    min_quantity=2,
    available=480,
)
CATEGORY: Final = Category(name="Mail accounts", products=7, min_price=Usdt.of("0.12"))
OPENED: Final = Topup(
    id=TopupId("0b3f6c1e-5d0a-4c53-9a51-6f1f3a8b2c77"),
    account_id=ANN,
    reservation_id=ReservationId(1),
    network=Network.TRON,
    address="the shop's TRON address",
    requested=Usdt.of(100),
    amount=Usdt.of(100),
    created_at=NOON,
    starts_at=NOON - timedelta(seconds=5),
    expires_at=NOON + timedelta(hours=1),
)
CREDITED: Final = TopupState(
    topup=attrs.evolve(OPENED, status=TopupStatus.CREDITED_AUTO, deposit_id=DepositId(42)),
    network_delayed=False,
)
DEPOSIT: Final = DepositRecord(
    id=DepositId(42),
    deposit=Deposit(
        network=Network.TRON,
        tx_hash=TX,
        event_index=0,
        sender=None,
        recipient=OPENED.address,
        raw=100_000_000,
        decimals=6,
        height=81_000_000,
        block_ref="b10c",
        at=PAID,
    ),
    status=DepositStatus.CREDITED_AUTO,
    account_id=ANN,
    topup_id=OPENED.id,
)
PLACED: Final = Order(
    id=OrderId(789),
    account_id=ANN,
    product_id=PRODUCT.id,
    quantity=len(ITEMS),
    price=Usdt.of("2.50"),
    hits=0,
    charged=Usdt.of("2.50"),
    created_at=NOON + timedelta(minutes=2),
    updated_at=NOON + timedelta(minutes=2),
    deadline_at=NOON + timedelta(minutes=12),
)
DELIVERY: Final = orders.deliver(PLACED, DONE).order
TOTALS: Final = CustomerTotals(topped_up=Usdt.of(100), charged=Usdt.of("2.50"))
STATEMENT: Final = (
    ledger.order_charged(PLACED.id, ANN, PLACED.price, PLACED.created_at),
    ledger.deposit_credited(DEPOSIT.id, Network.TRON, ANN, Usdt.of(100), PAID),
)
USAGE: Final = Usage(requests=12, first_used_at=NOON, last_used_at=DONE, last_endpoint="/api/v1/orders/789")

_ANSWERS: Final[Mapping[tuple[str, str], Callable[[], object]]] = {
    ("get", "/health"): lambda: HealthView("ok", epoch_seconds(NOON)),
    ("get", "/products"): lambda: page(
        slice_of([PRODUCT], PAGE), lambda found: product_view(found, MinimumTerms())
    ),
    ("get", "/products/{id}"): lambda: product_view(PRODUCT, MinimumTerms()),
    ("get", "/categories"): lambda: page(slice_of([CATEGORY], PAGE), category_view),
    ("get", "/balance"): lambda: balance_view(TOTALS),
    ("post", "/balance/topup"): lambda: topup_state(TopupState(topup=OPENED, network_delayed=False)),
    ("get", "/balance/topup/{id}"): lambda: topup_state(CREDITED),
    ("get", "/balance/topups"): lambda: page(slice_of([CREDITED], PAGE), topup_state),
    ("get", "/balance/transactions"): lambda: page(
        slice_of(STATEMENT, PAGE), lambda transfer: statement_view(transfer, ANN)
    ),
    ("get", "/deposits"): lambda: DepositsView([deposit_view(DEPOSIT, ANN)]),
    ("post", "/orders"): lambda: order_view(PLACED),
    ("get", "/orders"): lambda: page(slice_of([DELIVERY], PAGE), order_view),
    ("get", "/orders/{id}"): lambda: order_view(DELIVERY, ITEMS),
    ("get", "/usage"): lambda: usage_view(USAGE, TOTALS),
}


def answer_to(method: str, path: str) -> bytes:
    """What a successful request of this kind is answered, as it goes over the wire."""
    return encode(_ANSWERS[method, path]())


def webhook() -> bytes:
    """The body of the webhook that tells of the delivered order."""
    return render_event(OrderEvent.of(DELIVERY), DELIVERY, ITEMS)
