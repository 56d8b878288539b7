"""Example answers, made by the very functions that answer, from one consistent story."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Mapping
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
from ytmarket.domain import ledger, orders, pricing
from ytmarket.domain.api_keys import Usage
from ytmarket.domain.catalog import Category, MinimumTerms, Product
from ytmarket.domain.deposits import Deposit, DepositRecord, DepositStatus
from ytmarket.domain.ids import AccountId, DepositId, OrderId, ProductId, ReservationId, TopupId
from ytmarket.domain.ledger import CustomerTotals, Transfer
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
    for number in range(1, 7)
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
PRICE: Final = pricing.base_price(PRODUCT.price, len(ITEMS))
PLACED: Final = Order(
    id=OrderId(789),
    account_id=ANN,
    product_id=PRODUCT.id,
    quantity=len(ITEMS),
    price=PRICE,
    hits=0,
    charged=PRICE,
    created_at=NOON + timedelta(minutes=2),
    updated_at=NOON + timedelta(minutes=2),
    deadline_at=NOON + timedelta(minutes=12),
)
DELIVERY: Final = orders.deliver(PLACED, DONE).order
TOTALS: Final = CustomerTotals(topped_up=Usdt.of(100), charged=PRICE)
USAGE: Final = Usage(requests=12, first_used_at=NOON, last_used_at=DONE, last_endpoint="/api/v1/orders/789")


def opened(network: Network) -> Topup:
    """The top-up on this network, as it was opened."""
    return Topup(
        id=TopupId("0b3f6c1e-5d0a-4c53-9a51-6f1f3a8b2c77"),
        account_id=ANN,
        reservation_id=ReservationId(1),
        network=network,
        address=f"the shop's address on {network.facts.title}",
        requested=Usdt.of(100),
        amount=Usdt.of(100),
        created_at=NOON,
        starts_at=NOON - timedelta(seconds=5),
        expires_at=NOON + timedelta(hours=1),
    )


def deposit(network: Network) -> DepositRecord:
    """The deposit that pays it."""
    topup = opened(network)
    return DepositRecord(
        id=DepositId(42),
        deposit=Deposit(
            network=network,
            tx_hash=TX,
            event_index=0,
            sender=None,
            recipient=topup.address,
            raw=100_000_000,
            decimals=6,
            height=81_000_000,
            block_ref="b10c",
            at=PAID,
        ),
        status=DepositStatus.CREDITED_AUTO,
        account_id=ANN,
        topup_id=topup.id,
    )


def credited(network: Network) -> TopupState:
    """The top-up once it is paid."""
    topup = attrs.evolve(opened(network), status=TopupStatus.CREDITED_AUTO, deposit_id=deposit(network).id)
    return TopupState(topup=topup, network_delayed=False)


def statement(network: Network) -> tuple[Transfer, ...]:
    """What has moved the balance, the newest first."""
    return (
        ledger.order_charged(PLACED.id, ANN, PLACED.price, PLACED.created_at),
        ledger.deposit_credited(deposit(network).id, network, ANN, Usdt.of(100), PAID),
    )


_BODIES: Final[Mapping[str, Callable[[Network], Mapping[str, object]]]] = {
    "/balance/topup": lambda network: {"amount_usdt": 100, "network": network.value},
    "/orders": lambda _: {
        "product_id": PLACED.product_id,
        "quantity": PLACED.quantity,
        "payment_method": "balance",
    },
}
_ANSWERS: Final[Mapping[tuple[str, str], Callable[[Network], object]]] = {
    ("get", "/health"): lambda _: HealthView("ok", epoch_seconds(NOON)),
    ("get", "/products"): lambda _: page(
        slice_of([PRODUCT], PAGE), lambda found: product_view(found, MinimumTerms())
    ),
    ("get", "/products/{id}"): lambda _: product_view(PRODUCT, MinimumTerms()),
    ("get", "/categories"): lambda _: page(slice_of([CATEGORY], PAGE), category_view),
    ("get", "/balance"): lambda _: balance_view(TOTALS),
    ("post", "/balance/topup"): lambda network: topup_state(
        TopupState(topup=opened(network), network_delayed=False)
    ),
    ("get", "/balance/topup/{id}"): lambda network: topup_state(credited(network)),
    ("get", "/balance/topups"): lambda network: page(slice_of([credited(network)], PAGE), topup_state),
    ("get", "/balance/transactions"): lambda network: page(
        slice_of(statement(network), PAGE), lambda transfer: statement_view(transfer, ANN)
    ),
    ("get", "/deposits"): lambda network: DepositsView([deposit_view(deposit(network), ANN)]),
    ("post", "/orders"): lambda _: order_view(PLACED),
    ("get", "/orders"): lambda _: page(slice_of([DELIVERY], PAGE), order_view),
    ("get", "/orders/{id}"): lambda _: order_view(DELIVERY, ITEMS),
    ("get", "/usage"): lambda _: usage_view(USAGE, TOTALS),
}


def network_of(offered: Collection[Network]) -> Network:
    """The network that the examples are on: the reference's, where it is offered."""
    return Network.TRON if Network.TRON in offered else next(iter(offered), Network.TRON)


def body_of(path: str, network: Network = Network.TRON) -> Mapping[str, object]:
    """What is posted to this path."""
    return _BODIES[path](network)


def answer_to(method: str, path: str, network: Network = Network.TRON) -> bytes:
    """What a successful request of this kind is answered, as it goes over the wire."""
    return encode(_ANSWERS[method, path](network))


def webhook() -> bytes:
    """The body of the webhook that tells of the delivered order."""
    return render_event(OrderEvent.of(DELIVERY), DELIVERY, ITEMS)
